"""Options as a table: one dataclass field each, from which the command line and its checks are made."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from emolive.errors import EmoliveError


def option(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """A field of an options dataclass, with what `--help` and the checks want to know."""
    return field(default=default, metadata={"help": text, "choices": choices, "low": low, "high": high})


def add_options(
    parser: argparse.ArgumentParser,
    options: type,
    *,
    without: Collection[str] = (),
    also: Mapping[str, str] | None = None,
) -> None:
    """Every option, with hyphens or underscores, and `--config`; nothing is set that was not given.

    Args:
        parser: to add them to.
        options: the dataclass.
        without: fields that are no options.
        also: second names of some fields.
    """
    parser.add_argument("--config", default="", help="config.json of an earlier run, to start it again")
    for f in fields(options):
        if f.name in without:
            continue
        names = [f"--{f.name}"] + ([f"--{f.name.replace('_', '-')}"] if "_" in f.name else [])
        names += [also[f.name]] if also and f.name in also else []
        text = f"{f.metadata['help']} (default: {f.default})".replace("%", "%%")
        given: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text, "dest": f.name}
        if isinstance(f.default, bool):
            parser.add_argument(*names, action=argparse.BooleanOptionalAction, **given)
        else:
            choices = f.metadata["choices"]
            metavar = None if choices else f.name.upper()
            parser.add_argument(*names, type=type(f.default), choices=choices, metavar=metavar, **given)


def check_values(options: Any) -> None:
    """EmoliveError for an option of another type, out of range or not among its choices."""
    for f in fields(options):
        value, low, high = getattr(options, f.name), f.metadata["low"], f.metadata["high"]
        kind = type(f.default)
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise EmoliveError(f"--{f.name} must be {kind.__name__}, and is {value!r}.")
        if f.metadata["choices"] and value not in f.metadata["choices"]:
            raise EmoliveError(f"--{f.name} must be one of {', '.join(f.metadata['choices'])}, not {value}.")
        if low is not None and not low <= value <= high:
            raise EmoliveError(f"--{f.name} must be from {low:g} to {high:g}, and is {value:g}.")


def check_same_run(
    folder: Path, stored: Mapping[str, Any], given: Mapping[str, Any], free: Collection[str]
) -> None:
    """EmoliveError if an option that was given, and is not in `free`, differs from the run's in `folder`."""
    for key, value in given.items():
        if key not in free and stored.get(key) != value:
            raise EmoliveError(
                f"The run in {folder} has {key} {stored.get(key)}, and {value} was asked for: leave the "
                f"option out, or start a new run."
            )
