"""The state of the video view for a snapshot. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from emolive.clock import NS_PER_S
from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.transport_presenter import recording_text
from emolive.gui.view_state import EstimateView, Message, Tag, VideoState
from emolive.snapshot import Snapshot
from emolive.types import BoundingBox, Face, Modality

FACE_STALE_NS = 700_000_000
"""A face detected longer than this before the frame is not drawn on it."""


PICTURE_STALE_S = 1.5
"""An older picture of a camera or stream is not shown as the present."""


class Flags(Protocol):
    """Remembered switches (`emolive.gui.ui_settings.UiSettings`)."""

    def flag(self, name: str, default: bool) -> bool: ...

    def set_flag(self, name: str, value: bool) -> None: ...


class VideoPresenter:
    """Creates the state of the video view; remembers whether live cameras are mirrored."""

    def __init__(self, settings: Flags, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._mirror_camera = settings.flag("mirror", True)
        self._mirror_other = False
        self._is_camera = False

    def toggle_mirror(self) -> None:
        """Mirror the kind of source that is shown, or not; for cameras this is remembered."""
        if self._is_camera:
            self._mirror_camera = not self._mirror_camera
            self._settings.set_flag("mirror", self._mirror_camera)
        else:
            self._mirror_other = not self._mirror_other

    def picture_age_s(self, snapshot: Snapshot, source: str) -> float | None:
        """How old the picture of a camera or stream is, if it is too old to be shown as the present.

        None for files: what they show is of the moment that is played, and ends with `Snapshot.ended`.
        """
        frame = snapshot.frame
        if frame is None or strings.source_kind(source) not in ("auto", "camera", "stream"):
            return None
        age_s = self._clock() - frame.t_ns / NS_PER_S
        return age_s if age_s > PICTURE_STALE_S else None

    def present(self, snapshot: Snapshot, estimate: EstimateView | None, source: str) -> VideoState:
        """The state of the video view for a snapshot.

        Args:
            snapshot: the newest one.
            estimate: the current estimate, None without one.
            source: the source in use, as in `SessionConfig.source`.
        """
        kind = strings.source_kind(source)
        self._is_camera = kind == "camera" or (kind == "auto" and not snapshot.is_synthetic)
        mirrored = self._mirror_camera if self._is_camera else self._mirror_other
        if snapshot.frame is None:
            return VideoState(message=_message(snapshot), mirrored=mirrored)
        age_s = self.picture_age_s(snapshot, source)
        if age_s is not None:
            return VideoState(
                frame=snapshot.frame,
                tags=_tags(snapshot, None),
                mirrored=mirrored,
                stale=strings.picture_age(age_s),
            )
        return VideoState(
            frame=snapshot.frame,
            face=_face(snapshot),
            others=_others(snapshot),
            # The last picture of a camera that is gone is a memory: nothing of the present stands on it.
            estimate=None if snapshot.video_lost else estimate,
            tags=_tags(snapshot, estimate),
            banner=_banner(snapshot),
            mirrored=mirrored,
            hint=_hint(snapshot),
        )


def _message(snapshot: Snapshot) -> Message:
    camera = next((status for status in snapshot.statuses if status.source == "camera"), None)
    if camera is None or camera.level == "ok":
        # It was opened, and its first picture is on its way.
        return Message(tr("One moment…"), tr("The video source is being opened."), busy=True)
    return Message(tr("No video"), strings.status_text(camera), offers=camera.level == "error")


def _face(snapshot: Snapshot) -> Face | None:
    observation, frame = snapshot.observation, snapshot.frame
    if observation is None or frame is None or frame.t_ns - observation.t_ns > FACE_STALE_NS:
        return None
    return observation.face


def _others(snapshot: Snapshot) -> tuple[BoundingBox, ...]:
    """The faces that are not read."""
    observation, frame = snapshot.observation, snapshot.frame
    if observation is None or frame is None or frame.t_ns - observation.t_ns > FACE_STALE_NS:
        return ()
    return observation.others


def _hint(snapshot: Snapshot) -> str:
    """What the session says would help the camera, while a face is drawn."""
    face = next((status for status in snapshot.statuses if status.source == "face"), None)
    if face is None or face.level != "warning" or face.code == "missing" or _face(snapshot) is None:
        return ""
    return strings.status_text(face)


def _tags(snapshot: Snapshot, estimate: EstimateView | None) -> tuple[Tag, ...]:
    tags: list[Tag] = []
    if (recording := snapshot.recording) is not None and recording.running:
        tags.append(Tag(recording_text(recording.seconds, recording.frames_dropped), "error"))
    if snapshot.is_synthetic:
        tags.append(Tag(tr("DRAWN DEMO"), "warning"))
    if (
        estimate is not None
        and snapshot.estimate is not None
        and snapshot.estimate.modality is not Modality.AV
    ):
        tags.append(Tag(estimate.modality.upper()))
    if n_others := len(_others(snapshot)):
        text = tr("{n} faces: one is read", n=n_others + 1) if _face(snapshot) else tr("no face is read")
        tags.append(Tag(text, "warning"))
    return tuple(tags)


def _banner(snapshot: Snapshot) -> str:
    if snapshot.calibration is not None:
        return tr("Calibrating: keep a neutral face and speak in a neutral voice.")
    if snapshot.ended:
        return tr("Ended. This is the last answer. Press R to play it again.")
    return ""
