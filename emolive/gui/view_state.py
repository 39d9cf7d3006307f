"""States of the widgets: plain values that presenters create from snapshots. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

from emolive.types import Face, Frame, Severity, Status


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
    """The label with its own probability ("happy 62 %"), or "unsure"."""
    modality: str
    """Which of face and voice it is from, in words."""


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
    estimate: EstimateView | None = None
    """The caption of the face."""
    tags: tuple[Tag, ...] = ()
    banner: str = ""
    """A line at the bottom of the video."""
    mirrored: bool = False
    message: Message | None = None
    """Shown where there is no frame."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The sentence above the badges."""

    text: str = ""
    severity: Severity = "info"
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class StatusState:
    """The status bar."""

    statuses: tuple[Status, ...] = ()
    line: StatusLine = field(default_factory=StatusLine)
    can_retry: bool = False


@dataclass(frozen=True, slots=True)
class ControlState:
    """The controls at the top."""

    fusion: str = ""
    baseline: str = ""
    person: str = ""
    calibration: float | None = None
    """Progress of a running calibration, 0..1."""
    can_calibrate: bool = False
    voice_dbfs: float = -120.0


@dataclass(frozen=True, slots=True)
class WindowState:
    """Everything the window shows."""

    video: VideoState
    result: ResultState
    status: StatusState
    controls: ControlState
