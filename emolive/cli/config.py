"""Typed options for every command, from the command line and from configuration files.

A command's options are a frozen dataclass. A field's annotation gives the type, its docstring the help text,
`Annotated` anything else:

    @dataclass(frozen=True)
    class TrainOptions:
        data: Annotated[Path, Arg(positional=True)]
        \"\"\"Folder with the clips.\"\"\"
        n_epochs: Annotated[int, Range(1, 1000), Arg(aliases=("epochs",))] = 40
        \"\"\"Number of epochs.\"\"\"
        mask: Literal["none", "noise"] = "none"
        \"\"\"Modality dropout.\"\"\"

    options = parse_options(TrainOptions, argv, prog="emolive-train")

Supported types are bool, int, float, str, Path, `Literal` of strings, each of them `| None`, and
`tuple[type, ...]` for several values. A `bool` becomes `--name` and `--no-name`. `--num-heads` and
`--num_heads` are the same option. `--config FILE` reads options from a YAML or JSON file; the command line
overrides it. Checks that involve several options belong in `__post_init__`, which raises `ConfigError`.

Parsing and type checks are jsonargparse's. It is imported on first use, so that a module can declare options
without slowing down the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from emolive.errors import ConfigError
from emolive.plugins import load_plugin
from emolive.registry import Registry

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number: `Annotated[float, Range(0, 1)]`. Infinity and NaN are never accepted."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    """Exclusive lower bound, in place of `minimum`."""

    def contains(self, value: float) -> bool:
        """Whether `value` lies within the bounds."""
        return (
            math.isfinite(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )

    def __str__(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"from {self.minimum:g} to {self.maximum:g}"
        bounds = []
        if self.minimum is not None:
            bounds.append(f"of at least {self.minimum:g}")
        if self.above is not None:
            bounds.append(f"above {self.above:g}")
        if self.maximum is not None:
            bounds.append(f"of at most {self.maximum:g}")
        return " and ".join(bounds)


@dataclass(frozen=True, slots=True)
class Arg:
    """How a field appears on the command line: `Annotated[Path, Arg(metavar="FILE")]`."""

    positional: bool = False
    metavar: str = ""
    """Name of the value in the help; by default the field's name in capitals."""
    aliases: tuple[str, ...] = ()
    """Other names of the option, without the leading hyphens. The help does not list them."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A string that names an entry of a plug-in registry: `Annotated[str, Registered(FUSIONS)]`."""

    registry: Registry


@dataclass(frozen=True, slots=True)
class OptionField:
    """One field of an options dataclass, as the parser needs it."""

    name: str
    type: Any
    """bool, int, float, str, Path or a `Literal`; of a tuple, the type of an element."""
    multiple: bool
    required: bool
    default: Any
    bounds: Range | None
    arg: Arg
    registry: Registry | None
    help: str = ""

    @property
    def flag(self) -> str:
        """The option as typed: `--num-heads`, or `FILE` for a positional argument."""
        return self.metavar if self.arg.positional else f"--{self.name.replace('_', '-')}"

    @property
    def metavar(self) -> str:
        if self.choices and not self.arg.metavar:
            return f"{{{','.join(self.choices)}}}"
        return self.arg.metavar or self.name.upper()

    @property
    def choices(self) -> tuple[str, ...]:
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def expected(self) -> str:
        """Description of valid values, to complete "... must be"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = {bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}
        text = kind.get(self.type, "text")
        return f"{text} {self.bounds}" if self.bounds is not None else text

    def check(self, value: Any) -> None:
        """Raises ConfigError if `value`, which has the right type, is out of range or not registered."""
        for part in value if self.multiple else (value,):
            if part is None:
                continue
            if isinstance(part, float | int) and not (self.bounds or Range()).contains(part):
                raise ConfigError(f"{self.flag} must be {self.expected}, not {part:g}.")
            if self.registry is not None:
                self.registry.check(part)


def option_fields(options: type, *, with_help: bool = False) -> tuple[OptionField, ...]:
    """The fields of an options dataclass.

    Args:
        options: the dataclass; a class that is no dataclass has no options.
        with_help: also read the fields' docstrings (some milliseconds).

    Raises:
        ConfigError: a field has a type that no option can have.
    """
    if not is_dataclass(options):
        return ()
    hints = get_type_hints(options, include_extras=True)
    texts = field_docs(options) if with_help else {}
    described = []
    for field in fields(options):
        hint, extras = hints[field.name], []
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
        if get_origin(hint) in (Union, UnionType):
            (hint,) = (part for part in get_args(hint) if part is not NoneType)
        multiple = get_origin(hint) is tuple
        if multiple:
            hint = get_args(hint)[0]
        if hint not in (bool, int, float, str, Path) and get_origin(hint) is not Literal:
            raise ConfigError(
                f"The option {field.name} of {options.__name__} has an unsupported type: {hint}."
            )
        default = field.default if field.default_factory is MISSING else field.default_factory()
        described.append(
            OptionField(
                name=field.name,
                type=hint,
                multiple=multiple,
                required=default is MISSING,
                default=default,
                bounds=next((extra for extra in extras if isinstance(extra, Range)), None),
                arg=next((extra for extra in extras if isinstance(extra, Arg)), Arg()),
                registry=next((extra.registry for extra in extras if isinstance(extra, Registered)), None),
                help=texts.get(field.name, ""),
            )
        )
    return tuple(described)


def field_docs(options: type) -> dict[str, str]:
    """The docstrings of a dataclass's fields, also of inherited ones, each in one line."""
    from docstring_parser import parse_from_object

    texts: dict[str, str] = {}
    for cls in reversed(options.__mro__[:-1]):
        for param in parse_from_object(cls).params:
            texts[param.arg_name] = " ".join((param.description or "").split())
    return texts


def build_options(options: type[Options], values: Mapping[str, Any], source: str = "") -> Options:
    """An instance from values of a file, with the type and range checks of the command line.

    Args:
        options: the dataclass.
        values: by field name, with - or _; fields that are not named keep their defaults.
        source: where the values are from, for error messages.

    Raises:
        ConfigError: a name is unknown, or a value has a wrong type or is out of range.
    """
    from emolive.cli.parser import OptionsParser

    (instance,) = OptionsParser(options).build(values, source=source)
    return instance  # type: ignore[no-any-return]


def parse_options(
    options: type[Options], argv: Sequence[str], *, prog: str, description: str = ""
) -> Options:
    """An instance from a command line, and from the file that its `--config` names.

    Raises:
        ConfigError: an option is unknown, or a value has a wrong type or is out of range.
        SystemExit: after `--help`.
    """
    from emolive.cli.parser import OptionsParser

    (instance,) = OptionsParser(options, prog=prog, description=description).parse(argv)
    return instance  # type: ignore[no-any-return]


def check_options(options: Any, only: Iterable[str] | None = None) -> None:
    """Check the ranges and registered names of an instance that was made in code.

    Args:
        options: the instance.
        only: the fields to check; by default all.

    Raises:
        ConfigError: a value is out of range.
    """
    names = None if only is None else set(only)
    for field in option_fields(type(options)):
        if names is None or field.name in names:
            field.check(getattr(options, field.name))


def load_plugins(argv: Sequence[str]) -> list[str]:
    """Load the file of every `--plugin FILE.py` in a command line; the other arguments are returned.

    This precedes parsing: a plug-in can add commands (data sets) and valid names.

    Raises:
        ConfigError: there is no such file, or it fails.
    """
    paths, rest = extract_option(argv, "--plugin", "the path of a Python file")
    for path in paths:
        load_plugin(Path(path))
    return rest


def extract_option(argv: Sequence[str], flag: str, value_text: str) -> tuple[list[str], list[str]]:
    """The values of an option that is needed before a command line can be parsed.

    Args:
        argv: the arguments; those after "--" are not searched.
        flag: the option, such as "--plugin".
        value_text: description of its value, for the message.

    Returns:
        The values in order, and the other arguments.

    Raises:
        ConfigError: a value is missing.
    """
    values: list[str] = []
    rest: list[str] = []
    tokens = iter(argv)
    for token in tokens:
        if token == "--":
            return values, [*rest, token, *tokens]
        name, equals, value = token.partition("=")
        if name != flag:
            rest.append(token)
            continue
        value = value if equals else next(tokens, "")
        if not value:
            raise ConfigError(f"{flag} needs {value_text}.")
        values.append(value)
    return values, rest
