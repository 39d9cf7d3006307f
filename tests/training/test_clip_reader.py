from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.types import FaceObservation, Frame
from emolive.vision.encoders.landmarks import LandmarkEncoder
from preprocessing.annotations import Annotations, ClipEntry
from tests.training.dataset_of_clips import SPEC
from training import clip_reader
from training.clip_reader import ClipReader


def test_the_tracker_is_reset_for_each_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FakePipeline:
        resets = 0

        def reset(self) -> None:
            FakePipeline.resets += 1

        def process(self, frame: Frame) -> FaceObservation:
            features = np.full(LandmarkEncoder.dim, frame.image[0, 0, 0], np.float32)
            return FaceObservation(frame.t_ns, None, features)

    class FakeFactory:
        @staticmethod
        def for_spec(*_: object) -> FakePipeline:
            return FakePipeline()

    monkeypatch.setattr(clip_reader, "FacePipeline", FakeFactory)
    crops = np.full((4, 8, 8), 7, np.uint8)
    crops[2] = 0
    np.save(tmp_path / "crops.npy", crops)
    items = tuple(ClipEntry(name, "crops.npy", "", "happy", "1", "") for name in "ab")
    reader = ClipReader(Annotations(items, tmp_path), SPEC)
    for count, item in enumerate(items):
        track = reader.read(item).video
        assert track is not None
        assert FakePipeline.resets == count, "a new pipeline needs no reset"
        assert track.present.tolist() == [True, True, False, True]
        assert track.vectors[:, 0].tolist() == [7, 7, 0, 7]
        assert track.stamps_ns[0] == 450_000_000
