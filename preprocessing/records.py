"""The values of preprocessing: its configuration, the index of a data set, and the record of each clip."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from emolive.errors import MediaError
from emolive.models.input_spec import PixelSpec
from emolive.models.spec import ModelSpec
from preprocessing.annotations import ClipEntry

FORMAT = 3

Kind = Literal["missing", "packed", "corrupt", "duplicated", "faceless", "turned", "silent", "misnamed"]
KINDS: tuple[Kind, ...] = (
    "missing",
    "packed",
    "corrupt",
    "duplicated",
    "faceless",
    "turned",
    "silent",
    "misnamed",
)

Step = Literal["faces", "audio"]
STEPS: tuple[Step, ...] = ("faces", "audio")

AudioFormat = Literal["flac", "wav"]
AudioSource = Literal["track", "file"]


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem with one clip."""

    kind: Kind
    clip: str
    """The clip's id, or the path of a file that is not a clip."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class PreprocessConfig:
    """Configuration of the extraction; the same for all clips in a folder."""

    size: int = 224
    """Side of a face crop in pixels."""
    n_frames: int = 15
    """Face crops per clip."""
    window_s: float = 3.6
    rate_hz: int = 22_050
    """Sampling rate of the audio."""
    audio_format: AudioFormat = "flac"
    audio_source: AudioSource = "track"
    """Which audio is preferred for a clip that has both: its own track or the file next to it."""

    @property
    def pixels(self) -> ModelSpec:
        """Description of a model on face crops; it determines which frames are cropped."""
        return ModelSpec(n_bins=self.n_frames, window_s=self.window_s, pixels=PixelSpec(size=self.size))

    @property
    def landmarks(self) -> ModelSpec:
        """Description of a model on landmarks; it determines in which frames landmarks are detected."""
        return ModelSpec(
            encoders=("landmarks",), pooling="mean", n_bins=self.n_frames, window_s=self.window_s
        )

    @property
    def n_samples(self) -> int:
        """Audio samples in a window."""
        return round(self.window_s * self.rate_hz)


@dataclass(frozen=True, slots=True)
class DatasetIndex:
    """The clips of a data set."""

    dataset: str
    """Its registered name."""
    clips: tuple[ClipEntry, ...]
    """Their paths are relative to the folder of the data set."""
    issues: tuple[Issue, ...]
    skipped: dict[str, int] = field(default_factory=dict)
    """Numbers of deliberately skipped files, by kind."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DatasetIndex:
        """The inverse of `to_dict`."""
        return cls(
            values["dataset"],
            tuple(ClipEntry(**clip) for clip in values["clips"]),
            tuple(Issue(**issue) for issue in values["issues"]),
            dict(values["skipped"]),
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one step for one clip."""

    stats: dict[str, Any]
    """Figures for the report, as JSON values."""
    issues: tuple[Issue, ...]
    files: dict[str, tuple[int, str]]
    """Each file written, relative to the output folder: its size in bytes and its SHA-256."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StepResult:
        """The inverse of `dataclasses.asdict`."""
        return cls(
            values["stats"],
            tuple(Issue(**issue) for issue in values["issues"]),
            {name: (size, digest) for name, (size, digest) in values["files"].items()},
        )


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome for one clip. It is written after the clip's files: a clip with a record is done."""

    clip: ClipEntry
    source: dict[str, tuple[int, int]]
    """The state of each source file, see `preprocessing.archives.file_state`."""
    steps: dict[str, StepResult]

    def matches(self, clip: ClipEntry, source: dict[str, tuple[int, int]]) -> bool:
        """Whether the record is of this clip in its present state. The split does not matter."""
        return replace(self.clip, split=clip.split) == clip and self.source == source

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """The inverse of `to_dict`.

        Raises:
            MediaError: the values are not a record.
        """
        try:
            return cls(
                ClipEntry(**values["clip"]),
                {name: (size, changed) for name, (size, changed) in values["source"].items()},
                {step: StepResult.from_dict(result) for step, result in values["steps"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise MediaError("A record of an earlier run is damaged: delete it and run again.") from error
