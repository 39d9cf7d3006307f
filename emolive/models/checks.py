"""Checks of single values of a model description. Each raises ConfigError in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.errors import ConfigError
from emolive.printable import printable

MAX_TEXT = 100
MAX_ITEMS = 1000
MAX_SHOWN = 60


def exact(cls: type, values: Any, what: str) -> dict[str, Any]:
    """A copy of `values`, which must name the fields of a dataclass and nothing else."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"The {what} does not fit this version: it is a {type(values).__name__}.")
    if odd := sorted(set(map(str, values)) ^ {f.name for f in fields(cls)}):
        raise ConfigError(f"The {what} does not fit this version: {shorten(', '.join(odd))}.")
    return dict(values)


def number(name: str, value: object, low: float, high: float, *, integer: bool = False) -> None:
    kinds = (int,) if integer else (int, float)
    # A whole number of any length is compared before it is turned into a float, which could overflow.
    if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) < math.inf:
        kind = "a whole number" if integer else "a number"
        raise ConfigError(f"The model description does not fit: {name} must be {kind}, not {shown(value)}.")
    if not low <= value <= high:
        raise ConfigError(
            f"The model description does not fit: {name} must be from {low:g} to {high:g}, and is "
            f"{shown(value)}."
        )


def choice(name: str, value: object, choices: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(
            f"The model description does not fit: {name} must be {' or '.join(choices)}, not {shown(value)}."
        )


def text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise ConfigError(
            f"The model description does not fit: {name} must be a short text, not {shown(value)}."
        )
    return value


def texts(name: str, values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or len(values) > MAX_ITEMS:
        raise ConfigError(f"The model description does not fit: {name} must be a list of texts.")
    return tuple(text(name, value) for value in values)


def unique(name: str, values: tuple[str, ...]) -> None:
    if twice := next((value for value in values if values.count(value) > 1), None):
        raise ConfigError(f"The model description does not fit: {twice} stands twice in {name}.")


def mapping(name: str, values: object) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(f"The description is damaged: {name} must be a table, not {shown(values)}.")
    return dict(values)


def array(name: str, values: object, width: int) -> NDArray[np.float64]:
    """A list of so many finite numbers, as float64."""
    if not isinstance(values, list | tuple) or len(values) != width:
        raise ConfigError(f"The description does not fit: {name} must be {width} numbers.")
    for value in values:
        number(name, value, -1e300, 1e300)
    return np.array(values, np.float64)


def shorten(text: str, length: int = MAX_SHOWN) -> str:
    """Text of a file for a message: control characters escaped, and short."""
    text = printable(text[: length + 1])
    return text if len(text) <= length else f"{text[:length]}…"


def shown(value: object) -> str:
    """A value in a message: in one line, and short."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15:
        return "a very long number"
    if isinstance(value, float):
        return f"{value:g}"
    return shorten(repr(value))


def pair(name: str, values: object) -> tuple[float, float]:
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise ConfigError(f"The model description does not fit: {name} must be two numbers.")
    a, b = values
    return a, b


def triple(name: str, values: object) -> tuple[float, float, float]:
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise ConfigError(f"The model description does not fit: {name} must be three numbers.")
    a, b, c = values
    return a, b, c
