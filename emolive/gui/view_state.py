"""States of the widgets: plain values that presenters create from snapshots. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from emolive.types import BoundingBox, Face, FaceQuality, Frame, Image, Severity, Status

MarkKind = Literal["fusion", "person", "face", "calibrated", "source"]


@dataclass(frozen=True, slots=True)
class EstimateView:
    """An estimate in words and numbers. Bars, headline and caption show the same object."""

    t_ns: int
    labels: tuple[str, ...]
    probs: tuple[float, ...]
    """Smoothed, 0..1, one for each label."""
    label: str | None
    """One of `labels`; None while the session is unsure."""
    caption: str
    """The label with its own probability ("happy 62 %"), the two that compete ("sad or happy"), or
    "unsure"."""
    modality: str
    """Which of face and voice it is from, in words."""
    source: str = ""
    """What was estimated."""
    rival: str | None = None
    """A label whose number is larger than that of `label`, which the smoother still holds against flicker."""
    word: str = ""
    """The caption without numbers, for readers who are far away."""

    @property
    def leader(self) -> str | None:
        """The label with the largest number, as far as numbers are shown; None while unsure."""
        return self.rival or self.label

    @property
    def emphasized(self) -> tuple[str, ...]:
        """The labels that the caption names, the leader first."""
        return tuple(label for label in (self.rival, self.label) if label is not None)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, for the timeline."""

    t_ns: int
    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True)
class WhyState:
    """Where an answer comes from."""

    has_parts: bool = False
    """The model explains its answers."""
    face_share: float = 0.0
    """The face's part of the answer, 0..1; the rest is the voice's."""
    face_attention: tuple[float, ...] = ()
    """How much the voice looked at each step of the window's video, oldest first; the largest is 1."""
    voice_attention: tuple[float, ...] = ()
    """How much the face looked at each step of the window's audio, oldest first; the largest is 1."""
    window_s: float = 3.6
    crops: tuple[Image, ...] = ()
    """(h, w, 3) BGR crops of the face during the window, oldest first."""
    voice_dbfs: float = -120.0
    pitch_hz: float | None = None
    """None where no voiced sound is heard."""
    quality: FaceQuality | None = None
    age_s: float | None = None
    """Mean age of the evidence of the answer, now."""
    note: str = ""
    """Why there are no parts."""


@dataclass(frozen=True, slots=True)
class ResultState:
    """The results panel and the timeline."""

    estimate: EstimateView | None = None
    """The newest estimate, also while it fades."""
    presence: float = 0.0
    """1 while the estimate is current, then falling to 0."""
    now_ns: int = 0
    """Right end of the timeline, on the session's clock."""
    waiting: str = ""
    """What is needed for an estimate, while there is none."""
    ended: bool = False
    """The file has ended: the estimate is its last one."""
    marks: tuple[Mark, ...] = ()
    """Newest last."""
    why: WhyState = field(default_factory=WhyState)

    @property
    def current(self) -> EstimateView | None:
        """The estimate, if it is of the present."""
        return self.estimate if self.presence == 1.0 else None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in place of the video."""

    title: str
    text: str = ""
    busy: bool = False
    """Show a busy indicator."""
    offers: bool = False
    """Offer other sources below it."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A short tag in the corner of the video."""

    text: str
    severity: Severity = "info"


@dataclass(frozen=True, slots=True)
class VideoState:
    """The video frame with its overlay, or a message."""

    frame: Frame | None = None
    face: Face | None = None
    others: tuple[BoundingBox, ...] = ()
    """The faces that are not read."""
    estimate: EstimateView | None = None
    """The caption of the face."""
    tags: tuple[Tag, ...] = ()
    banner: str = ""
    """A line at the bottom of the video."""
    mirrored: bool = False
    message: Message | None = None
    """Shown where there is no frame."""
    stale: str = ""
    """How old the picture is, if it is not of the present; it is grey then."""
    hint: str = ""
    """What would help the camera, at the face."""
    countdown: str = ""
    """A digit that can be read from afar."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The sentence above the badges."""

    text: str = ""
    severity: Severity = "info"
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that passes. `number` tells two of the same text apart."""

    number: int
    text: str
    severity: Severity = "info"


@dataclass(frozen=True, slots=True)
class StatusState:
    """The status bar."""

    statuses: tuple[Status, ...] = ()
    line: StatusLine = field(default_factory=StatusLine)
    can_retry: bool = False
    others: int = 0
    """How many more warnings and errors there are than the one in `line`."""
    notice: Notice | None = None
    """The newest passing sentence."""


@dataclass(frozen=True, slots=True)
class ControlState:
    """The controls at the top."""

    fusion: str = ""
    baseline: str = ""
    person: str = ""
    calibration: float | None = None
    """Progress of a running calibration, 0..1; 0 while it is about to begin."""
    can_calibrate: bool = False
    voice_dbfs: float = -120.0


@dataclass(frozen=True, slots=True)
class WindowState:
    """Everything the window shows."""

    video: VideoState
    result: ResultState
    status: StatusState
    controls: ControlState
