"""Tracking, landmarks and encoders on one image."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.capture.synthetic import SyntheticScene
from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.models.spec import ModelSpec
from emolive.types import BoundingBox, Frame
from emolive.vision.crop import crop_face
from emolive.vision.detector import Detection
from emolive.vision.encoders.base import CropInput, FrameEncoder
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline


@pytest.fixture(scope="module")
def portrait():
    return SyntheticScene().picture(1.0)


class Recorder(FrameEncoder):
    """Records its crops; its vector is their number."""

    name = "recorder"
    dim = 1

    def __init__(self, reads: CropInput) -> None:
        self.crops = []
        self._reads = reads

    @property
    def input(self):
        return self._reads

    def __call__(self, batch):
        self.crops.extend(batch)
        return np.full((len(batch), 1), len(self.crops), np.float32)

    @classmethod
    def fingerprint_of(cls, spec, weights=None):
        return cls.name


class Fixed:
    """A tracker of a face that is always in the same place."""

    def __init__(self, box: BoundingBox | None) -> None:
        self.box, self.points, self.closed = box, [], False

    def track(self, image, t_ns):
        return None if self.box is None else Detection(self.box, 0.9)

    def update_from_landmarks(self, points_px):
        self.points.append(points_px)

    def reset(self):
        self.points.clear()

    def close(self):
        self.closed = True


def test_it_follows_encodes_and_forgets(portrait):
    pipeline = FacePipeline((LandmarkEncoder(),))
    observation = pipeline.process(Frame(5, portrait, 0))
    assert (observation.t_ns, observation.features.shape, observation.face.points_px.shape) == (
        5,
        (136,),
        (68, 2),
    )
    box = observation.face.box_px
    middle = observation.face.points_px.mean(axis=0)
    assert box.x_px < middle[0] < box.x_px + box.width_px
    assert box.y_px < middle[1] < box.y_px + box.height_px
    nothing = pipeline.process(Frame(to_ns(0.1), np.zeros_like(portrait), 1))
    assert (nothing.face, nothing.features) == (None, None)
    pipeline.reset()
    assert pipeline.process(Frame(0, portrait, 2)).features is not None
    pipeline.close()


def test_vectors_are_concatenated_in_order_and_each_encoder_gets_what_it_reads(portrait):
    box = BoundingBox(200, 120, 220, 220)
    encoders = Recorder(CropInput(64, "RGB")), LandmarkEncoder(), Recorder(CropInput(32, upright=True))
    tracker = Fixed(box)
    pipeline = FacePipeline(encoders, tracker)
    observation = pipeline.process(Frame(0, portrait, 0))
    assert observation.features.shape == (138,)
    assert (observation.features[0], observation.features[-1]) == (1, 1)
    np.testing.assert_array_equal(
        observation.features[1:-1], LandmarkEncoder()(observation.face.points_px[None])[0]
    )
    np.testing.assert_array_equal(encoders[0].crops[0], crop_face(portrait, box, 64, "RGB"))
    upright = crop_face(portrait, box, 32, points_px=observation.face.points_px)
    np.testing.assert_array_equal(encoders[2].crops[0], upright)
    assert len(tracker.points) == 1
    pipeline.reset()
    assert not tracker.points
    pipeline.close()
    assert tracker.closed


def test_a_learned_encoder_needs_the_weights_of_a_model():
    with pytest.raises(ConfigError, match="efficientface needs a model's weights"):
        FacePipeline.for_spec(ModelSpec(encoders=("efficientface",)))
