"""Plain values that cross threads: frozen, with the unit in the name. No Qt, no torch.

Every `t_ns` is on the session's one clock (see `emolive.clock`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
StampArray = NDArray[np.int64]
Image = NDArray[np.uint8]


class Modality(StrEnum):
    """Which streams an estimate is based on. The members' order is that of a network's temperatures."""

    AV = "av"
    AUDIO = "a"
    VIDEO = "v"

    @property
    def title(self) -> str:  # type: ignore[override]
        """The name shown to users, e.g. "face and voice"."""
        return _MODALITY_TITLES[self]

    @property
    def has_video(self) -> bool:
        return self is not Modality.AUDIO

    @property
    def has_audio(self) -> bool:
        return self is not Modality.VIDEO

    @classmethod
    def of(cls, *, video: bool, audio: bool) -> Modality | None:
        """The modality in which these streams are available; None without either."""
        if video and audio:
            return cls.AV
        return cls.VIDEO if video else cls.AUDIO if audio else None


_MODALITY_TITLES = {
    Modality.AV: "face and voice",
    Modality.AUDIO: "voice only",
    Modality.VIDEO: "face only",
}
MODALITIES = tuple(Modality)

Pooling = Literal["middle", "mean"]
Severity = Literal["ok", "info", "warning", "error"]

UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Frame:
    """One video frame of a source."""

    t_ns: int
    """When it was captured."""
    image_source: Image | Callable[[], Image]
    """The image, or a function that decodes it on first access: half of a file's frames are never
    accessed."""
    index: int
    """Counts the source's frames from 0; a jump means that frames were dropped on the way."""

    @property
    def image(self) -> Image:
        """(height, width, 3) uint8, BGR, contiguous. Not written to after it was handed over."""
        return self.image_source() if callable(self.image_source) else self.image_source


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A block of mono audio."""

    t_ns: int
    """When its first sample was captured."""
    samples: FloatArray
    """(n,) float32 in -1..1."""
    rate_hz: int
    lost_before: bool = False
    """The device reports that sound before the first sample was lost."""


@dataclass(frozen=True, slots=True)
class AudioSegment:
    """A segment of an audio buffer with its position."""

    samples: FloatArray
    """(n,) zero where there is no audio."""
    present: BoolArray
    """(n,) False where there is no audio."""
    end: int
    """Index in the buffer of the sample after the last one."""
    stable_until: int
    """Samples before this index do not change while `generation` is the same."""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """An upright rectangle in pixels of the full frame; may reach over its edge."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float

    @property
    def area_px(self) -> float:
        return self.width_px * self.height_px

    @property
    def center_px(self) -> tuple[float, float]:
        return self.x_px + self.width_px / 2, self.y_px + self.height_px / 2

    def contains(self, x_px: float, y_px: float) -> bool:
        """Whether a point is inside."""
        return 0 <= x_px - self.x_px <= self.width_px and 0 <= y_px - self.y_px <= self.height_px


@dataclass(frozen=True, slots=True)
class Face:
    """The face that is followed in a frame."""

    box_px: BoundingBox
    score: float
    """The detector's confidence, 0..1."""
    points_px: FloatArray | None = None
    """(68, 2) iBUG landmarks in pixels of the full frame, if a tracker of landmarks runs."""


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How well a face can be seen in a frame."""

    size_px: float
    """Longer side of the box round its landmarks, upright."""
    light: float
    """Mean luma of the middle of the face, 0..1, as the camera delivered it."""
    sharpness: float
    """Deviation of the Laplacian over that of the crop, after the light was evened; a blurred face is below
    about 0.12."""
    roll_deg: float
    """Rotation in the image, clockwise."""
    yaw_deg: float
    """Rough turn to the right of the image."""
    covered: float = 0.0
    """Probability that the mouth or the eyes are covered."""


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """The face and features of one frame."""

    t_ns: int
    face: Face | None
    features: FloatArray | None
    """(D,) the frame encoders' output, concatenated; None where there was no face."""
    expression: FloatArray | None = None
    """(8,) log-probabilities of the expression classifier; None where it did not run."""
    quality: FaceQuality | None = None
    """Measured with `expression`; of a drawing, without it."""
    others: tuple[BoundingBox, ...] = ()
    """The faces that are not read; the picture is searched for them from time to time."""
    problem: str = ""
    """What was left out of the frame because it cannot be right, in one sentence."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one source of statuses (camera, model, ...), shown as a badge. Faults are values too."""

    source: str
    """The source: "camera", "microphone", "face", "voice", "model", "latency", "answer", "baseline"."""
    level: Severity
    code: str
    """Short and stable, for programs: "live", "ended", "missing", "stalled", "silent", "loading" ..."""
    text: str
    """One sentence for the user."""


@dataclass(frozen=True, slots=True)
class Timestamps:
    """Times of a live estimate in nanoseconds on the monotonic clock of `emolive.clock.now_ns`."""

    capture_ns: int
    """Capture of the newest frame or sample in the window."""
    start_ns: int
    """Start of inference."""
    end_ns: int
    """Publication of the estimate."""

    @property
    def latency_ns(self) -> int:
        """Time from the capture of the newest input to the published estimate, in nanoseconds."""
        return self.end_ns - self.capture_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The emotion in the window that ends at `t_ns`, from a live session or from a file."""

    source: str
    """The file's path, or the source string without passwords."""
    t_ns: int
    """End of the window in nanoseconds: live on the monotonic clock, in a file from its start."""
    t_s: float
    """End of the window in seconds since the start of the source."""
    labels: tuple[str, ...]
    """The model's labels."""
    raw_probs: tuple[float, ...]
    """The model's probabilities for this window alone, in the order of `labels`."""
    probs: tuple[float, ...]
    """Probabilities smoothed over time, in the order of `labels`."""
    label: str
    """The displayed label: one of `labels`, or UNSURE."""
    confidence: float
    """Probability of `label`, 0..1; when the label is UNSURE, that of the likeliest label."""
    modality: Modality
    """The available streams; a missing one was masked."""
    fusion: str
    """The model's fusion, such as "ia"."""
    baseline: str
    """The normalisation in use: none, neutral or running."""
    answer_age_s: float = 0.0
    """Mean age of the evidence in `probs` at `t_ns`: in the window, and by smoothing."""
    hints: tuple[str, ...] = ()
    """What keeps face or voice from being read well, the gravest first; see `emolive.hints.HINTS`."""
    stamps: Timestamps | None = None
    """None for estimates of a file that was analysed offline."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the same keys for live and file estimates.

        `probs` maps labels to smoothed probabilities. Live estimates also have the three
        `stamps`.

        Raises:
            ValueError: labels and probabilities differ in number.
        """
        record: dict[str, Any] = {
            "file": self.source,
            "t_s": round(self.t_s, 3),
            "fusion": self.fusion,
            "modality": str(self.modality),
            "probs": dict(zip(self.labels, self.probs, strict=True)),
            "label": self.label,
            "confidence": self.confidence,
            "baseline": self.baseline,
            "summary": False,
            "answer_age_s": round(self.answer_age_s, 2),
            "hints": list(self.hints),
        }
        if self.stamps is not None:
            record |= {
                "capture_ns": self.stamps.capture_ns,
                "start_ns": self.stamps.start_ns,
                "end_ns": self.stamps.end_ns,
            }
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary(Estimate):
    """The result for a file.

    Its probabilities, label and times are those of one window, in the middle of the file. `shares` and
    `hints` cover all of it.
    """

    window: str = "centre"
    """The window of the probabilities."""
    shares: Mapping[str, float]
    """Label → share of the file's estimates that displayed it, including UNSURE; they sum to 1."""

    def to_dict(self) -> dict[str, Any]:
        """As `Estimate.to_dict`, with `summary` True and the keys `window` and `shares`."""
        record = Estimate.to_dict(self)
        return record | {"summary": True, "window": self.window, "shares": dict(self.shares)}
