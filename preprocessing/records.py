"""Plain values of preprocessing: what is cut, which clips there are, what became of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from emolive.errors import EmoliveError
from emolive.models.spec import ModelSpec, PixelSpec
from preprocessing.annotations import ClipEntry

FORMAT = 2

Kind = Literal["missing", "corrupt", "duplicated", "faceless", "silent", "misnamed"]
KINDS: tuple[Kind, ...] = ("missing", "corrupt", "duplicated", "faceless", "silent", "misnamed")

Step = Literal["faces", "audio"]
STEPS: tuple[Step, ...] = ("faces", "audio")


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that is wrong with one clip."""

    kind: Kind
    clip: str
    """The clip's id, or the file's path under ROOT where it is no clip."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class PreprocessConfig:
    """What is cut out of every clip; one folder holds clips of one cut."""

    size: int = 224
    """Side of a face crop in pixels."""
    frames: int = 15
    window_s: float = 3.6
    rate_hz: int = 22_050
    audio_format: Literal["flac", "wav"] = "flac"
    sound: Literal["own", "file"] = "own"
    """Which is preferred where a clip has both: its own sound track or the file beside it."""

    @property
    def pixels(self) -> ModelSpec:
        """The live description of models on pixels: it chooses the frames that are cropped."""
        return ModelSpec(n_bins=self.frames, window_s=self.window_s, pixels=PixelSpec(size=self.size))

    @property
    def landmarks(self) -> ModelSpec:
        """The live description of models on landmarks: it chooses the frames that are measured."""
        return ModelSpec(encoders=("landmarks",), pooling="mean", n_bins=self.frames, window_s=self.window_s)

    @property
    def samples(self) -> int:
        """Samples of a window."""
        return round(self.window_s * self.rate_hz)


@dataclass(frozen=True, slots=True)
class DatasetIndex:
    """What lies under ROOT."""

    dataset: str
    """Its registered name."""
    clips: tuple[ClipEntry, ...]
    """Their paths start from ROOT."""
    faults: tuple[Issue, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    """What was passed over on purpose, and how many."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DatasetIndex:
        return cls(
            values["dataset"],
            tuple(ClipEntry(**clip) for clip in values["clips"]),
            tuple(Issue(**fault) for fault in values["faults"]),
            dict(values["left_out"]),
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step made of one clip."""

    facts: dict[str, Any]
    """Figures for the report, as JSON holds them."""
    faults: tuple[Issue, ...]
    files: dict[str, tuple[int, str]]
    """Each file written, relative to OUT: its size in bytes and its SHA-256."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StepResult:
        return cls(
            values["facts"],
            tuple(Issue(**fault) for fault in values["faults"]),
            {name: (size, digest) for name, (size, digest) in values["files"].items()},
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one clip; written after its files, so that a clip with a record is done."""

    clip: ClipEntry
    source: dict[str, tuple[int, int]]
    """Size in bytes and time of change (ns) of each source file."""
    steps: dict[str, StepResult]

    def is_of(self, clip: ClipEntry, source: dict[str, tuple[int, int]]) -> bool:
        """Whether it is of this clip as it is now; on which side of a split it lies makes nothing new."""
        return replace(self.clip, split=clip.split) == clip and self.source == source

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """Rebuild from JSON. EmoliveError if it is none of ours."""
        try:
            return cls(
                ClipEntry(**values["clip"]),
                {name: (size, changed) for name, (size, changed) in values["source"].items()},
                {step: StepResult.from_dict(result) for step, result in values["steps"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EmoliveError(
                "A record of an earlier run cannot be read: delete it and run again."
            ) from error
