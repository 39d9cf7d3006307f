"""The registry of a session's statuses, and the texts of those that the session itself reports."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from emolive.clock import now_ns, to_ns
from emolive.errors import EmoliveError
from emolive.hints import FACE_HINTS, Hint, has_recent_face
from emolive.neutrality import Neutrality
from emolive.types import Estimate, Severity, Status

if TYPE_CHECKING:
    from emolive.windowing import FeatureWindow

SLOW_MS = 250.0
"""A higher latency is a warning."""

HINT_TEXTS: dict[Hint, str] = {
    "no_face": "No face is detected: move into the picture.",
    "far": "The face is too small: come closer.",
    "dark": "The face is too dark: add light in front of it.",
    "covered": "A part of the face is covered: uncover mouth and eyes.",
    "turned": "The face is turned away: look towards the camera.",
    "blurred": "The face is blurred: hold still, or clean the lens.",
    "no_speech": "There is sound but no speech: estimates use the face only.",
}
NO_VIDEO = "There is no picture: estimates use the voice only."
TOO_SLOW = "This computer is too slow to look at the pictures: close other programs."
NO_PICTURE_YET = "No picture has been looked at yet."
FACE_SEEN = "A face has come into view: it is read after a second."
NO_AUDIO = "There is no sound: estimates use the face only."


FAULT_S = 2.0
"""For how long a fault is shown after it happened last."""
_SEVERITIES: tuple[Severity, ...] = ("ok", "info", "warning", "error")


class StatusRegistry:
    """The newest status of each source. Thread-safe.

    A source has one lasting status. A passing one, such as a fault that may not come again, is shown in its
    place for a limited time unless the lasting one is graver; so nothing has to take it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, Status] = {}
        self._passing: dict[str, tuple[Status, int]] = {}
        """With the time until which it is shown."""

    def put(self, *statuses: Status) -> None:
        """Store statuses; each replaces the earlier one of the same source."""
        with self._lock:
            for status in statuses:
                self._statuses[status.source] = status

    def put_passing(self, status: Status, seconds: float = FAULT_S) -> None:
        """Show a status for so long. It replaces an earlier passing one of the same source."""
        with self._lock:
            self._passing[status.source] = status, now_ns() + to_ns(seconds)

    def end_passing(self, source: str, code: str) -> None:
        """Stop showing the passing status of a source, if it has this code."""
        with self._lock:
            if source in self._passing and self._passing[source][0].code == code:
                del self._passing[source]

    def drop(self, source: str) -> None:
        """Remove the status of a source, if there is one."""
        with self._lock:
            self._statuses.pop(source, None)
            self._passing.pop(source, None)

    def all(self) -> tuple[Status, ...]:
        """The statuses of all sources."""
        with self._lock:
            return tuple(self._shown(source) for source in {**self._statuses, **self._live_passing()})

    def get(self, source: str) -> Status | None:
        """The status of a source."""
        return next((status for status in self.all() if status.source == source), None)

    def _live_passing(self) -> dict[str, tuple[Status, int]]:
        now = now_ns()
        self._passing = {source: item for source, item in self._passing.items() if item[1] > now}
        return self._passing

    def _shown(self, source: str) -> Status:
        lasting, passing = self._statuses.get(source), self._passing.get(source)
        if passing is None:
            assert lasting is not None
            return lasting
        if lasting is None:
            return passing[0]
        return max(passing[0], lasting, key=lambda status: _SEVERITIES.index(status.level))


_NO_FACE: dict[str | None, Status] = {
    "slow": Status("face", "warning", "slow", TOO_SLOW),
    "starting": Status("face", "info", "unknown", NO_PICTURE_YET),
    None: Status("face", "warning", "missing", HINT_TEXTS["no_face"]),
}
"""Without a face in view, by why no picture has been looked at."""


def stream_statuses(
    window: FeatureWindow,
    window_s: float,
    *,
    has_video: bool,
    has_audio: bool,
    video_lost: bool = False,
    audio_lost: bool = False,
    foreign_voice: bool = False,
    unread: Literal["starting", "slow"] | None = None,
) -> tuple[Status, Status]:
    """Whether a window has a face and a voice, and the gravest hint about each.

    Args:
        window: the newest one.
        window_s: its length.
        has_video: the source has video.
        has_audio: audio has arrived.
        video_lost, audio_lost: a device no longer delivers: that says nothing of a person.
        foreign_voice: speech was left out, because it is not of the face that is read.
        unread: why none of the newest pictures has been looked at.
    """
    face = _face_status(window, has_video=has_video, video_lost=video_lost, unread=unread)
    voice = _voice_status(
        window, window_s, has_audio=has_audio, audio_lost=audio_lost, foreign_voice=foreign_voice
    )
    return face, voice


def _face_status(
    window: FeatureWindow, *, has_video: bool, video_lost: bool, unread: Literal["starting", "slow"] | None
) -> Status:
    if video_lost:
        return Status("face", "warning", "lost", "The camera sends no picture: estimates use the voice only.")
    if not has_video:
        return Status("face", "info", "none", NO_VIDEO)
    if has_recent_face(window.video_present):
        hint = next((hint for hint in window.hints if hint in FACE_HINTS), None)
        if not window.has_face:
            return Status("face", "info", "unknown", FACE_SEEN)
        if hint is not None:
            return Status("face", "warning", hint, HINT_TEXTS[hint])
        return Status("face", "ok", "found", "A face is tracked.")
    return _NO_FACE[unread]


def _voice_status(
    window: FeatureWindow, window_s: float, *, has_audio: bool, audio_lost: bool, foreign_voice: bool
) -> Status:
    if audio_lost:
        text = "The microphone sends no sound: estimates use the face only."
        return Status("voice", "warning", "lost", text)
    if not has_audio:
        return Status("voice", "info", "none", NO_AUDIO)
    if window.has_voice(window_s):
        return Status("voice", "ok", "speech", "Speech is detected.")
    if foreign_voice:
        text = "Somebody else speaks: estimates use the face only."
        return Status("voice", "info", "another", text)
    if "no_speech" in window.hints:
        return Status("voice", "info", "no speech", HINT_TEXTS["no_speech"])
    return Status("voice", "info", "silent", "Nobody speaks: estimates use the face only.")


def refused_answer_status() -> Status:
    """The model's answer for a window was no number."""
    text = "The model's answer is no number and is left out: load another model if this goes on."
    return Status("model", "error", "implausible", text)


def baseline_status(
    mode: str,
    modes: Sequence[str],
    person: str,
    *,
    face_s: float,
    calibrated: Sequence[str],
    fits: bool = True,
) -> Status:
    """Which baseline the estimates are relative to.

    Args:
        mode: none, neutral or running.
        modes: the modes that the model was trained with; empty if it reads raw features.
        person: the person's name.
        face_s: seconds of face in the running statistics.
        calibrated: which of "face" and "voice" have a neutral baseline.
        fits: whether the neutral face can be that of the person in view.
    """
    if not modes:
        text = "This model reads raw features: baselines have no effect."
        return Status("baseline", "info", "raw", text)
    if mode == "none":
        return Status("baseline", "info", "none", "No baseline is in use.")
    if mode == "running":
        text = f"Relative to the {face_s:.0f} s of this face so far."
        return Status("baseline", "ok", "running", text)
    if calibrated and not fits:
        text = f"The neutral face of {person} is unlike the one in view: calibrate again."
        return Status("baseline", "warning", "unlike", text)
    if calibrated:
        text = f"Relative to the neutral {' and '.join(calibrated)} of {person}."
        return Status("baseline", "ok", "neutral", text)
    text = f"{person} is not calibrated, so no baseline is in use: press Calibrate."
    return Status("baseline", "warning", "uncalibrated", text)


def is_failure(status: Status | None) -> bool:
    """Whether a baseline status reports that a baseline could not be loaded, measured or saved."""
    return status is not None and status.code in ("refused", "doubtful", "unsaved", "failed")


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


def not_calibrated_status(neutrality: Neutrality) -> Status:
    """A calibration has ended, and nothing is stored.

    Args:
        neutrality: of the face; neutral if there was too little of face and voice.
    """
    looked = neutrality.looked
    if neutrality.verdict == "expressive":
        text = f"You looked {looked}, so nothing is stored: calibrate again with a relaxed face."
        return Status("baseline", "warning", "refused", text)
    if neutrality.verdict == "doubtful":
        text = (
            f"You seemed to look {looked} while calibrating, so nothing is stored yet: calibrate again, "
            f"and it is stored if you look the same."
        )
        return Status("baseline", "warning", "doubtful", text)
    text = "Calibration failed because there was too little of face and voice: calibrate again."
    return Status("baseline", "warning", "failed", text)


def calibrated_status(person: str, streams: Sequence[str], error: Exception | None) -> Status:
    """A calibration has ended and was saved, or could not be.

    Args:
        person: the person's name.
        streams: which of "face" and "voice" were calibrated.
        error: why it could not be saved.
    """
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
