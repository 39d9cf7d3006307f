"""The registry of a session's statuses, and the texts of those that the session itself reports."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError
from emolive.hints import Hint, face_hint, voice_hint
from emolive.types import Estimate, FaceQuality, Status

if TYPE_CHECKING:
    from emolive.windowing import FeatureWindow

SLOW_MS = 250.0
"""A higher latency is a warning."""
RECENT_BINS = 3
"""A face counts as present if it was detected in one of this many newest bins."""

HINT_TEXTS: dict[Hint, str] = {
    "far": "The face is too small: come closer.",
    "dark": "The face is too dark: add light in front of it.",
    "turned": "The face is turned away: look towards the camera.",
    "blurred": "The face is blurred: hold still, or clean the lens.",
    "no speech": "There is sound but no speech: estimates use the face only.",
}
NO_VIDEO = "There is no picture: estimates use the voice only."
NO_AUDIO = "There is no sound: estimates use the face only."


class StatusRegistry:
    """The newest status of each source. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, Status] = {}

    def put(self, *statuses: Status) -> None:
        """Store statuses; each replaces the earlier one of the same source."""
        with self._lock:
            for status in statuses:
                self._statuses[status.source] = status

    def drop(self, source: str) -> None:
        """Remove the status of a source, if there is one."""
        with self._lock:
            self._statuses.pop(source, None)

    def all(self) -> tuple[Status, ...]:
        """The statuses of all sources."""
        with self._lock:
            return tuple(self._statuses.values())

    def get(self, source: str) -> Status | None:
        """The status of a source."""
        with self._lock:
            return self._statuses.get(source)


def stream_statuses(
    window: FeatureWindow,
    window_s: float,
    *,
    has_video: bool,
    has_audio: bool,
    quality: FaceQuality | None = None,
    level_dbfs: float | None = None,
) -> tuple[Status, Status]:
    """Whether a window has a face and a voice.

    Args:
        window: the newest one.
        window_s: its length.
        has_video: the source has video.
        has_audio: audio has arrived.
        quality: of the newest face; None if it was not measured.
        level_dbfs: of the newest sound.
    """
    if not has_video:
        face = Status("face", "info", "none", NO_VIDEO)
    elif window.has_face and window.video_present[-RECENT_BINS:].any():
        hint = face_hint(quality)
        face = (
            Status("face", "ok", "found", "A face is tracked.")
            if hint is None
            else Status("face", "warning", hint, HINT_TEXTS[hint])
        )
    else:
        face = Status("face", "warning", "missing", "No face is detected: move into the picture.")
    if not has_audio:
        voice = Status("voice", "info", "none", NO_AUDIO)
    elif window.has_voice(window_s):
        voice = Status("voice", "ok", "speech", "Speech is detected.")
    elif (hint := voice_hint(level_dbfs, has_voice=False)) is not None:
        voice = Status("voice", "info", hint, HINT_TEXTS[hint])
    else:
        voice = Status("voice", "info", "silent", "Nobody speaks: estimates use the face only.")
    return face, voice


def baseline_status(
    mode: str, modes: Sequence[str], person: str, *, face_s: float, calibrated: Sequence[str]
) -> Status:
    """Which baseline the estimates are relative to.

    Args:
        mode: none, neutral or running.
        modes: the modes that the model was trained with; empty if it reads raw features.
        person: the person's name.
        face_s: seconds of face in the running statistics.
        calibrated: which of "face" and "voice" have a neutral baseline.
    """
    if not modes:
        text = "This model reads raw features: baselines have no effect."
        return Status("baseline", "info", "raw", text)
    if mode == "none":
        return Status("baseline", "info", "none", "No baseline is in use.")
    if mode == "running":
        text = f"Relative to the {face_s:.0f} s of this face so far."
        return Status("baseline", "ok", "running", text)
    if calibrated:
        text = f"Relative to the neutral {' and '.join(calibrated)} of {person}."
        return Status("baseline", "ok", "neutral", text)
    text = f"{person} is not calibrated, so no baseline is in use: press Calibrate."
    return Status("baseline", "warning", "uncalibrated", text)


def is_failure(status: Status | None) -> bool:
    """Whether a baseline status reports that a baseline could not be loaded, measured or saved."""
    return status is not None and status.code in ("refused", "unsaved", "failed")


def loaded_status(person: str, exists: bool, error: EmoliveError | None) -> Status | None:
    """The status after loading a person's saved baseline; None if there was none."""
    if error is not None:
        return Status("baseline", "warning", "refused", str(error))
    if exists:
        return Status("baseline", "ok", "loaded", f"The neutral baseline of {person} is loaded.")
    return None


def calibrating_status() -> Status:
    """A calibration has begun."""
    return Status("baseline", "info", "calibrating", "Look and speak neutrally until the bar is full.")


def calibrated_status(person: str, streams: Sequence[str], error: Exception | None) -> Status:
    """A calibration has ended and was saved, or could not be.

    Args:
        person: the person's name.
        streams: which of "face" and "voice" were calibrated; empty if there was too little of both.
        error: why it could not be saved.
    """
    if not streams:
        text = "Calibration failed because there was too little of face and voice: calibrate again."
        return Status("baseline", "warning", "failed", text)
    if error is not None:
        text = f"The neutral baseline is in use but not saved. {error}"
        return Status("baseline", "warning", "unsaved", text)
    text = f"The neutral baseline of the {' and '.join(streams)} of {person} is saved."
    return Status("baseline", "ok", "calibrated", text)


def latency_status(estimate: Estimate) -> Status:
    """The time from the capture of the newest input to the published estimate."""
    assert estimate.stamps is not None, "a live estimate has timestamps"
    ms = estimate.stamps.latency_ns / 1e6
    return Status("latency", "ok" if ms <= SLOW_MS else "warning", "measured", f"{ms:.0f} ms")


def answer_status(estimate: Estimate) -> Status:
    """How old the evidence is that decided, besides the latency."""
    return Status("answer", "info", "measured", f"{estimate.answer_age_s:.1f} s")
