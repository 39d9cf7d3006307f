"""Import of checkpoints in the published form, and of released EfficientFace weights."""

import sys
import types

import numpy as np
import pytest
import torch

from emolive.errors import EmoliveError
from emolive.models.efficientface import EfficientFace
from emolive.models.io.chumachenko2022 import convert_checkpoint, load_efficientface
from tests.helpers.checkpoints import Bomb, published_ia, released


def test_import_converts_every_weight_and_half_precision(tmp_path):
    net, weights = published_ia()
    path = tmp_path / "ia_4heads.pth"
    halved = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    torch.save({"epoch": 3, "arch": "multimodalcnn", "optimizer": {}, "state_dict": halved}, path)
    converted = convert_checkpoint(path)
    assert (converted.spec.fusion, converted.spec.num_heads, converted.training) == ("ia", 4, False)
    assert convert_checkpoint(path, fusion="ia", heads=1).spec.num_heads == 1
    for key, value in net.state_dict().items():
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(converted.state_dict()[key], expected), key
        assert converted.state_dict()[key].dtype == value.dtype


def test_import_of_other_class_counts_has_neutral_names(tmp_path):
    _, weights = published_ia(5)
    torch.save({"state_dict": weights}, tmp_path / "a.pth")
    converted = convert_checkpoint(tmp_path / "a.pth")
    assert converted.spec.labels == ("class 1", "class 2", "class 3", "class 4", "class 5")
    assert converted.spec.num_heads == 1


def test_weights_are_found_bare_and_under_other_names(tmp_path):
    _, weights = published_ia()
    path = tmp_path / "a.pth"
    for content in (weights, {"model": weights, "epoch": 3}, {"args": {"lr": 1}, "net": weights}):
        torch.save(content, path)
        assert convert_checkpoint(path).spec.fusion == "ia"
    bare = released(EfficientFace())
    torch.save(bare, path)
    assert isinstance(load_efficientface(path), EfficientFace)


def test_heads_are_those_of_the_options_beside_a_checkpoint(tmp_path):
    _, weights = published_ia()
    path = tmp_path / "RAVDESS_multimodalcnn_15_best0_2heads.pth"
    torch.save({"state_dict": weights}, path)
    assert convert_checkpoint(path).spec.num_heads == 2
    # The published code writes its options with a time in their name; some are of another fusion, or damaged.
    (tmp_path / "opts1650000000.10.json").write_text('{"fusion": "ia", "num_heads": 4}')
    (tmp_path / "opts1660000000.10.json").write_text('{"fusion": "it", "num_heads": 1}')
    (tmp_path / "opts1670000000.10.json").write_text("[")
    assert convert_checkpoint(path).spec.num_heads == 4
    assert convert_checkpoint(path, heads=1).spec.num_heads == 1


def test_import_refusals(tmp_path):
    _, weights = published_ia()
    path = tmp_path / "a.pth"

    def refused(content, **options) -> str:
        torch.save(content, path)
        with pytest.raises(EmoliveError) as error:
            convert_checkpoint(path, **options)
        return str(error.value)

    assert "holds the fusion ia, and lt was asked for" in refused({"state_dict": weights}, fusion="lt")
    assert "no fusion named xx" in refused({"state_dict": weights}, fusion="xx")
    assert "holds no weights" in refused([1, 2])
    assert "holds no weights" in refused({"state_dict": {"a": 1}})
    assert "holds no weights" in refused({"model": {}})
    assert "none of its three fusions" in refused({"state_dict": released(EfficientFace())})
    assert "do not divide" in refused({"state_dict": weights}, heads=3)
    some = "module.visual_model.stage3.0.branch1.0.weight"
    assert "it lacks backbone.stage3.0.skip.0.weight" in refused(
        {"state_dict": {key: value for key, value in weights.items() if key != some}}
    )
    odd = {"module.visual_model.conv9.0.weight": torch.zeros(1)}
    assert "it holds visual_model.conv9.0.weight" in refused({"state_dict": weights | odd})
    assert "is (1, 2) and should be (116, 1, 3, 3)" in refused(
        {"state_dict": weights | {some: torch.zeros(1, 2)}}
    )
    path.write_text("no pickle at all")
    with pytest.raises(EmoliveError, match="not a checkpoint of the published"):
        convert_checkpoint(path)
    with pytest.raises(EmoliveError, match="There is no file"):
        convert_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_released_backbone_with_the_training_log_of_its_authors(tmp_path, monkeypatch, zipped):
    """The released files pickle a class of the training script, which is not importable."""
    script = types.ModuleType("__main__")

    class RecorderMeter:
        def __init__(self) -> None:
            self.losses = np.zeros((3, 2), np.float32)
            self.best = np.float64(0.5)

    RecorderMeter.__module__, RecorderMeter.__qualname__ = "__main__", "RecorderMeter"
    script.RecorderMeter = RecorderMeter
    backbone = EfficientFace()
    path = tmp_path / "EfficientFace.pth.tar"
    content = {"epoch": 1, "state_dict": released(backbone), "recorder": RecorderMeter()}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "__main__", script)
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = load_efficientface(path)
    assert not loaded.training
    expected = backbone.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in loaded.state_dict().items())


def test_backbone_refusals(tmp_path):
    path = tmp_path / "a.pth.tar"
    weights = released(EfficientFace())

    def refused(content) -> str:
        torch.save(content, path)
        with pytest.raises(EmoliveError) as error:
            load_efficientface(path)
        return str(error.value)

    assert "not a released EfficientFace model" in refused({"state_dict": published_ia()[1]})
    assert "it holds layer1.0.weight" in refused({"state_dict": {"module.layer1.0.weight": torch.zeros(1)}})
    assert "it lacks" in refused(
        {"state_dict": {key: value for key, value in weights.items() if "conv5" not in key}}
    )
    assert "safe reader" in refused({"state_dict": weights, "recorder": Bomb()})
