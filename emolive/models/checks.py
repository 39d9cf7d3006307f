"""Checks of single values of a model description. Each raises ConfigError in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from emolive.errors import ConfigError

MAX_TEXT = 100
MAX_ITEMS = 1000


def exact(cls: type, values: Any, what: str) -> dict[str, Any]:
    """A copy of `values`, which must name the fields of a dataclass and nothing else."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"The {what} does not fit this version: it is a {type(values).__name__}.")
    if odd := sorted(set(map(str, values)) ^ {f.name for f in fields(cls)}):
        raise ConfigError(f"The {what} does not fit this version: {', '.join(odd)}.")
    return dict(values)


def number(name: str, value: object, low: float, high: float, *, integer: bool = False) -> None:
    kinds = (int,) if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
        kind = "a whole number" if integer else "a number"
        raise ConfigError(f"The model description does not fit: {name} must be {kind}, not {value!r}.")
    if not low <= value <= high:
        raise ConfigError(
            f"The model description does not fit: {name} must be from {low:g} to {high:g}, and is {value:g}."
        )


def choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ConfigError(
            f"The model description does not fit: {name} must be {' or '.join(choices)}, not {value!r}."
        )


def text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise ConfigError(f"The model description does not fit: {name} must be a short text, not {value!r}.")
    return value


def texts(name: str, values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or len(values) > MAX_ITEMS:
        raise ConfigError(f"The model description does not fit: {name} must be a list of texts.")
    return tuple(text(name, value) for value in values)


def unique(name: str, values: tuple[str, ...]) -> None:
    if twice := next((value for value in values if values.count(value) > 1), None):
        raise ConfigError(f"The model description does not fit: {twice} stands twice in {name}.")


def triple(name: str, values: object) -> tuple[float, float, float]:
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise ConfigError(f"The model description does not fit: {name} must be three numbers.")
    a, b, c = values
    return a, b, c
