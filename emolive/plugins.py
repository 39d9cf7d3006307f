"""One plug-in mechanism for everything that can be added to emolive.

A registry maps a name to a class or factory. Built-in entries are given as import paths and imported on first
use, so that a registry imports none of its entries. Others are added in two ways:

* an installed package declares an entry point in the registry's group (`emolive.sources`, `emolive.fusions`,
  ...); the entry point's name is the entry's name;
* a single file, loaded by `--plugin FILE.py` or `load_plugin`, applies the `register` decorator.

Example of such a file:

    from emolive.plugins import SINKS

    @SINKS.register("dots", title="one dot per estimate")
    class DotSink: ...
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from emolive.errors import ConfigError, EmoliveError

Entry = TypeVar("Entry")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry of a registry."""

    name: str
    title: str
    """What people call it."""
    target: Any
    """The class or factory, or the import path "module:attribute" of one that is not imported yet."""


class Registry:
    """Named classes or factories of one kind.

    Args:
        kind: what an entry is called in messages, e.g. "fusion".
        group: the entry-point group of installed packages, e.g. "emolive.fusions".
        builtin: name → (title, "module:attribute") of what ships with emolive.
        aliases: former name → present name.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.group = kind, group
        self._aliases = dict(aliases or {})
        self._plugins = {name: Plugin(name, title, target) for name, (title, target) in builtin.items()}
        self._entry_points_read = False

    def register(self, name: str, *, title: str = "") -> Callable[[Entry], Entry]:
        """Decorator that adds a class or factory under `name`.

        Raises:
            ConfigError: the name is not valid, or taken by something else.
        """

        if not _NAME.fullmatch(name):
            raise ConfigError(f"A {self.kind} cannot be named {name!r}: use small letters, digits, - and _.")

        def add(target: Entry) -> Entry:
            present = self._plugins.get(name)
            if present is not None and present.target != f"{target.__module__}:{target.__qualname__}":  # type: ignore[attr-defined]
                raise ConfigError(f"The {self.kind} {name} is registered twice.")
            self._plugins[name] = Plugin(name, title or (present.title if present else name), target)
            return target

        return add

    def unregister(self, name: str) -> None:
        """Remove an entry; for tests of plug-ins."""
        self._plugins.pop(name, None)

    def entries(self) -> dict[str, Plugin]:
        """The entries that were registered so far, by name."""
        return dict(self._plugins)

    def restore(self, entries: Mapping[str, Plugin]) -> None:
        """Go back to entries that `entries` returned; for tests of plug-ins."""
        self._plugins = dict(entries)

    def __iter__(self) -> Iterator[str]:
        """The names, built-in entries first."""
        self._read_entry_points()
        return iter(tuple(self._plugins))

    def __contains__(self, name: object) -> bool:
        # Entry points are only read for a name that is not there yet: that takes a while.
        return name in self._plugins or name in tuple(self)

    def names(self) -> tuple[str, ...]:
        """The names, built-in entries first."""
        return tuple(self)

    def titles(self) -> dict[str, str]:
        """Name → title. Imports no entry."""
        return {name: self._plugins[name].title for name in self}

    def resolve(self, name: str) -> str:
        """The present name of an entry that was renamed; any other name as it is."""
        return self._aliases.get(name, name)

    def check(self, name: str) -> None:
        """Raises ConfigError unless there is an entry of this name."""
        if name not in self:
            raise ConfigError(f"There is no {self.kind} named {name}: choose {', '.join(self)}.")

    def get(self, name: str) -> Any:
        """The class or factory registered under `name`, imported if need be.

        Raises:
            ConfigError: there is none of this name, or its plug-in cannot be imported.
        """
        name = self.resolve(name)
        self.check(name)
        plugin = self._plugins[name]
        if isinstance(plugin.target, str):
            module, _, attribute = plugin.target.partition(":")
            with plugin_errors(f"{self.kind} {name}"):
                target = getattr(importlib.import_module(module), attribute)
            plugin = Plugin(name, plugin.title, target)
            self._plugins[name] = plugin
        return plugin.target

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        from importlib.metadata import entry_points

        for point in entry_points(group=self.group):
            self._plugins.setdefault(point.name, Plugin(point.name, point.name, point.value))


_loaded: dict[str, Path] = {}
"""Plug-in files by the names of their modules."""


def loaded_plugins() -> tuple[Path, ...]:
    """The plug-in files that were loaded, for worker processes to load them too."""
    return tuple(_loaded.values())


def load_plugin(path: Path) -> None:
    """Run a plug-in file, whose decorators add their entries. A file is run once per process.

    Args:
        path: a Python file. It is code and runs with the rights of this process.

    Raises:
        ConfigError: there is no such file, or it raised an error.
    """
    if not path.is_file():
        raise ConfigError(f"There is no plug-in {path}.")
    name = f"emolive_plugin_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}_{path.stem}"
    if name in _loaded:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"The plug-in {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and type hints look up the module of a class here.
    sys.modules[name] = module
    try:
        with plugin_errors(f"plug-in {path}"):
            spec.loader.exec_module(module)
    except EmoliveError:
        del sys.modules[name]
        raise
    _loaded[name] = path.resolve()


@contextmanager
def plugin_errors(what: str) -> Iterator[None]:
    """Turn any error in the code of a plug-in into a ConfigError of one sentence that names the line.

    Args:
        what: what the code belongs to, e.g. "data set mine".
    """
    try:
        yield
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
        raise ConfigError(f"The {what} fails{where}: {type(error).__name__}: {text}.") from error


SOURCES = Registry(
    "source",
    "emolive.sources",
    {
        "camera": ("camera", "emolive.capture.camera:CameraSource"),
        "stream": ("network stream", "emolive.capture.camera:CameraSource"),
        "file": ("media file", "emolive.capture.media_file:MediaFileSource"),
        "demo": ("drawn demo", "emolive.capture.synthetic.source:SyntheticSource"),
        "microphone": ("microphone", "emolive.capture.microphone:MicrophoneSource"),
    },
)
FACE_TRACKERS = Registry(
    "face tracker",
    "emolive.face_trackers",
    {"blazeface": ("BlazeFace", "emolive.vision.tracker:BlazeFaceTracker")},
)
FRAME_ENCODERS = Registry(
    "frame encoder",
    "emolive.frame_encoders",
    {
        "efficientface": (
            "EfficientFace on face crops",
            "emolive.vision.encoders.efficientface:EfficientFaceEncoder",
        ),
        "landmarks": ("68 facial landmarks", "emolive.vision.encoders.landmarks:LandmarkEncoder"),
    },
    aliases={"geometry": "landmarks"},
)
VOICE_ENCODERS = Registry(
    "voice encoder",
    "emolive.voice_encoders",
    {
        "mfcc": ("librosa's default MFCC", "emolive.audio.encoders.mfcc:Mfcc"),
        "logmel": ("log-mel spectrogram", "emolive.audio.encoders.logmel:LogMel"),
    },
)
FUSIONS = Registry(
    "fusion",
    "emolive.fusions",
    {
        "lt": ("late transformer", "emolive.models.fusion.late_transformer:LateTransformer"),
        "it": (
            "intermediate transformer",
            "emolive.models.fusion.intermediate_transformer:IntermediateTransformer",
        ),
        "ia": (
            "intermediate attention",
            "emolive.models.fusion.intermediate_attention:IntermediateAttention",
        ),
    },
)
SINKS = Registry(
    "output format",
    "emolive.sinks",
    {
        "jsonl": ("JSON lines", "emolive.sinks.jsonl:JsonlSink"),
        "csv": ("comma-separated values", "emolive.sinks.csv:CsvSink"),
        "table": ("table for the terminal", "emolive.sinks.table:TableSink"),
    },
)
DATASETS = Registry(
    "data set",
    "emolive.datasets",
    {
        "ravdess": ("RAVDESS as downloaded", "preprocessing.datasets.ravdess:Ravdess"),
        "folder": ("a folder of clips for each label", "preprocessing.datasets.folder:Folder"),
        "landmarks": ("RAVDESS landmarks in an .npz file", "preprocessing.datasets.landmarks_npz:Landmarks"),
    },
)
AUGMENTATIONS = Registry(
    "augmentation",
    "emolive.augmentations",
    {
        "flip": ("mirrored faces", "training.augment.flip:HorizontalFlip"),
        "gain_eq": ("random gain and equalisation", "training.augment.gain_eq:RandomGainEq"),
        "background_noise": ("steady background noise", "training.augment.background_noise:BackgroundNoise"),
        "landmark_affine": (
            "linear maps of the landmarks",
            "training.augment.landmark_affine:LandmarkAffine",
        ),
        "low_fps": ("low frame rate", "training.augment.low_fps:LowFrameRate"),
        "landmark_noise": (
            "jitter and offset of the face features",
            "training.augment.landmark_noise:LandmarkNoise",
        ),
        "partial_window": (
            "windows of a session that has just begun",
            "training.augment.partial_window:PartialWindow",
        ),
        "missing_bins": ("spans without a face", "training.augment.missing_bins:MissingBins"),
        "spec_augment": ("SpecAugment", "training.augment.spec_augment:SpecAugment"),
        "mixup": ("mixup", "training.augment.mixup:Mixup"),
        "crop_affine": (
            "flip, rotation, scale and shift of face crops",
            "training.augment.crop_affine:CropAffine",
        ),
        "color_jitter": (
            "contrast, brightness and tint of face crops",
            "training.augment.color_jitter:ColorJitter",
        ),
        "random_erasing": ("rectangles over face crops", "training.augment.random_erasing:RandomErasing"),
    },
)

REGISTRIES = (
    SOURCES,
    FACE_TRACKERS,
    FRAME_ENCODERS,
    VOICE_ENCODERS,
    FUSIONS,
    SINKS,
    DATASETS,
    AUGMENTATIONS,
)


@contextmanager
def isolated_plugins() -> Iterator[None]:
    """Undo at the end what is registered and loaded inside; for tests of plug-ins."""
    entries = [registry.entries() for registry in REGISTRIES]
    loaded = dict(_loaded)
    try:
        yield
    finally:
        for registry, previous in zip(REGISTRIES, entries, strict=True):
            registry.restore(previous)
        for name in set(_loaded) - set(loaded):
            del _loaded[name]
            sys.modules.pop(name, None)
