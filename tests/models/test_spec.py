"""Model descriptions and feature spaces as values."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emolive.errors import ConfigError
from emolive.models.feature_space import FeatureSpace
from emolive.models.input_spec import AudioSpec, PixelSpec
from emolive.models.spec import ModelSpec

LANDMARKS = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean")


def test_a_description_comes_back_from_json():
    spec = replace(LANDMARKS, labels=("a", "b"), baselines=("none",), pixels=PixelSpec(96, "RGB"))
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_the_former_name_of_an_encoder_is_understood():
    assert ModelSpec(encoders=("geometry",)).encoders == ("landmarks",)
    assert replace(LANDMARKS, encoders=("efficientface", "geometry")).frame_dim == 1160


def test_encoders_describe_themselves():
    assert LANDMARKS.learned_encoder is None
    assert ModelSpec().learned_encoder.name == "efficientface"
    assert [encoder.name for encoder in LANDMARKS.encoder_classes] == ["landmarks"]
    with pytest.raises(ConfigError, match="no frame encoder named vgg"):
        _ = ModelSpec(encoders=("vgg",)).frame_dim


@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": "middle"},
        {"landmarker": "none"},
        {"n_bins": 30},
        {"window_s": 3.606},
        {"audio": AudioSpec(kind="logmel")},
        {"audio": AudioSpec(fmin_hz=0.25)},
    ],
)
def test_what_measures_otherwise_is_another_space(changes):
    one, other = FeatureSpace.of(LANDMARKS), FeatureSpace.of(replace(LANDMARKS, **changes))
    assert one != other
    assert one.digest() != other.digest()
    assert str(one) != str(other)


@pytest.mark.parametrize(
    "changes",
    [{"fusion": "lt"}, {"num_heads": 4}, {"width": 0.5}, {"labels": ("a", "b")}, {"baselines": ("none",)}],
)
def test_options_after_the_features_do_not_change_the_space(changes):
    assert FeatureSpace.of(replace(LANDMARKS, **changes)) == FeatureSpace.of(LANDMARKS)


def test_a_space_comes_back_from_json_with_the_same_digest():
    spec = replace(LANDMARKS, audio=AudioSpec(fmin_hz=50, fmax_hz=8000, floor_db=-80))
    space = FeatureSpace.of(spec)
    again = FeatureSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert (again, again.digest(), str(again)) == (space, space.digest(), str(space))
    floats = replace(spec, audio=replace(spec.audio, fmin_hz=50.0, fmax_hz=8000.0, floor_db=-80.0))
    assert FeatureSpace.of(floats).digest() == space.digest()
    assert str(space).startswith("landmarks by dlib68, mean of 240 ms; mfcc 22050 Hz")


def test_a_learned_encoder_is_identified_by_weights_and_pixels():
    spec = ModelSpec()
    with pytest.raises(ValueError, match="digest of its weights"):
        FeatureSpace.of(spec)
    space = FeatureSpace.of(spec, "abc")
    assert space == FeatureSpace.of(spec, "abc")
    assert space != FeatureSpace.of(spec, "abd")
    assert space != FeatureSpace.of(replace(spec, pixels=PixelSpec(96)), "abc")


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": tuple(map(str, range(100)))},
        {"labels": ("a\x1b[31m", "b")},
        {"audio": AudioSpec(kind="logmel", rate_hz=192_000, hop_length=1, n_fft=2048)},
        {"audio": AudioSpec(kind="logmel", n_fft=65_536, n_mels=1024)},
        {"audio": AudioSpec(rate_hz=1000, n_fft=16, fmax_hz=500), "num_heads": 2**80},
        {"pixels": PixelSpec(size=2048)},
    ],
)
def test_what_would_take_gigabytes_is_refused(changes):
    with pytest.raises(ConfigError) as error:
        replace(LANDMARKS, **changes).validate()
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 200
