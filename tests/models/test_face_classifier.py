"""Face classifiers in full checkpoints, and backbone files."""

import base64
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emolive.errors import EmoliveError
from emolive.models.factory import build
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.io.backbone import FaceClassifier, is_backbone_file, load_backbone, save_backbone
from emolive.models.spec import ModelSpec
from tests.helpers.checkpoints import (
    as_format_2,
    refusal,
    rewrite,
)


@pytest.fixture
def with_faces(tmp_path) -> tuple[Path, FaceClassifier]:
    """A full checkpoint with a classifier of single faces for its backbone."""
    torch.manual_seed(2)
    pixels = PixelSpec(48)
    faces = FaceClassifier(("neutral", "happy", "sad"), pixels).eval()
    net = build(ModelSpec(pixels=pixels))
    net.backbone.load_state_dict(faces.backbone.state_dict())
    path = tmp_path / "faces.safetensors"
    checkpoint.save(path, net, provenance={}, face_head=faces.head)
    return path, faces


@torch.no_grad()
def test_a_classifier_of_faces_is_stored_as_tensors(with_faces):
    path, faces = with_faces
    description = checkpoint.describe(path)
    assert description.face_labels == ("neutral", "happy", "sad")
    assert description.shapes["face_classifier.weight"] == (3, 1024)
    again = FaceClassifier.of_checkpoint(checkpoint.load(path))
    pixels = torch.randn(2, 3, 48, 48)
    assert torch.equal(again(pixels), faces(pixels))
    assert (again.labels, again.pixels) == (faces.labels, faces.pixels)


@torch.no_grad()
def test_a_classifier_of_faces_of_format_2_is_converted(with_faces):
    path, faces = with_faces
    weight, bias = (
        base64.b64encode(value.numpy().astype("<f4").tobytes()).decode()
        for value in (faces.head.weight, faces.head.bias)
    )
    stored = {"labels": list(faces.labels), "weight": weight, "bias": bias}
    tensors = {k: v for k, v in load_file(path).items() if not k.startswith("face_classifier")}
    rewrite(path, tensors)
    as_format_2(path, provenance={"face_classifier": stored})
    loaded = checkpoint.load(path)
    assert "face_classifier" not in loaded.provenance
    pixels = torch.randn(2, 3, 48, 48)
    assert torch.equal(FaceClassifier.of_checkpoint(loaded)(pixels), faces(pixels))
    rewrite(path, provenance={"face_classifier": stored | {"weight": weight[:400]}})
    assert "its classifier of faces cannot be read" in refusal(path)


def test_a_classifier_of_faces_that_does_not_fit_is_refused(with_faces, path):
    faces, _ = with_faces
    tensors = load_file(faces)
    rewrite(faces, tensors | {"face_classifier.bias": torch.zeros(2)})
    assert "face_classifier.bias is (2,) and should be (3,)" in refusal(faces)
    rewrite(faces, tensors, face_labels=[])
    assert "face_classifier.bias is not part of that model" in refusal(faces)
    with pytest.raises(EmoliveError, match="reads landmarks, not pixels"):
        FaceClassifier.of_checkpoint(checkpoint.load(path))


def test_backbone_checkpoints_come_back_and_so_do_those_of_format_1(tmp_path):
    torch.manual_seed(3)
    faces = FaceClassifier(("neutral", "happy"), PixelSpec(48, "RGB")).eval()
    path = tmp_path / "backbone.safetensors"
    save_backbone(path, faces, provenance={"licence": "MIT"})
    assert is_backbone_file(path)
    old = tmp_path / "old.safetensors"
    entry = {
        "format": 1,
        "labels": faces.labels,
        "pixels": asdict(faces.pixels),
        "provenance": {"licence": "MIT"},
    }
    tensors = {k.replace("backbone.", "trunk.", 1): v for k, v in faces.state_dict().items()}
    save_file(tensors, old, {"emolive-trunk": json.dumps(entry)})
    for file in (path, old):
        loaded = load_backbone(file)
        assert (loaded.net.labels, loaded.net.pixels, loaded.provenance) == (
            faces.labels,
            faces.pixels,
            {"licence": "MIT"},
        )
        assert all(torch.equal(v, faces.state_dict()[k]) for k, v in loaded.net.state_dict().items())
        assert "does not describe a model" in refusal(file)
    assert not is_backbone_file(tmp_path / "none.safetensors")
