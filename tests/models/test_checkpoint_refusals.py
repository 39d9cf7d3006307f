"""Files that are not checkpoints, do not fit or are damaged are refused with one sentence."""

import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from emolive.errors import EmoliveError
from emolive.models.factory import build
from emolive.models.io import checkpoint
from emolive.models.io.chumachenko2022 import convert_checkpoint
from tests.helpers.checkpoints import SMALL, Bomb, refusal, rewrite


def test_other_fusion_and_other_tracker(path):
    assert "holds the fusion it, and ia was asked for" in refusal(path, fusion="ia")
    assert "trained on landmarks of dlib68, and emolive measures them with mesh" in refusal(
        path, landmarker="mesh"
    )
    with pytest.raises(EmoliveError, match="no fusion named xx"):
        checkpoint.load(path, fusion="xx")


def test_a_model_without_landmarks_goes_with_any_tracker(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, build(replace(SMALL, landmarker="none")), provenance={})
    assert checkpoint.load(path, landmarker="dlib68").spec.landmarker == "none"


def test_missing_folder_and_empty(tmp_path):
    assert "There is no checkpoint" in refusal(tmp_path / "none.safetensors")
    assert "is a folder" in refusal(tmp_path)
    empty = tmp_path / "empty.safetensors"
    empty.touch()
    assert "is empty" in refusal(empty)


@pytest.mark.parametrize("keep", [4, 8, 9, 200, -1, -5000])
def test_truncated(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    assert "cut short or damaged" in refusal(path)


def test_with_something_behind_it(path):
    path.write_bytes(path.read_bytes() + b"\0")
    assert "cut short or damaged" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is a text file of some length",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\x02\0\0\0\0\0\0\0{}{}"[:10] + b"x",
        b"\x04\0\0\0\0\0\0\0{[]}",
        b"\x07\0\0\0\0\0\0\0" + b'{"a":1}',
        bytes(64),
    ],
)
def test_foreign_files(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    sentence = refusal(path)
    assert "not an emolive checkpoint" in sentence or "cut short" in sentence


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_named_and_never_opened(tmp_path, zipped):
    path = tmp_path / "model.pth"
    torch.save({"state_dict": Bomb()}, path, _use_new_zipfile_serialization=zipped)
    assert "`emolive import-checkpoint`" in refusal(path)
    with pytest.raises(EmoliveError, match="safe reader cannot read it"):
        convert_checkpoint(path)
    path.write_bytes(pickle.dumps({"state_dict": Bomb()}))
    assert "`emolive import-checkpoint`" in refusal(path)


def test_safetensors_of_another_program_are_refused(path):
    save_file(load_file(path), path)
    assert "does not describe a model" in refusal(path)
    save_file(load_file(path), path, {"emolive": "no json"})
    assert "does not describe a model" in refusal(path)


def test_other_format_version(path):
    rewrite(path, format=99)
    assert "has checkpoint format 99, and this version of emolive reads 2 and 3" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"future": 1}, "does not fit this version: future"),
        ({"fusion": "xx"}, "no fusion named xx"),
        ({"arch": "xx"}, "no architecture xx: choose chumachenko2022, emolive"),
        ({"num_heads": 5}, "do not divide"),
        ({"num_heads": "two"}, "num_heads must be a whole number, not 'two'"),
        ({"pixels": 5}, "pixel description does not fit this version: it is a int"),
        ({"num_heads": 1, "width": 0.5}, r"audio_branch.stage1.0.0.bias is \(16,\) and should be \(32,\)"),
    ],
)
def test_description_that_does_not_fit(path, changes, sentence):
    rewrite(path, spec=SMALL.to_dict() | changes)
    with pytest.raises(EmoliveError, match=sentence):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": ["calm", "calm"]}, "calm stands twice in labels"),
        ({"labels": ["calm", " "]}, "labels must be a short text, not ' '"),
        ({"labels": ["calm", 3]}, "labels must be a short text, not 3"),
        ({"labels": "ab"}, "labels must be a list of texts"),
        ({"labels": ["x"]}, "at least two labels"),
        ({"window_s": "3.6"}, "window_s must be a number"),
        ({"window_s": float("nan")}, "window_s must be a number, not nan"),
        ({"window_s": 3600}, "window_s must be from 0.5 to 60"),
        ({"n_bins": 15.0}, "n_bins must be a whole number"),
        ({"n_bins": 0}, "n_bins must be from 1 to 1000"),
        ({"num_heads": True}, "num_heads must be a whole number"),
        ({"width": 1e9}, "width must be from 0.01 to 16"),
        ({"pooling": "max"}, "pooling must be middle or mean, not 'max'"),
        ({"encoders": []}, "no frame encoder"),
        ({"encoders": ["landmarks", None]}, "encoders must be a short text"),
        ({"pixels": {"size": 10**6, "order": "BGR", "mean": [0, 0, 0], "std": [1, 1, 1]}}, "size must be"),
        ({"pixels": {"size": 96, "order": "GBR", "mean": [0, 0, 0], "std": [1, 1, 1]}}, "order must be"),
        ({"pixels": {"size": 96, "order": "BGR", "mean": [0, 0], "std": [1, 1, 1]}}, "three numbers"),
        ({"pixels": {"size": 96, "order": "BGR", "mean": [0, 0, 0], "std": [1, 0, 1]}}, "std must be from"),
    ],
)
def test_description_with_values_out_of_range(path, changes, sentence):
    rewrite(path, spec=SMALL.to_dict() | changes)
    assert sentence in refusal(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_fft": "1024"}, "n_fft must be a whole number"),
        ({"n_fft": 2**30}, "n_fft must be from 16 to 65536"),
        ({"hop_length": 0}, "hop_length must be from 1"),
        ({"rate_hz": 22_050.5}, "rate_hz must be a whole number"),
        ({"n_mels": -1}, "n_mels must be from 1"),
        ({"fmax_hz": 1e6}, "fmax_hz must be from"),
        ({"future": 1}, "audio description does not fit this version: future"),
    ],
)
def test_audio_description_with_values_out_of_range(path, changes, sentence):
    spec = SMALL.to_dict()
    rewrite(path, spec=spec | {"audio": spec["audio"] | changes})
    assert sentence in refusal(path)


def test_wrong_weights(path):
    tensors = load_file(path)
    rewrite(path, {key: value for key, value in tensors.items() if key != "classifier.bias"})
    assert "it lacks classifier.bias" in refusal(path)
    rewrite(path, tensors | {"extra": torch.zeros(2)})
    assert "extra is not part of that model" in refusal(path)
    rewrite(path, tensors | {"classifier.bias": torch.zeros(3)})
    assert "classifier.bias is (3,) and should be (2,)" in refusal(path)
    rewrite(path, tensors | {"classifier.bias": torch.tensor([0.0, float("nan")])})
    assert "classifier.bias holds values that are not finite" in refusal(path)
    rewrite(path, tensors | {"classifier.bias": torch.zeros(2, dtype=torch.int64)})
    assert "classifier.bias holds torch.int64" in refusal(path)
    rewrite(path, tensors)
    assert checkpoint.load(path).spec == SMALL
