"""The state of the video view for a snapshot. No Qt."""

from __future__ import annotations

from typing import Protocol

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.view_state import EstimateView, Message, Tag, VideoState
from emolive.types import Face, Modality, Snapshot

FACE_STALE_NS = 700_000_000
"""A face detected longer than this before the frame is not drawn on it."""


class Flags(Protocol):
    """Remembered switches (`emolive.gui.ui_settings.UiSettings`)."""

    def flag(self, name: str, default: bool) -> bool: ...

    def set_flag(self, name: str, value: bool) -> None: ...


class VideoPresenter:
    """Creates the state of the video view; remembers whether live cameras are mirrored."""

    def __init__(self, settings: Flags) -> None:
        self._settings = settings
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
        return VideoState(
            frame=snapshot.frame,
            face=_face(snapshot),
            # The last picture of a camera that is gone is a memory: nothing of the present stands on it.
            estimate=None if snapshot.video_lost else estimate,
            tags=_tags(snapshot, estimate),
            banner=_banner(snapshot),
            mirrored=mirrored,
        )


def _message(snapshot: Snapshot) -> Message:
    camera = next((status for status in snapshot.statuses if status.source == "camera"), None)
    if camera is None:
        return Message(tr("One moment…"), tr("The video source is being opened."), busy=True)
    return Message(tr("No video"), strings.status_text(camera))


def _face(snapshot: Snapshot) -> Face | None:
    observation, frame = snapshot.observation, snapshot.frame
    if observation is None or frame is None or frame.t_ns - observation.t_ns > FACE_STALE_NS:
        return None
    return observation.face


def _tags(snapshot: Snapshot, estimate: EstimateView | None) -> tuple[Tag, ...]:
    tags: list[Tag] = []
    if snapshot.is_synthetic:
        tags.append(Tag(tr("DRAWN DEMO"), "warning"))
    if (
        estimate is not None
        and snapshot.estimate is not None
        and snapshot.estimate.modality is not Modality.AV
    ):
        tags.append(Tag(estimate.modality.upper()))
    return tuple(tags)


def _banner(snapshot: Snapshot) -> str:
    if snapshot.calibration is not None:
        return tr("Calibrating: keep a neutral face and speak in a neutral voice.")
    if snapshot.ended:
        return tr("The file has ended. Press R to play it again.")
    return ""
