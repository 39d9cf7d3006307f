"""How the options of a run are put together: recipe, stored configuration, command line.

A later layer overrides an earlier one: the defaults of the options, a recipe (`--recipe`), the configuration
of an earlier run (`--config` or `--resume_path`), the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emolive.cli.config import extract_option
from emolive.cli.config_file import read_config, write_config
from emolive.cli.parser import OptionsParser
from emolive.errors import ConfigError
from training import run_folder

CONFIG = "config.yaml"
RECIPES = Path(__file__).parent / "recipes"
_SPLIT = {"fold", "test_actors", "validation_actors"}
_OLD_CONFIG = "config.json"
_OLD_WRAPPERS = ("options", "faces")
"""Runs of version 0.1 wrapped their options in an object of one of these names."""
_OLD_VALUES: dict[str, dict[str, str]] = {
    "recipe": {"reference": "published"},
    "encoder": {"geometry": "landmarks"},
    "arch": {"residual": "emolive", "reference": "chumachenko2022"},
}
"""Values of version 0.1 that have other names now. Old option names are aliases in the options themselves."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The checked values of each layer, by option name."""

    parser: OptionsParser
    recipe: dict[str, Any]
    stored: dict[str, Any]
    command_line: dict[str, Any]

    @property
    def merged(self) -> dict[str, Any]:
        """All layers; later ones override earlier ones."""
        return {**self.recipe, **self.stored, **self.command_line}


def parse_layers(
    classes: Sequence[type],
    argv: Sequence[str],
    not_part_of_a_run: Collection[str],
    prog: str,
    description: str = "",
    *,
    default_recipe: Callable[[Mapping[str, Any]], str],
    not_part_of_a_test: Collection[str] = (),
) -> Layers:
    """The layers of a command line.

    Args:
        classes: options dataclasses.
        argv: the arguments.
        not_part_of_a_run: options that may differ from those of the resumed run.
        prog: the command, for usage and errors.
        description: for `--help`.
        default_recipe: from the explicit values to the recipe if none is named.
        not_part_of_a_test: options that may differ where `--no_train` tests the model of a run.

    Raises:
        ConfigError: an option is wrong or a file cannot be read.
    """
    parser = OptionsParser(*classes, prog=prog, description=description)
    config_files, rest = extract_option(argv, "--config", "the path of a YAML or JSON file")
    path = Path(config_files[-1]) if config_files else None
    command_line = parser.parse_values(rest).command_line
    stored = parser.check_values(read_run_config(path), str(path)) if path is not None else {}
    if command_line.get("no_train") and path is None:
        stored = _tested_run(parser, command_line, not_part_of_a_test)
    return _layers(parser, stored, command_line, not_part_of_a_run, default_recipe)


def value_layers(
    classes: Sequence[type],
    values: Mapping[str, Any],
    not_part_of_a_run: Collection[str],
    *,
    default_recipe: Callable[[Mapping[str, Any]], str],
) -> Layers:
    """The layers of values by option name, as on a command line.

    Raises:
        ConfigError: a name is unknown, or a value has a wrong type or is out of range.
    """
    parser = OptionsParser(*classes)
    return _layers(parser, {}, parser.check_values(values), not_part_of_a_run, default_recipe)


def read_run_config(path: Path) -> dict[str, Any]:
    """The options that a run wrote, or those of a hand-written YAML or JSON file.

    Raises:
        ConfigError: the file cannot be read.
    """
    values = read_config(path)
    if len(values) == 1 and isinstance(inner := values.get(next(iter(values))), dict):
        if next(iter(values)) not in _OLD_WRAPPERS:
            raise ConfigError(f"The configuration {path} must hold option names and their values.")
        return dict(inner)
    return values


def write_run_config(folder: Path, config: Any) -> None:
    """Write the options of a run, so that `--config` repeats it.

    Raises:
        OutputError: the file cannot be written.
    """
    write_config(folder / CONFIG, config)


def stored_config_path(folder: Path) -> Path:
    """The configuration that a run left in its result folder.

    Raises:
        ConfigError: there is none.
    """
    for name in (CONFIG, _OLD_CONFIG):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{folder} is not the result folder of a run: it has no {CONFIG}.")


def recipe_path(recipe: str) -> Path:
    """The YAML file of a recipe, by name or path.

    Raises:
        ConfigError: there is no such recipe.
    """
    path = RECIPES / f"{recipe}.yaml"
    if path.is_file():
        return path
    if Path(recipe).suffix in (".yaml", ".yml") and Path(recipe).is_file():
        return Path(recipe)
    names = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
    raise ConfigError(f"There is no recipe {recipe}: choose {names}, or name a YAML file.")


def check_same_run(
    folder: Path,
    stored: Mapping[str, Any],
    command_line: Mapping[str, Any],
    not_part_of_a_run: Collection[str],
) -> None:
    """Raises ConfigError if an option of a resumed run has another value on the command line."""
    for name, value in command_line.items():
        if name not in not_part_of_a_run and not _is_same(name, stored.get(name, value), value):
            raise ConfigError(
                f"The run in {folder} has {name} {stored.get(name)}, not {value}: leave the option out, or "
                f"start a new run."
            )


def _is_same(name: str, stored: Any, value: Any) -> bool:
    if name.endswith("_path") and stored and value:
        return Path(stored).resolve() == Path(value).resolve()
    return bool(stored == value)


def _tested_run(
    parser: OptionsParser, command_line: Mapping[str, Any], not_part_of_a_test: Collection[str]
) -> dict[str, Any]:
    """The options of the run in the result folder, where a command only tests it."""
    folder = Path(command_line.get("result_path", "result"))
    stored: dict[str, Any] = {}
    for name in (CONFIG, _OLD_CONFIG):
        if (folder / name).is_file():
            stored = parser.check_values(read_run_config(folder / name), str(folder / name))
            break
    model = {k: v for k, v in run_folder.model_options(folder).items() if parser.knows(k)}
    if not stored and not model:
        raise ConfigError(run_folder.why_not_a_run(folder))
    # Old versions overwrote the configuration of a run that they tested; the checkpoint is right.
    stored = _with_new_values({**stored, **parser.check_values(model, str(folder))})
    check_same_run(folder, stored, command_line, not_part_of_a_test)
    dropped = {"no_train", "result_path", "resume_path"}
    if _SPLIT & set(command_line):
        # Who is tested is said anew.
        dropped |= _SPLIT
    return {name: value for name, value in stored.items() if name not in dropped}


def _layers(
    parser: OptionsParser,
    stored: dict[str, Any],
    command_line: dict[str, Any],
    not_part_of_a_run: Collection[str],
    default_recipe: Callable[[Mapping[str, Any]], str],
) -> Layers:
    stored, command_line = _with_new_values(stored), _with_new_values(command_line)
    if resume := command_line.get("resume_path", ""):
        if not Path(resume).exists():
            raise ConfigError(f"{resume} is not the result folder of a run: there is nothing at this path.")
        folder = Path(resume) if Path(resume).is_dir() else Path(resume).parent
        path = stored_config_path(folder)
        stored = _with_new_values(parser.check_values(read_run_config(path), str(path)))
        stored["result_path"] = str(folder)
        check_same_run(folder, stored, command_line, not_part_of_a_run)
    explicit = {**stored, **command_line}
    name = explicit.get("recipe") or default_recipe(explicit)
    recipe: dict[str, Any] = {}
    if name:
        path = recipe_path(name)
        recipe = {"recipe": name, **parser.check_values(read_config(path), str(path))}
    return Layers(parser, recipe, stored, command_line)


def _with_new_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _OLD_VALUES.get(name, {}).get(str(value), value) for name, value in values.items()}
