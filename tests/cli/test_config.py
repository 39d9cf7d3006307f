"""Options from dataclasses: types, ranges, spellings, configuration files and one-line errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from emolive.cli.config import (
    Arg,
    Range,
    Registered,
    build_options,
    check_options,
    parse_options,
)
from emolive.cli.config_file import write_config
from emolive.cli.parser import OptionsParser
from emolive.errors import ConfigError
from emolive.plugins import FUSIONS


@dataclass(frozen=True)
class Base:
    num_heads: Annotated[int, Range(1, 64), Arg(aliases=("heads",))] = 1
    """Attention heads."""


@dataclass(frozen=True)
class Options(Base):
    """Options of a test."""

    files: Annotated[tuple[Path, ...], Arg(positional=True, metavar="FILE")] = ()
    """Media files."""
    source: str = "auto"
    """What to open."""
    learning_rate: Annotated[float, Range(1e-9, 10)] = 2e-3
    """Peak learning rate, 100 % of it."""
    duration: Annotated[float | None, Range(above=0)] = None
    """Seconds."""
    mask: Literal["none", "noise"] | None = None
    """Modality dropout."""
    fusion: Annotated[str | None, Registered(FUSIONS)] = None
    """Fusion."""
    actors: tuple[str, ...] = ()
    """Actors."""
    same_person: bool = False
    """One person in all files."""


def parse(*argv: str) -> Options:
    return parse_options(Options, argv, prog="emolive test")


def test_types_and_defaults() -> None:
    assert parse() == Options()
    assert parse("a.mp4", "b.mp4", "--duration", "3", "--source", "0") == Options(
        files=(Path("a.mp4"), Path("b.mp4")), duration=3.0, source="0"
    )
    assert parse("--actors", "1", "anna", "--same-person").actors == ("1", "anna")
    assert parse("--learning-rate=1e-3").learning_rate == 1e-3
    assert parse("--source", "-1").source == "-1"


@pytest.mark.parametrize("flag", ["--num_heads", "--num-heads", "--heads"])
def test_one_option_under_all_its_spellings(flag: str) -> None:
    assert parse(flag, "4").num_heads == 4
    assert parse(f"{flag}=4").num_heads == 4


def test_flags_can_be_negated(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("same-person: true\n")
    assert parse("--config", str(config)).same_person
    assert not parse("--config", str(config), "--no-same-person").same_person


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--num-heads", "65"], "--num-heads must be a whole number from 1 to 64, not 65."),
        (["--num-heads", "1.5"], "--num-heads must be a whole number from 1 to 64, not 1.5."),
        (["--heads", "0"], "--num-heads must be a whole number from 1 to 64, not 0."),
        (["--duration", "soon"], "--duration must be a number above 0, not soon."),
        (["--duration", "-1"], "--duration must be a number above 0, not -1."),
        (["--duration", "nan"], "--duration must be a number above 0, not nan."),
        (["--duration", "inf"], "--duration must be a number above 0, not inf."),
        (["--mask", "nose"], "--mask must be one of none, noise, not nose."),
        (["--fusion", "xy"], "There is no fusion named xy: choose lt, it, ia."),
        (["--sorce", "0"], "There is no option --sorce; did you mean --source? See emolive test --help."),
        (["--frobnicate"], "There is no option --frobnicate. See emolive test --help."),
        (["--source"], "--source needs a value. See emolive test --help."),
        (["--same-person=no"], "--same-person takes no value. See emolive test --help."),
        (["--config", "missing.yaml"], "missing.yaml cannot be read"),
        (["--plugin", "missing.py"], "There is no plug-in missing.py."),
        (["--plugin"], "--plugin needs the path of a Python file."),
    ],
)
def test_errors_are_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(*argv)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_written_configuration_repeats_the_options(tmp_path: Path, suffix: str) -> None:
    options = Options(files=(Path("a"),), num_heads=2, duration=1.5, mask="noise", same_person=True)
    path = tmp_path / f"c{suffix}"
    write_config(path, options)
    assert parse("--config", str(path)) == options
    assert parse("--config", str(path), "--heads", "8", "b").num_heads == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_heads: 65", "c.yaml: --num-heads must be a whole number from 1 to 64, not 65."),
        ("num_heads: two", "c.yaml: --num-heads must be a whole number from 1 to 64, not two."),
        ("num_heads: [1, 2]", "c.yaml: --num-heads must be"),
        ("actors: anna", "c.yaml: --actors must be text, not anna."),
        ("same_person: 3", "c.yaml: --same-person must be true or false, not 3."),
        ("sorce: '0'", "c.yaml: There is no option sorce; did you mean --source?"),
        ("duration: .inf", "c.yaml: --duration must be a number above 0, not inf."),
        ("fusion: xy", "c.yaml: There is no fusion named xy"),
        ("[1, 2", "neither YAML nor JSON"),
        ("just text", "must hold option names"),
        ("plugin: missing.py", "There is no plug-in missing.py"),
    ],
)
def test_a_file_is_checked_as_the_command_line_is(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        parse("--config", str(path))
    assert message in str(error.value)


def test_yaml_values_are_converted_to_the_option_type(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("source: 0\nlearning_rate: 1e-3\nactors: [1, anna]\nduration: null\nheads: 2\n")
    options = parse("--config", str(path))
    assert (options.source, options.learning_rate, options.actors) == ("0", 1e-3, ("1", "anna"))
    assert options.num_heads == 2


def test_values_of_file_and_command_line_are_separate(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"num_heads": 2, "source": "demo"}))
    values = OptionsParser(Options).parse_values(["--config", str(path), "--num-heads", "4"])
    assert values.file == {"num_heads": 2, "source": "demo"}
    assert values.command_line == {"num_heads": 4}
    assert values.merged == {"num_heads": 4, "source": "demo"}


def test_options_made_in_code_are_checked_alike() -> None:
    assert build_options(Options, {"num-heads": 3}) == Options(num_heads=3)
    check_options(Options())
    with pytest.raises(ConfigError, match="from 1 to 64, not 65"):
        check_options(Options(num_heads=65))
    with pytest.raises(ConfigError, match="There is no option odd"):
        build_options(Options, {"odd": 3})


def test_a_value_without_default_may_come_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("data: faces.zip")
    (options,) = OptionsParser(_Required, prog="x").parse(["--config", str(path)])
    assert options.data == "faces.zip"
    with pytest.raises(ConfigError, match=r"DATA is missing. See x --help"):
        OptionsParser(_Required, prog="x").parse([])


@dataclass(frozen=True)
class _Required:
    data: Annotated[str, Arg(positional=True)]


def test_help_lists_docs_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: emolive test [FILE [FILE ...]] [options]")
    for part in (
        "Options of a test.",
        "--num-heads",
        "Attention heads. (default: 1)",
        "{none,noise}",
        "100 % of it",
    ):
        assert part in text
    assert "--heads" not in text
    assert "--same-person, --no-same-person" in text
