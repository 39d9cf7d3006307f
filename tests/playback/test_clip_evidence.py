"""Other faces of a file are followed from the time on at which they were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emolive.types import BoundingBox, Face, FaceObservation, Frame, Image
from emolive.vision.detector import Detection
from emolive.vision.survey import FaceChoice, SurveyingPipeline

LEFT, RIGHT = BoundingBox(0, 0, 40, 40), BoundingBox(60, 0, 40, 40)
IMAGE = np.zeros((40, 100, 3), np.uint8)


class TwoFaces:
    """A tracker of two faces, and a pipeline around it."""

    def __init__(self) -> None:
        self.followed = LEFT
        self.tracker = self

    def survey(self, image: Image) -> Sequence[Detection]:
        return [Detection(box, 0.9) for box in (LEFT, RIGHT)]

    def follow(self, box_px: BoundingBox, t_ns: int) -> None:
        self.followed = box_px

    def process(self, frame: Frame) -> FaceObservation:
        return FaceObservation(frame.t_ns, Face(self.followed, 0.9), None)

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def test_a_choice_takes_effect_at_its_time_and_once() -> None:
    changes: list[str] = []
    faces = (FaceChoice(2_000_000_000, 80, 20), FaceChoice(4_000_000_000, 20, 20))
    pipeline = SurveyingPipeline(TwoFaces(), faces, lambda: changes.append("another"))  # type: ignore[arg-type]
    seen = [pipeline.process(Frame(t_s * 10**9, IMAGE, t_s)) for t_s in range(6)]
    assert [each.face and each.face.box_px for each in seen] == [LEFT, LEFT, RIGHT, RIGHT, LEFT, LEFT]
    assert [each.others for each in seen] == [(RIGHT,), (RIGHT,), (LEFT,), (LEFT,), (RIGHT,), (RIGHT,)]
    assert changes == ["another", "another"]
