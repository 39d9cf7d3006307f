"""What of a snapshot goes on the picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from emolive.capture.source_spec import SourceKind
from emolive.gui import strings as words
from emolive.gui import theme
from emolive.gui.overlay import Caption
from emolive.gui.ui_settings import UiSettings
from emolive.gui.video_view import VideoView
from emolive.types import UNSURE, Face, Snapshot

if TYPE_CHECKING:  # pyqtgraph comes with it, and only once the window is there
    from emolive.gui.results_panel import Reading

MIN_FRAME_S = 0.02
"""A source faster than this is thinned out; the eye gains nothing from more."""
FACE_STALE_NS = 700_000_000


class Picture:
    """Feeds the video view; also holds whether it is mirrored, which differs for live cameras."""

    def __init__(self, view: VideoView, choices: UiSettings) -> None:
        self._view = view
        self._choices = choices
        self._frame_s = 0.0
        self._kind: SourceKind = "none"
        self._drawn = False
        self._mirror_camera = choices.flag("mirror", True)
        self._mirror_other = False

    def set_source(self, source: str) -> None:
        """Mirror as is the custom for this kind of source."""
        self._kind = words.source_kind(source)
        self._mirror()

    def toggle_mirror(self) -> None:
        if self._is_camera:
            self._mirror_camera = not self._mirror_camera
            self._choices.set_flag("mirror", self._mirror_camera)
        else:
            self._mirror_other = not self._mirror_other
        self._mirror()

    def show(self, snapshot: Snapshot, reading: Reading) -> None:
        """Paint what is new in the snapshot."""
        if snapshot.is_synthetic is not self._drawn:
            self._drawn = snapshot.is_synthetic
            self._mirror()
        frame = snapshot.frame
        if frame is None:
            camera = next((s for s in snapshot.statuses if s.source == "camera"), None)
            if camera is None:
                self._view.show_nothing("One moment…", "The picture is being opened.", busy=True)
            else:
                self._view.show_nothing("No picture", camera.text)
            return
        now_s = time.monotonic()
        if frame is not self._view.frame and now_s - self._frame_s >= MIN_FRAME_S:
            self._frame_s = now_s
            self._view.show_frame(frame)
        tags = _tags(snapshot, build_model=reading.build_model)
        self._view.annotate(_face(snapshot), _caption(snapshot, reading), tags, _banner(snapshot))

    @property
    def _is_camera(self) -> bool:
        return self._kind == "camera" or (self._kind == "auto" and not self._drawn)

    def _mirror(self) -> None:
        self._view.mirrored = self._mirror_camera if self._is_camera else self._mirror_other
        self._view.update()


def _face(snapshot: Snapshot) -> Face | None:
    seen, frame = snapshot.observation, snapshot.frame
    if seen is None or frame is None or frame.t_ns - seen.t_ns > FACE_STALE_NS:
        return None
    return seen.face


def _caption(snapshot: Snapshot, reading: Reading) -> Caption | None:
    estimate = snapshot.estimate
    if estimate is None or not reading.build_model:
        return None
    if estimate.label == UNSURE or estimate.label not in reading.bars.labels:
        return Caption(UNSURE, theme.emotion_colors(("neutral",))[0])
    return Caption(words.caption(estimate), reading.bars.color(estimate.label))


def _tags(snapshot: Snapshot, *, build_model: bool) -> tuple[tuple[str, str], ...]:
    tags: list[tuple[str, str]] = []
    if snapshot.is_synthetic:
        tags.append(("DRAWN DEMO", theme.LEVEL_COLORS["warning"]))
    if build_model and snapshot.estimate is not None and snapshot.estimate.modality != "av":
        tags.append((words.MODALITY[snapshot.estimate.modality].upper(), theme.ACCENT))
    return tuple(tags)


def _banner(snapshot: Snapshot) -> str:
    if snapshot.calibration is not None:
        return "Look and sound neutral…"
    if snapshot.ended:
        return "The file has ended. Press R to play it again."
    return ""
