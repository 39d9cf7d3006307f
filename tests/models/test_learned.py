"""A model answers from what it learned alone: in every runtime, in its export, and with old files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.io import checkpoint, onnx
from emolive.models.io.onnx_export import export_onnx
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerProfile
from emolive.types import Modality
from tests.test_predictor import window

SPEC = ModelSpec(
    fusion="ia",
    encoders=("landmarks",),
    landmarker="dlib68",
    labels=("bored", "happy", "Neutral"),
    pooling="mean",
    baselines=MODES,
    width=0.25,
    arch="emolive",
)


def save(path: Path, **learned: object) -> Path:
    torch.manual_seed(0)
    net = factory.build(replace(SPEC, **learned))
    # Every window would be "bored".
    net.audio_classifier.bias.data[0] = net.video_classifier.bias.data[0] = net.classifier.bias.data[0] = 9.0
    checkpoint.save(path, net.eval(), provenance={})
    return path


@pytest.mark.parametrize("streams", ["a", "v"])
def test_a_stream_that_was_not_learned_is_ignored(tmp_path: Path, streams: str) -> None:
    predictor = load_predictor(None, save(tmp_path / "m.safetensors", streams=streams), "cpu", "eager")
    person, spec = SpeakerProfile(SPEC), predictor.spec
    both, alone = window(spec), window(spec, face=streams == "v", voice=streams == "a")
    prediction = predictor.predict(both, person, "none")
    assert prediction is not None
    assert prediction.modality == Modality(streams)
    assert prediction == predictor.predict(alone, person, "none")
    assert predictor.predict(window(spec, face=streams == "a", voice=streams == "v"), person, "none") is None
    assert spec.modalities == (Modality(streams),)
    assert ("reads the voice" if streams == "a" else "reads the face") in spec.limits


def test_a_label_that_was_not_learned_is_never_the_answer(tmp_path: Path) -> None:
    predictor = load_predictor(None, save(tmp_path / "m.safetensors", unlearned=("bored",)), "cpu", "eager")
    for seed in range(3):
        prediction = predictor.predict(window(SPEC, seed=seed), SpeakerProfile(SPEC), "running")
        assert prediction is not None
        assert prediction.probs[0] == 0
        assert sum(prediction.probs) == pytest.approx(1)
    assert predictor.spec.learned_labels == ("happy", "Neutral")
    assert "bored" in predictor.spec.limits


def test_an_export_masks_as_the_checkpoint_does(tmp_path: Path) -> None:
    path = save(tmp_path / "m.safetensors", streams="a", unlearned=("bored",))
    (head,) = export_onnx(path)
    loaded = onnx.load(head.path)
    assert (loaded.spec.streams, loaded.spec.unlearned) == ("a", ("bored",))
    session = loaded.net._head
    spec, rng = loaded.spec, np.random.default_rng(0)
    frames = spec.audio.n_frames(spec.n_samples)
    audio = rng.standard_normal((2, spec.audio_channels, frames)).astype(np.float32)
    video = rng.standard_normal((2, spec.n_bins, spec.video_channels)).astype(np.float32)
    # For programs that know nothing of the description.
    (with_face,) = session.run(["logits"], {"video": video, "audio": audio})
    (without,) = session.run(["logits"], {"video": 0 * video, "audio": audio})
    np.testing.assert_allclose(with_face, without)
    assert (with_face.argmax(axis=1) != 0).all()
    torch_logits = Predictor(checkpoint.load(path)).logits(video[0], audio[0]).numpy()
    np.testing.assert_allclose(torch_logits, with_face[0], atol=1e-3)


def test_old_descriptions_learned_everything_and_new_ones_say_what() -> None:
    values = SPEC.to_dict()
    assert not {"streams", "unlearned"} & set(values)
    assert ModelSpec.from_dict(json.loads(json.dumps(values))) == SPEC
    assert (SPEC.limits, SPEC.learned_labels) == ("", SPEC.labels)
    limited = replace(SPEC, streams="v", unlearned=("happy",))
    assert ModelSpec.from_dict(json.loads(json.dumps(limited.to_dict()))) == limited


@pytest.mark.parametrize(
    "wrong", [{"streams": "x"}, {"unlearned": ("sad",)}, {"unlearned": SPEC.labels}, {"unlearned": [1]}]
)
def test_descriptions_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        ModelSpec.from_dict({**SPEC.to_dict(), **wrong})
