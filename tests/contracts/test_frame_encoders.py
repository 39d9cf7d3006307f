"""Requirements for every registered frame encoder, including those of the examples and of installed
plug-ins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.feature_space import FeatureSpace
from emolive.models.input_spec import PixelSpec
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec
from emolive.plugins import FRAME_ENCODERS
from emolive.predictor import Predictor
from emolive.types import Frame
from emolive.vision.encoders.base import CropInput, FrameEncoder, LandmarkInput, build_encoders
from emolive.vision.encoders.landmarks import mean_shape
from emolive.vision.face_pipeline import FacePipeline
from tests.helpers.clips import demo_frames
from tests.helpers.plugin_examples import registered_example

NAMES = (*FRAME_ENCODERS.names(), "grid")


@pytest.fixture(autouse=True)
def _example():
    with registered_example("plugin_frame_encoder.py", FRAME_ENCODERS, "grid"):
        yield


def spec_of(name: str) -> ModelSpec:
    landmarker = FRAME_ENCODERS.get(name).landmarker
    return ModelSpec(encoders=(name,), landmarker=landmarker, pixels=PixelSpec(48))


def predictor_of(name: str) -> Predictor:
    torch.manual_seed(0)
    spec = spec_of(name)
    return Predictor(Checkpoint(factory.build(spec).eval(), spec, {}, Path()))


def batch_of(encoder: FrameEncoder, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if isinstance(encoder.input, LandmarkInput):
        return (mean_shape() * 100 + 200 + rng.normal(0, 3, (n, 68, 2))).astype(np.float32)
    assert isinstance(encoder.input, CropInput)
    return rng.integers(0, 255, (n, encoder.input.size, encoder.input.size, 3), np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_it_describes_itself(name: str) -> None:
    cls = FRAME_ENCODERS.get(name)
    assert issubclass(cls, FrameEncoder)
    assert cls.name == name
    assert cls.dim > 0
    assert cls.pooling in ("middle", "mean")
    (encoder,) = predictor_of(name).encoders()
    assert isinstance(encoder, cls)
    assert isinstance(encoder.input, LandmarkInput | CropInput)
    assert isinstance(encoder.input, LandmarkInput) == (cls.landmarker != "none")
    assert hash(encoder.input) == hash(encoder.input)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_encoded_frame_by_frame_and_always_alike(name: str) -> None:
    (encoder,) = predictor_of(name).encoders()
    batch = batch_of(encoder, 3)
    before = batch.copy()
    together = encoder(batch)
    assert (together.shape, together.dtype) == ((3, encoder.dim), np.float32)
    assert np.isfinite(together).all()
    np.testing.assert_array_equal(batch, before)
    each = np.concatenate([encoder(batch[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, each, atol=1e-5)
    (again,) = predictor_of(name).encoders()
    np.testing.assert_array_equal(again(batch[:1]), each[:1])
    assert np.abs(each[0] - each[1]).max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_its_fingerprint_is_the_same_every_time_and_its_own(name: str) -> None:
    spaces = {other: predictor_of(other).feature_space for other in NAMES}
    assert spaces[name] == predictor_of(name).feature_space
    assert all(space != spaces[name] for other, space in spaces.items() if other != name)
    assert len({space.digest() for space in spaces.values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_learned_one_needs_weights_and_others_none(name: str) -> None:
    spec, cls = spec_of(name), FRAME_ENCODERS.get(name)
    net = factory.build(spec).eval()
    if cls.learned:
        assert net.encode(torch.zeros(1, 3, 48, 48)).shape == (1, cls.dim)
        with pytest.raises(ConfigError, match="needs a model's weights"):
            build_encoders(spec)
        with pytest.raises(ValueError, match="weights"):
            FeatureSpace.of(spec)
    else:
        assert net.backbone is None
        assert len(build_encoders(spec)) == 1
        assert FeatureSpace.of(spec) == predictor_of(name).feature_space


@pytest.mark.parametrize("name", NAMES)
def test_mirroring_twice_changes_nothing(name: str) -> None:
    cls = FRAME_ENCODERS.get(name)
    vectors = np.random.default_rng(0).normal(size=(3, cls.dim)).astype(np.float32)
    if (mirrored := cls.mirror(vectors)) is not None:
        assert np.abs(mirrored - vectors).max() > 0
        np.testing.assert_array_equal(cls.mirror(mirrored), vectors)


@pytest.mark.parametrize("name", NAMES)
def test_the_face_pipeline_runs_it(name: str) -> None:
    predictor = predictor_of(name)
    pipeline = FacePipeline.for_spec(predictor.spec, predictor.encoders())
    observation = pipeline.process(Frame(0, demo_frames(0.05)[0], 0))
    pipeline.close()
    assert observation.features is not None
    assert (observation.features.shape, observation.features.dtype) == (
        (predictor.spec.frame_dim,),
        np.float32,
    )
