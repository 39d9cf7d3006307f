"""What the "Why" page shows: parts of the answer, and crops of the face over the window. No Qt."""

from __future__ import annotations

from collections import deque

import numpy as np

from emolive.clock import NS_PER_S, to_ns
from emolive.gui.i18n import tr
from emolive.gui.view_state import WhyState
from emolive.snapshot import Snapshot
from emolive.types import BoundingBox, Image

WINDOW_S = 3.6
CROPS = 8
CROP_PX = 72
SAME_FRAME_NS = 120_000_000
"""A face that was found longer before the frame than this would be cut out beside its place."""


class WhyPresenter:
    """Collects crops while it is `active`; costs nothing otherwise."""

    def __init__(self) -> None:
        self.active = False
        self._crops: deque[tuple[int, Image]] = deque(maxlen=CROPS + 1)

    def present(self, snapshot: Snapshot, now_s: float) -> WhyState:
        """The state of the page.

        Args:
            snapshot: the newest one.
            now_s: the present, on the session's clock.
        """
        if not self.active:
            self._crops.clear()
            return WhyState()
        if not snapshot.ended:
            self._collect(snapshot)
        estimate, explanation = snapshot.estimate, snapshot.explanation
        age_s = None
        if estimate is not None and not snapshot.ended:
            age_s = max(0.0, now_s - estimate.t_ns / NS_PER_S) + estimate.answer_age_s
        observation = snapshot.observation
        return WhyState(
            has_parts=explanation is not None,
            face_share=explanation.face_share if explanation is not None else 0.0,
            face_attention=explanation.face_attention if explanation is not None else (),
            voice_attention=explanation.voice_attention if explanation is not None else (),
            window_s=WINDOW_S,
            crops=tuple(crop for _, crop in self._crops),
            voice_dbfs=snapshot.voice_dbfs,
            pitch_hz=explanation.pitch_hz if explanation is not None else None,
            quality=observation.quality if observation is not None else None,
            age_s=age_s,
            note=_note(snapshot),
        )

    def _collect(self, snapshot: Snapshot) -> None:
        frame, observation = snapshot.frame, snapshot.observation
        if frame is None:
            return
        while self._crops and frame.t_ns - self._crops[0][0] > to_ns(WINDOW_S):
            self._crops.popleft()
        if self._crops and frame.t_ns < self._crops[-1][0]:
            self._crops.clear()  # another source
        due = not self._crops or frame.t_ns - self._crops[-1][0] >= to_ns(WINDOW_S / CROPS)
        if not due or observation is None or observation.face is None:
            return
        if abs(frame.t_ns - observation.t_ns) <= SAME_FRAME_NS:
            self._crops.append((frame.t_ns, crop_face(frame.image, observation.face.box_px)))


def crop_face(image: Image, box: BoundingBox) -> Image:
    """(CROP_PX, CROP_PX, 3) BGR: the square round a face, taken by nearest pixels."""
    side = max(box.width_px, box.height_px, 2.0)
    center_x, center_y = box.center_px
    steps = (np.arange(CROP_PX) + 0.5) / CROP_PX * side - side / 2
    columns = np.clip(np.round(center_x + steps), 0, image.shape[1] - 1).astype(int)
    rows = np.clip(np.round(center_y + steps), 0, image.shape[0] - 1).astype(int)
    return np.ascontiguousarray(image[rows[:, None], columns])


def _note(snapshot: Snapshot) -> str:
    if snapshot.estimate is None:
        return tr("There is no answer to explain.")
    if snapshot.explanation is None:
        return tr("The shares come with the next answer. An exported model (.onnx) does not tell them.")
    return ""
