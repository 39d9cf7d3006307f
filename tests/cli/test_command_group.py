"""Programs with sub-commands: which command runs, help, and exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from emolive.cli.commands import Command, CommandGroup, guarded
from emolive.cli.config import Arg
from emolive.errors import EmoliveError


@dataclass(frozen=True)
class Options:
    """Greet someone."""

    name: str = "world"
    """Whom to greet."""


@dataclass(frozen=True)
class PlaceOptions:
    """Greet a place."""

    place: Annotated[str, Arg(positional=True)]
    """Which one."""


def greet(options: Options) -> int:
    print(f"Hello {options.name}.")  # noqa: T201
    return 0


def greet_in(options: Options, place: PlaceOptions) -> int:
    print(f"Hello {options.name} in {place.place}.")  # noqa: T201
    return 3


COMMANDS = (Command("greet", "greet somebody", greet), Command("greet-in", "greet somewhere", greet_in))
WITH_DEFAULT = CommandGroup("hello", "Greets.", COMMANDS, default="greet")
WITHOUT = CommandGroup("hello", "Greets.", lambda: COMMANDS)


def test_the_first_argument_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert WITHOUT(["greet", "--name", "Ann"]) == 0
    assert WITHOUT(["greet-in", "Rome"]) == 3
    assert capsys.readouterr().out == "Hello Ann.\nHello world in Rome.\n"


def test_the_default_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert WITH_DEFAULT([]) == 0
    assert WITH_DEFAULT(["--name", "Ann"]) == 0
    assert capsys.readouterr().out == "Hello world.\nHello Ann.\n"
    assert WITH_DEFAULT(["Ann"]) == 2


def test_help_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert WITHOUT([]) == 0
    without = capsys.readouterr().out
    assert without.startswith("usage: hello COMMAND [options]\n\nGreets.\n")
    assert "  greet-in  greet somewhere\n" in without
    assert WITH_DEFAULT(["--help"]) == 0
    text = capsys.readouterr().out
    assert "greet-in  greet somewhere" in text
    assert "Whom to greet. (default: world)" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["gret"], "hello: There is no command gret; did you mean greet? See hello --help.\n"),
        (["--name", "Ann"], "hello: A command must come first, not --name. See hello --help.\n"),
        (["greet", "Ann"], "hello: There is an argument too many: Ann. See hello greet --help.\n"),
        (["greet-in"], "hello: PLACE is missing. See hello greet-in --help.\n"),
        (["--version"], "hello: A command must come first, not --version. See hello --help.\n"),
    ],
)
def test_errors(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert WITHOUT(argv) == 2
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (EmoliveError("Two\n  lines."), 2, "x: Two lines.\n"),
        (KeyboardInterrupt(), 130, ""),
        (KeyboardInterrupt("Stopped: 2 of 4 are done."), 130, "x: Stopped: 2 of 4 are done.\n"),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert guarded("x", fail) == code
    assert capsys.readouterr().err == message
