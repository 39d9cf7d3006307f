"""Data sets by name: a class that says which clips there are, and all commands know it.

RAVDESS, folders of clips and landmarks are such classes, and so is one of your own:

    @register("mine")
    class Mine:
        \"\"\"One line for --help.\"\"\"

        def items(self, root):
            for clip in sorted(root.glob("*.mp4")):
                yield Item(clip.stem, video=clip.name, audio=clip.name, label=..., actor=...)

Fields of a dataclass that are made by `option` become options on the command line. A class of another
package is found by an entry point in the group `emolive.datasets`, one in a file by `--plugin FILE.py`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.metadata import entry_points
from inspect import cleandoc
from pathlib import Path
from typing import Any, Protocol, TypeVar

from emolive.errors import EmoliveError
from preprocessing.annotations import ClipEntry, split_key, split_name
from preprocessing.records import DatasetIndex, Issue

__all__ = ["ClipEntry", "Dataset", "Found", "Issue", "Skipped", "option", "register"]

ENTRY_POINTS = "emolive.datasets"
RESERVED = ("faces", "audio", "annotations", "check")
"""Commands of `emolive-preprocess` that are no data sets."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_ID = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something passed over on purpose; reports count it."""

    what: str
    """In the plural, as "silent twins"."""


Found = ClipEntry | Issue | Skipped


class Dataset(Protocol):
    """Which clips there are. Built without arguments, or with those of its options."""

    def items(self, root: Path) -> Iterable[Found]:
        """The clips under `root`, in any order that is always the same.

        Paths are absolute or relative to `root` (to its folder, if it is a file). `audio` is a sound
        file, the video itself for the sound in it, or "" for none. What is wrong with what lies there is
        yielded as well: a Fault for each clip, a LeftOut for each file passed over on purpose.
        """
        ...


AnyDataset = TypeVar("AnyDataset", bound=type)
_REGISTERED: dict[str, type] = {}


def register(name: str) -> Callable[[AnyDataset], AnyDataset]:
    """Make a data set known under a name.

    Raises:
        EmoliveError: the name cannot be that of a command, is taken, or the class has no method items.
    """

    def known(dataset: AnyDataset) -> AnyDataset:
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise EmoliveError(f"No data set can be named {name}: it wants small letters, digits, - and _.")
        if _name_of(_REGISTERED.get(name, dataset)) != _name_of(dataset):
            raise EmoliveError(f"There are two data sets named {name}: give one another name.")
        if not callable(getattr(dataset, "items", None)):
            raise EmoliveError(f"The data set {name} lacks the method items(root).")
        _REGISTERED[name] = dataset
        return dataset

    return known


def _name_of(dataset: type) -> tuple[str, str]:
    """The same class run again is no other: a notebook's cell, a plugin that is read a second time."""
    return dataset.__module__, dataset.__qualname__


def option(default: Any, **argument: Any) -> Any:
    """A field that can be given on the command line; `argument` is what argparse's add_argument takes."""
    return field(default=default, metadata=argument)


def registered() -> dict[str, type]:
    """All data sets that are known, in the order in which they became so."""
    return dict(_REGISTERED)


def described(name: str) -> str:
    """A data set's docstring: its first line for a list of them, all of it for one."""
    text = _REGISTERED[name].__doc__ or ""
    # A dataclass without a docstring is given one that says its signature.
    own = "" if text.startswith(f"{_REGISTERED[name].__name__}(") else cleandoc(text)
    return own or f"The data set {name}."


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """The options of a data set. EmoliveError if one of them cannot be."""
    for f in _options(name):
        try:
            parser.add_argument(f"--{f.name.replace('_', '-')}", default=f.default, **f.metadata)
        except (argparse.ArgumentError, TypeError, ValueError) as error:
            raise EmoliveError(f"The data set {name} has an option that cannot be: {error}.") from error


def make(name: str, values: argparse.Namespace) -> Dataset:
    """A data set with its options as they were given."""
    given = {f.name: getattr(values, f.name) for f in _options(name)}
    found: Dataset = _guarded(name, lambda: _REGISTERED[name](**given))
    return found


def _options(name: str) -> list[Any]:
    dataset = _REGISTERED[name]
    return [f for f in fields(dataset) if f.metadata] if is_dataclass(dataset) else []


def scan(name: str, dataset: Dataset, root: Path) -> DatasetIndex:
    """All that a data set finds, with what is wrong with it.

    Raises:
        EmoliveError: there is nothing at `root`, no clip in it, or the class fails.
    """
    if not root.exists():
        raise EmoliveError(f"There is nothing at {root}: check the path.")
    base = root if root.is_dir() else root.parent
    clips: dict[str, ClipEntry] = {}
    faults: list[Issue] = []
    left_out: Counter[str] = Counter()
    for found in _guarded(name, lambda: list(dataset.items(root))):
        if isinstance(found, Skipped):
            left_out[found.what] += 1
        elif isinstance(found, Issue):
            faults.append(found)
        elif not isinstance(found, ClipEntry):
            raise EmoliveError(f"The data set {name} gave {found!r}: it may give Item, Fault and LeftOut.")
        elif fault := _fault_of(name, found, base, clips):
            faults.append(fault)
        else:
            clips[found.id] = replace(found, split=split_name(found.split))
    if not clips:
        why = f" {faults[0].clip}: {faults[0].text}" if faults else ""
        raise EmoliveError(f"The data set {name} finds no clip in {root}.{why}")
    return DatasetIndex(name, tuple(clips.values()), tuple(faults), dict(sorted(left_out.items())))


def _fault_of(name: str, item: ClipEntry, base: Path, clips: dict[str, ClipEntry]) -> Issue | None:
    """What makes an item useless."""
    if not _ID.fullmatch(item.id):
        raise EmoliveError(
            f"The data set {name} gave the id {item.id!r}: it names files, so it wants letters, digits, "
            f"-, _ and dots alone."
        )
    if item.id in clips:
        return Issue("duplicated", item.id, "Another clip has the same id, and is used.")
    if not item.label:
        return Issue("misnamed", item.id, "It has no label.")
    if not (item.video or item.audio):
        return Issue("missing", item.id, "It has neither a video nor a sound.")
    for entry in (item.video, item.audio):
        if entry and not (base / split_key(entry)[0]).exists():
            return Issue("missing", item.id, f"{entry} is not there.")
    return None


def load_plugin(plugin: str) -> None:
    """Run a FILE.py, or import a module by its name, so that its classes register themselves.

    Raises:
        EmoliveError: it cannot be run, or registers nothing.
    """
    before = dict(_REGISTERED)
    if plugin.endswith(".py"):
        path = Path(plugin)
        if not path.is_file():
            raise EmoliveError(f"There is no file {plugin}: check --plugin.")
        module_name = f"emolive_plugin_{path.stem}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their own module up.
        sys.modules[module_name] = module
        _guarded(plugin, lambda: spec.loader.exec_module(module), "plugin")  # type: ignore[union-attr]
    else:
        module_name = plugin
        _guarded(plugin, lambda: importlib.import_module(plugin), "plugin")
    theirs = any(dataset.__module__.startswith(module_name) for dataset in _REGISTERED.values())
    if before == _REGISTERED and not theirs:
        raise EmoliveError(f'{plugin} registers no data set: put @register("NAME") before the class.')


def load_installed() -> list[str]:
    """Register the classes that installed packages name; a sentence for each that cannot be."""
    failed = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            register(entry.name)(_guarded(entry.value, entry.load, "plugin"))
        except EmoliveError as error:
            failed.append(str(error))
    return failed


def _guarded(name: str, work: Callable[[], Any], what: str = "data set") -> Any:
    """Somebody else's code, whose errors become one sentence."""
    try:
        return work()
    except EmoliveError:
        raise
    except (Exception, SystemExit) as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = ""
        if trace is not None:
            where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        text = " ".join(str(error).split())
        raise EmoliveError(f"The {what} {name} fails{where}: {type(error).__name__}: {text}.") from error
