"""Builds a jsonargparse parser from options dataclasses, and reports its errors in one sentence."""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonargparse

from emolive.cli.config import OptionField, load_plugins, option_fields
from emolive.cli.config_file import read_config
from emolive.errors import ConfigError
from emolive.plugins import load_plugin
from emolive.printable import printable


@dataclass(frozen=True, slots=True)
class ParsedValues:
    """Explicit values, by field name. Defaults are not among them."""

    file: dict[str, Any]
    """Those of the `--config` file."""
    command_line: dict[str, Any]

    @property
    def merged(self) -> dict[str, Any]:
        """Both; the command line overrides the file."""
        return {**self.file, **self.command_line}


class OptionsParser:
    """Parses one command line into instances of one or several options dataclasses.

    Args:
        classes: the dataclasses; their field names must differ.
        prog: the command, for usage and errors.
        description: paragraphs for `--help`; by default the docstring of the first class.
        epilog: text below the options.
    """

    def __init__(self, *classes: type, prog: str = "", description: str = "", epilog: str = "") -> None:
        self._classes = classes
        self._prog, self._epilog = prog, epilog
        self._description = description or (description_of(classes[0]) if classes else "")
        self._fields: dict[str, OptionField] = {}
        for cls in classes:
            for field in option_fields(cls):
                if field.name in self._fields or field.name in ("config", "plugin", "help"):
                    raise ConfigError(f"The option {field.flag} of {cls.__name__} exists already.")
                self._fields[field.name] = field
        self._aliases = {
            f"--{alias.replace('_', '-')}": field.flag
            for field in self._fields.values()
            for alias in field.arg.aliases
        }

    def parse(self, argv: Sequence[str]) -> tuple[Any, ...]:
        """One instance of each class.

        Raises:
            ConfigError: an option is unknown or missing, or a value has a wrong type or is out of range.
            SystemExit: after `--help`.
        """
        return self.instantiate(self.parse_values(argv).merged)

    def build(self, values: Mapping[str, Any], source: str = "") -> tuple[Any, ...]:
        """One instance of each class, from the values of a file.

        Raises:
            ConfigError: a name is unknown or missing, or a value has a wrong type or is out of range.
        """
        return self.instantiate(self.check_values(values, source))

    def instantiate(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """One instance of each class, from checked values.

        Raises:
            ConfigError: a value without a default is missing.
        """
        for field in self._fields.values():
            if field.required and field.name not in values:
                raise self._usage_error(f"{field.flag} is missing")
        return tuple(
            cls(**{field.name: values[field.name] for field in option_fields(cls) if field.name in values})
            for cls in self._classes
        )

    def parse_values(self, argv: Sequence[str]) -> ParsedValues:
        """The values that a command line and its configuration file give, checked.

        Raises:
            ConfigError: an option is unknown, or a value has a wrong type or is out of range.
            SystemExit: after `--help`.
        """
        argv = self._normalized(load_plugins(argv))
        parser = self._build(with_help=bool({"-h", "--help"} & set(argv)))
        try:
            parsed = vars(parser.parse_args(argv, defaults=False))
        except argparse.ArgumentError as error:
            raise self._translated(error, argv) from error
        arguments = {name: value for name, value in parsed.items() if value not in (None, [])}
        file: dict[str, Any] = {}
        if path := arguments.pop("config", None):
            stored = read_config(Path(path))
            plugins = stored.pop("plugin", [])
            for plugin in [plugins] if isinstance(plugins, str) else plugins:
                load_plugin(Path(plugin))
            file = self.check_values(stored, str(path))
        return ParsedValues(file, {name: self._checked(name, value) for name, value in arguments.items()})

    def check_values(self, values: Mapping[str, Any], source: str = "") -> dict[str, Any]:
        """The values of a file, converted to the types of their fields.

        Raises:
            ConfigError: a name is unknown, or a value has a wrong type or is out of range.
        """
        parser = self._build()
        where = f"{source}: " if source else ""
        checked: dict[str, Any] = {}
        for key, raw in values.items():
            name = key.replace("-", "_")
            alias = self._aliases.get(f"--{name.replace('_', '-')}")
            name = alias.removeprefix("--").replace("-", "_") if alias else name
            field = self._fields.get(name)
            if field is None:
                raise ConfigError(
                    _sentence(f"{where}There is no option {key}{self._suggestion(f'--{name}')}")
                )
            if raw is None and field.default is None:
                checked[name] = None
                continue
            value = (
                [_text(part, field) for part in raw] if isinstance(raw, list | tuple) else _text(raw, field)
            )
            try:
                if isinstance(value, list) is not field.multiple:
                    raise argparse.ArgumentError(None, "one value or several")
                if field.type is bool and not isinstance(value, bool):
                    raise argparse.ArgumentError(None, "not a bool")
                value = parser.parse_object({name: value}, defaults=False, _skip_required=True)[name]
            except (argparse.ArgumentError, OverflowError) as error:
                raise ConfigError(
                    f"{where}{field.flag} must be {field.expected}, not {_shown(raw)}."
                ) from error
            checked[name] = self._checked(name, value, where)
        return checked

    def knows(self, name: str) -> bool:
        """Whether an option has this name or alias."""
        return name in self._fields or f"--{name.replace('_', '-')}" in self._aliases

    def _checked(self, name: str, value: Any, where: str = "") -> Any:
        field = self._fields[name]
        if field.type is Path:
            value = [Path(part) for part in value] if field.multiple else Path(value)
        if field.multiple:
            value = tuple(value)
        try:
            field.check(value)
        except ConfigError as error:
            raise ConfigError(f"{where}{error}") from None
        return value

    def _normalized(self, argv: Sequence[str]) -> list[str]:
        """`--num_heads=4` → `--num-heads=4`, and aliases → the option's own name."""
        result: list[str] = []
        for i, token in enumerate(argv):
            if token == "--":
                return [*result, *argv[i:]]
            if token.startswith("--"):
                name, equals, value = token.partition("=")
                name = name.replace("_", "-")
                result.append(self._aliases.get(name, name) + equals + value)
            else:
                result.append(token)
        return result

    def _build(self, *, with_help: bool = False) -> jsonargparse.ArgumentParser:
        arguments = [_usage_of(field) for field in self._fields.values() if field.arg.positional]
        parser = jsonargparse.ArgumentParser(
            prog=self._prog or None,
            usage=" ".join(["%(prog)s", *arguments, "[options]"]),
            description=self._description,
            epilog=self._epilog,
            formatter_class=_HelpFormatter,
            exit_on_error=False,
            allow_abbrev=False,
        )
        texts: dict[str, str] = {}
        if with_help:
            for cls in self._classes:
                texts |= {field.name: field.help for field in option_fields(cls, with_help=True)}
        for field in self._fields.values():
            _add_argument(parser, field, _help_text(field, texts.get(field.name, "")))
        parser.add_argument(
            "--config", type=str, metavar="FILE", help="Read options from this YAML or JSON file."
        )
        parser.add_argument(
            "--plugin", type=str, metavar="FILE.py", help="Load a plug-in; can be given several times."
        )
        return parser

    def _translated(self, error: argparse.ArgumentError, argv: Sequence[str]) -> ConfigError:
        """jsonargparse's message as one sentence."""
        message = str(error)
        if (match := re.match(r'Parser key "(\w+)"', message)) and (field := self._fields.get(match[1])):
            value = _value_of(field.flag, argv)
            return ConfigError(f"{field.flag} must be {field.expected}{f', not {value}' if value else ''}.")
        if match := re.match(r"unrecognized arguments: ([^\s=]+)", message):
            if match[1].startswith("-"):
                return self._usage_error(f"There is no option {match[1]}{self._suggestion(match[1])}")
            return self._usage_error(f"There is an argument too many: {match[1]}")
        if match := re.match(r"argument (--[\w-]+)\S*: expected", message):
            return self._usage_error(f"{match[1]} needs a value")
        if match := re.match(r"argument (--[\w-]+)\S*: ignored explicit argument", message):
            return self._usage_error(f"{match[1]} takes no value")
        return self._usage_error(" ".join(message.split()))

    def _suggestion(self, flag: str) -> str:
        flags = [field.flag for field in self._fields.values() if not field.arg.positional]
        close = difflib.get_close_matches(flag.replace("_", "-"), [*flags, *self._aliases], n=1)
        return f"; did you mean {close[0]}?" if close else ""

    def _usage_error(self, sentence: str) -> ConfigError:
        return ConfigError(_sentence(sentence) + (f" See {self._prog} --help." if self._prog else ""))


def description_of(options: type) -> str:
    """The docstring of an options class; "" if it has none."""
    text = inspect.cleandoc(options.__doc__ or "")
    # dataclass makes a docstring of the signature where there is none.
    return "" if text.startswith(f"{options.__name__}(") else text


def _add_argument(parser: jsonargparse.ArgumentParser, field: OptionField, text: str) -> None:
    if field.type is bool:
        # `--no-train` is an option of its own, not the opposite of `--train`.
        prefix = None if field.flag.startswith("--no-") else "no-"
        action = jsonargparse.ActionYesNo(no_prefix=prefix)  # type: ignore[arg-type]
        parser.add_argument(field.flag, dest=field.name, action=action, default=field.default, help=text)
        return
    # Paths are parsed as text, since the library refuses file names that are not valid UTF-8.
    kind = str if field.type is Path else field.type
    settings: dict[str, Any] = {"type": kind, "metavar": field.metavar, "help": text}
    if field.arg.positional:
        # Missing options are reported after the configuration file was read.
        parser.add_argument(field.name, nargs="*" if field.multiple else "?", **settings)
        return
    if field.multiple:
        settings["nargs"] = "+"
    parser.add_argument(field.flag, dest=field.name, **settings)


def _shown(value: Any) -> str:
    """A value of a file in a message: in one line, and short."""
    text = str(value) if isinstance(value, str | bool | float) else repr(value)
    return printable(text[:80])


def _usage_of(field: OptionField) -> str:
    name = f"{field.metavar} [{field.metavar} ...]" if field.multiple else field.metavar
    return name if field.required else f"[{name}]"


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _text(value: Any, field: OptionField) -> Any:
    """YAML reads `source: 0` as a number and `2e-3` as text; a field's own type decides."""
    if field.type in (str, Path) and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _value_of(flag: str, argv: Sequence[str]) -> str:
    """The value of an option on a command line."""
    values: list[str] = []
    for i, token in enumerate(argv):
        if token.startswith(f"{flag}="):
            values = [token.partition("=")[2]]
        elif token == flag:
            values = list(argv[i + 1 : i + 2])
    return " ".join(values)


def _help_text(field: OptionField, text: str) -> str:
    default = field.default
    if default is not None and default is not False and default not in ((), "") and not field.required:
        value = " ".join(map(str, default)) if field.multiple else "yes" if default is True else str(default)
        text = f"{text} (default: {value})"
    return text.strip().replace("%", "%%")


class _HelpFormatter(argparse.HelpFormatter):
    """Keeps the paragraphs of a description, and aligned lines within them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(
            part if "\n  " in part else super(_HelpFormatter, self)._fill_text(part, width, indent)
            for part in paragraphs
        )
