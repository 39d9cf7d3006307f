"""The registries: everything that can be added to emolive, by kind.

Built-in entries are import paths, imported on first use: a registry imports none of its entries. Others are
added in two ways:

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
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.errors import ConfigError, EmoliveError
from emolive.registry import Registry, plugin_errors

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
        "moonshine": ("a speech recogniser's encoder", "emolive.audio.encoders.moonshine:Moonshine"),
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
        "crema-d": ("CREMA-D as downloaded", "preprocessing.datasets.crema_d:CremaD"),
        "mead": ("MEAD, unpacked", "preprocessing.datasets.mead:Mead"),
        "savee": ("SAVEE as downloaded", "preprocessing.datasets.savee:Savee"),
        "emodb": ("EmoDB as downloaded", "preprocessing.datasets.emodb:EmoDb"),
        "folder": ("a folder of clips for each label", "preprocessing.datasets.folder:Folder"),
        "landmarks": ("RAVDESS landmarks in an .npz file", "preprocessing.datasets.landmarks_npz:Landmarks"),
    },
)
AUGMENTATIONS = Registry(
    "augmentation",
    "emolive.augmentations",
    {
        "flip": ("mirrored faces", "training.augment.flip:HorizontalFlip"),
        "session_gain": ("random gain of a session", "training.augment.session_gain:SessionGain"),
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
def isolated_plugins() -> Iterator[None]:
    """Undo all registrations made inside at the end; for tests of plug-ins."""
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
