"""Commands with sub-commands: which one a command line names, and how it ends.

A command is a function of one parameter, its options (see `emolive.cli.config`), that returns an exit code.
Only the command that runs is imported.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_type_hints

from emolive._compat.stderr import keep_python_stderr
from emolive.cli.config import load_plugins, option_fields
from emolive.cli.interrupts import Interrupted, early_exit, interruptible
from emolive.errors import ConfigError, EmoliveError, OutputError
from emolive.printable import printable


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a group."""

    name: str
    summary: str
    """For the list of commands: a few words."""
    target: str | Callable[..., int]
    """The function, or its import path "module:function"."""
    options: Callable[[], tuple[type, ...]] | None = None
    """Returns the options dataclasses of its parameters; by default those in the function's annotations."""

    def run(self, argv: Sequence[str], prog: str, *, description: str = "") -> int:
        """Parse the options and run the command.

        Args:
            argv: the arguments behind the command's name.
            prog: the command as typed.
            description: for `--help`, in place of the docstring of the options.

        Raises:
            EmoliveError: an option is wrong, or the command failed.
        """
        with early_exit():
            function = load(self.target) if isinstance(self.target, str) else self.target
            if self.options is not None:
                options = self.options()
            else:
                hints = get_type_hints(function)
                options = tuple(hint for name, hint in hints.items() if name != "return")
            if not argv and not any(field.required for cls in options for field in option_fields(cls)):
                # Plain `emolive run` shows its window sooner without the parser.
                values: Sequence[object] = [cls() for cls in options]
            else:
                from emolive.cli.parser import OptionsParser

                values = OptionsParser(*options, prog=prog, description=description).parse(argv)
        return int(function(*values))


@dataclass(frozen=True)
class CommandGroup:
    """A program whose first argument names a command.

    Calling it runs a command line and returns the exit code: 2 after one line on stderr for a wrong option or
    anything that an `EmoliveError` describes, 130 after Ctrl-C.
    """

    prog: str
    description: str
    commands: tuple[Command, ...] | Callable[[], tuple[Command, ...]]
    """The commands, or a function that returns them once plug-ins are loaded."""
    default: str = ""
    """The command that runs if the first argument names none; "" for none."""
    entry_points: str = ""
    """Group of entry points that add commands: functions of the remaining arguments."""
    external: Mapping[str, str] = field(default_factory=dict)
    """Name and summary of commands that come from entry points of packages that may not be installed."""
    version: bool = False
    """Whether `--version` prints the version of emolive."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        arguments = sys.argv[1:] if argv is None else list(argv)
        return guarded(self.prog, lambda: self._run(load_plugins(arguments)))

    def _run(self, argv: list[str]) -> int:
        first = argv[0] if argv else ""
        if first == "--version" and self.version:
            from importlib.metadata import version

            sys.stdout.write(f"{self.prog} {version('emolive')}\n")
            return 0
        commands = self._commands()
        if first in commands:
            return commands[first].run(argv[1:], f"{self.prog} {first}")
        if first in ("-h", "--help") or (not first and not self.default):
            return self._help()
        if self.default and (not first or first.startswith("-")):
            return commands[self.default].run(argv, self.prog)
        if self.entry_points and (external := self._external(first)):
            return external(argv[1:])
        raise ConfigError(self._unknown(first))

    def _commands(self) -> dict[str, Command]:
        commands = self.commands() if callable(self.commands) else self.commands
        return {command.name: command for command in commands}

    def _external(self, name: str) -> Callable[[Sequence[str]], int] | None:
        from importlib.metadata import entry_points

        for point in entry_points(group=self.entry_points, name=name):
            return point.load()  # type: ignore[no-any-return]
        return None

    def _unknown(self, name: str) -> str:
        if name in self.external:
            return (
                f"The command {name} is not installed: install emolive from its repository with `make "
                f"train-ready`, or pip install -e '.[train]' there."
            )
        if name.startswith("-"):
            return f"A command must come first, not {name}. See {self.prog} --help."
        close = difflib.get_close_matches(name, [*self._commands(), *self.external], n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        return f"There is no command {name}{hint} See {self.prog} --help."

    def _help(self) -> int:
        commands = self._commands()
        listed = {name: command.summary for name, command in commands.items()} | dict(self.external)
        width = max(map(len, listed)) + 2
        lines = "\n".join(f"  {name:<{width}}{summary}" for name, summary in listed.items())
        text = f"{textwrap.fill(self.description, 79)}\n\ncommands (each has its own --help):\n{lines}"
        if self.default:
            command = commands[self.default]
            return command.run(
                ["--help"], self.prog, description=f"{text}\n\nWithout a command: {command.summary}."
            )
        sys.stdout.write(f"usage: {self.prog} COMMAND [options]\n\n{text}\n")
        return 0


def run_program(prog: str, function: Callable[..., int], argv: Sequence[str] | None = None) -> int:
    """Run a program of one command; returns its exit code, see `guarded`.

    Args:
        prog: the program as typed.
        function: the command: a function of its options.
        argv: the arguments; by default those of the process.
    """
    arguments = sys.argv[1:] if argv is None else argv
    return guarded(prog, lambda: Command("", "", function).run(arguments, prog))


def load(target: str) -> Callable[..., int]:
    """Import "module:function"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def guarded(prog: str, work: Callable[[], int]) -> int:
    """Run `work` and convert its exceptions to an exit code.

    Returns:
        The result of `work`; 2 after one line on stderr for an `EmoliveError`; 130 after Ctrl-C, 143 after
        SIGTERM.
    """
    keep_python_stderr()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names need not be valid text, and a terminal need not have all characters.
            stream.reconfigure(errors="backslashreplace")
    try:
        with interruptible():
            code = work()
        with output_errors("The output"):
            sys.stdout.flush()
        return code
    except SystemExit as end:
        # The parser ends the process after --help.
        return end.code if isinstance(end.code, int) else 0
    except EmoliveError as error:
        report(str(error), prog)
        _discard_unwritable_output()
        return 2
    except KeyboardInterrupt as stop:
        if str(stop):
            sys.stderr.write(f"{prog}: {stop}\n")
        return stop.code if isinstance(stop, Interrupted) else 130
    except BrokenPipeError:
        # The reader of our output has closed it, which is not an error.
        _discard_unwritable_output()
        return 0


def report(sentence: str, prog: str = "emolive") -> None:
    """Write one line on stderr, whatever the names in it contain."""
    sys.stderr.write(f"{prog}: {printable(' '.join(sentence.split()))}\n")


@contextlib.contextmanager
def output_errors(what: str) -> Iterator[None]:
    """Turn an OSError into an OutputError, except for a closed pipe.

    Args:
        what: the output, as the subject of the message.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{what} cannot be written: {error.strerror or error}.") from error


def _discard_unwritable_output() -> None:
    """Drop what stdout still buffers if it cannot be written: Python would complain about it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
