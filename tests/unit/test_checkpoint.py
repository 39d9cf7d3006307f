"""A checkpoint comes back as it was written, and everything else is refused in a sentence."""

import json
import pickle
import sys
import types
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from emolive.errors import EmoliveError
from emolive.models.efficientface import EfficientFace
from emolive.models.io import checkpoint
from emolive.models.io.chumachenko2022 import convert_checkpoint, load_backbone
from emolive.models.network import EmotionNet
from emolive.models.factory import build
from emolive.models.spec import EMOTIONS, AudioSpec, ModelSpec, PixelSpec

SMALL = ModelSpec(
    fusion="it",
    encoders=("landmarks",),
    landmarker="dlib68",
    num_heads=2,
    labels=("calm", "angry"),
    pooling="mean",
    pixels=PixelSpec(size=96, order="RGB", mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)),
    audio=AudioSpec(kind="logmel", n_mels=40),
    baselines=("none", "running"),
    dropout=0.3,
    width=0.25,
)


@pytest.fixture
def net() -> EmotionNet:
    torch.manual_seed(0)
    net = build(SMALL)
    for name, buffer in net.named_buffers():
        if "." not in name:
            buffer.uniform_(0.5, 2.0)
    return net


@pytest.fixture
def path(tmp_path, net) -> Path:
    path = tmp_path / "it.safetensors"
    checkpoint.save(path, net, provenance={"data": "drawn", "figures": {"uar": 0.5}, "licence": "MIT"})
    return path


def rewrite(path: Path, tensors=None, entry=None, **changes) -> None:
    """Write `path` again with other tensors, other metadata or changes to its own."""
    header = json.loads(
        path.read_bytes()[8:].split(b"\0")[0][: int.from_bytes(path.read_bytes()[:8], "little")]
    )
    own = json.loads(header["__metadata__"]["emolive"]) | changes
    save_file(load_file(path) if tensors is None else tensors, path, {"emolive": entry or json.dumps(own)})


def refusal(path: Path, **asked) -> str:
    with pytest.raises(EmoliveError) as error:
        checkpoint.load(path, **asked)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_comes_back_whole(path, net):
    told = checkpoint.load(path, fusion="it", tracker="dlib68")
    assert (told.spec, told.path, told.net.training) == (SMALL, path, False)
    assert told.provenance == {"data": "drawn", "figures": {"uar": 0.5}, "licence": "MIT"}
    mine, theirs = net.state_dict(), told.net.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert {"video_mean", "video_within_speaker_std", "audio_std", "temperature"} <= theirs.keys()
    inputs = torch.randn(2, 15, net.video_channels), torch.randn(2, net.audio_channels, 60)
    with torch.no_grad():
        assert torch.equal(told.net(*inputs), net.eval()(*inputs))


def test_description_needs_no_weights(path):
    told = checkpoint.describe(path)
    assert (told.spec, told.provenance["licence"]) == (SMALL, "MIT")
    assert told.shapes["classifier.weight"] == (2, 64)
    assert told.shapes["temperature"] == (3,)


def test_saving_replaces_and_leaves_nothing_behind(path, net):
    checkpoint.save(path, net, provenance={"round": 2})
    assert checkpoint.describe(path).provenance == {"round": 2}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_failed_saving_keeps_the_old_file(path, net, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emolive.atomic_io.os.fsync", full)
    with pytest.raises(EmoliveError, match="cannot be written: No space left"):
        checkpoint.save(path, net, provenance={})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_is_said_however_the_writer_puts_it(path, net, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] unexpected pos 584000 vs 583892")

    monkeypatch.setattr("emolive.atomic_io.os.fsync", full)
    with pytest.raises(EmoliveError, match="unexpected pos"):
        checkpoint.save(path, net, provenance={})
    monkeypatch.setattr("emolive.atomic_io.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(EmoliveError, match="cannot be written: No space left"):
        checkpoint.save(path, net, provenance={})


def test_saving_refuses_what_it_cannot_write(tmp_path, net):
    with pytest.raises(EmoliveError, match="cannot be written: No such file"):
        checkpoint.save(tmp_path / "missing" / "a.safetensors", net, provenance={})
    with pytest.raises(EmoliveError, match="cannot be written as JSON"):
        checkpoint.save(tmp_path / "a.safetensors", net, provenance={"net": net})
    assert not list(tmp_path.iterdir())


def test_other_fusion_and_other_tracker(path):
    assert "holds the fusion it, and ia was asked for" in refusal(path, fusion="ia")
    assert "trained on landmarks of the tracker dlib68, and mesh is running" in refusal(path, tracker="mesh")
    with pytest.raises(EmoliveError, match="no fusion named xx"):
        checkpoint.load(path, fusion="xx")


def test_a_model_without_landmarks_goes_with_any_tracker(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, build(replace(SMALL, landmarker="none")), provenance={})
    assert checkpoint.load(path, tracker="dlib68").spec.landmarker == "none"


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


class Bomb:
    """Raises when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_named_and_never_opened(tmp_path, zipped):
    path = tmp_path / "model.pth"
    torch.save({"state_dict": Bomb()}, path, _use_new_zipfile_serialization=zipped)
    assert "`emolive import-checkpoint`" in refusal(path)
    with pytest.raises(EmoliveError, match="safe reader cannot read it"):
        convert_checkpoint(path)
    path.write_bytes(pickle.dumps({"state_dict": Bomb()}))
    assert "`emolive import-checkpoint`" in refusal(path)


def test_safetensors_of_somebody_else(path):
    save_file(load_file(path), path)
    assert "does not say what model it holds" in refusal(path)
    save_file(load_file(path), path, {"emolive": "no json"})
    assert "does not say what model it holds" in refusal(path)


def test_other_format_version(path):
    rewrite(path, format=99)
    assert "has checkpoint format 99, and this version of emolive reads format 2" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"future": 1}, "does not fit this version: future"),
        ({"fusion": "xx"}, "no fusion named xx"),
        ({"arch": "xx"}, "no architecture xx"),
        ({"num_heads": 5}, "do not divide"),
        ({"num_heads": "two"}, "no model can be built"),
        ({"pixels": 5}, "does not fit this version|description cannot be read"),
        ({"num_heads": 1, "width": 0.5}, r"audio.stage1.0.0.bias is \(16,\) and should be \(32,\)"),
    ],
)
def test_description_that_does_not_fit(path, changes, sentence):
    rewrite(path, spec=SMALL.to_dict() | changes)
    with pytest.raises(EmoliveError, match=sentence):
        checkpoint.load(path)


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


def test_shipped(tmp_path, monkeypatch, net):
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match="ships with emolive is missing"):
        checkpoint.shipped("it")
    with pytest.raises(EmoliveError, match="no fusion named xx"):
        checkpoint.shipped("xx")
    (tmp_path / "models").mkdir()
    checkpoint.save(tmp_path / "models" / "it.safetensors", net, provenance={})
    assert checkpoint.load(checkpoint.shipped("it")).spec.fusion == "it"


# The published form, written from our own networks: enough to test the refusals without golden files.


def published_trunk(backbone: EfficientFace) -> dict[str, torch.Tensor]:
    out = {}
    for key, value in backbone.state_dict().items():
        parts = key.split(".")
        if parts[0] == "stem":
            new = ["conv1", *parts[1:]]
        elif parts[0] == "last":
            new = ["conv5", *parts[1:]]
        elif parts[0].startswith("stage"):
            new = [parts[0], parts[1], {"skip": "branch1", "main": "branch2"}[parts[2]], *parts[3:]]
        elif parts[0] == "local":
            quadrant, place = int(parts[2]) + 1, int(parts[3])
            new = ["local", f"{'bn' if place % 3 else 'conv'}{quadrant}_{place // 3 + 1}", *parts[4:]]
        elif parts[1] == "channel_gate":
            names = {"0": "gate_c_fc_0", "1": "gate_c_bn_1", "3": "gate_c_fc_final"}
            new = ["modulator.channel_att.gate_c", names[parts[2]], *parts[3:]]
        else:
            names = dict(
                zip(
                    "0134679",
                    [
                        "conv_reduce0",
                        "bn_reduce0",
                        "conv_di_0",
                        "bn_di_0",
                        "conv_di_1",
                        "bn_di_1",
                        "conv_final",
                    ],
                    strict=True,
                )
            )
            new = ["modulator.spatial_att.gate_s", f"gate_s_{names[parts[2]]}", *parts[3:]]
        out[".".join(new)] = value
    return out


def released(backbone: EfficientFace) -> dict[str, torch.Tensor]:
    weights = published_trunk(backbone) | {"fc.weight": torch.zeros(7, 1024), "fc.bias": torch.zeros(7)}
    return {f"module.{key}": value for key, value in weights.items()}


def published_ia(classes: int = 8) -> tuple[EmotionNet, dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    net = build(ModelSpec(fusion="ia", labels=EMOTIONS[:classes])).eval()
    out = {f"visual_model.{key}": value for key, value in published_trunk(net.backbone).items()}
    for key, value in net.state_dict().items():
        parts = key.split(".")
        if parts[0] in ("audio", "visual"):
            place = 2 * (int(parts[1][-1]) - 1) + int(parts[2])
            out[f"{parts[0]}_model.conv1d_{place}.{'.'.join(parts[3:])}"] = value
        elif parts[0].endswith("_classifier"):
            out[f"{parts[0].removesuffix('_classifier')}_model.classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "classifier":
            out[f"classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "fusion":
            head = {"audio_queries": "av1", "video_queries": "va1"}[parts[1]]
            out[f"{head}.{'proj' if parts[2] == 'out' else parts[2]}.{parts[3]}"] = value
    return net, {f"module.{key}": value for key, value in out.items()}


def test_import_takes_every_weight_and_half_precision(tmp_path):
    net, weights = published_ia()
    path = tmp_path / "ia_4heads.pth"
    halved = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
    torch.save({"epoch": 3, "arch": "multimodalcnn", "optimizer": {}, "state_dict": halved}, path)
    taken = convert_checkpoint(path)
    assert (taken.spec.fusion, taken.spec.num_heads, taken.training) == ("ia", 4, False)
    assert convert_checkpoint(path, fusion="ia", heads=1).spec.num_heads == 1
    for key, value in net.state_dict().items():
        wanted = value.half().float() if value.is_floating_point() else value
        assert torch.equal(taken.state_dict()[key], wanted), key
        assert taken.state_dict()[key].dtype == value.dtype


def test_import_of_other_class_counts_has_neutral_names(tmp_path):
    _, weights = published_ia(5)
    torch.save({"state_dict": weights}, tmp_path / "a.pth")
    taken = convert_checkpoint(tmp_path / "a.pth")
    assert taken.spec.labels == ("class 1", "class 2", "class 3", "class 4", "class 5")
    assert taken.spec.num_heads == 1


def test_import_refusals(tmp_path):
    _, weights = published_ia()
    path = tmp_path / "a.pth"

    def refused(content, **asked) -> str:
        torch.save(content, path)
        with pytest.raises(EmoliveError) as error:
            convert_checkpoint(path, **asked)
        return str(error.value)

    assert "holds the fusion ia, and lt was asked for" in refused({"state_dict": weights}, fusion="lt")
    assert "no fusion named xx" in refused({"state_dict": weights}, fusion="xx")
    assert "holds no state_dict" in refused([1, 2])
    assert "holds no state_dict" in refused({"state_dict": {"a": 1}})
    assert "none of its three fusions" in refused({"state_dict": released(EfficientFace())})
    assert "do not divide" in refused({"state_dict": weights}, heads=3)
    some = "module.visual_model.stage3.0.branch1.0.weight"
    assert "it lacks trunk.stage3.0.skip.0.weight" in refused(
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
def test_released_trunk_with_the_training_log_of_its_authors(tmp_path, monkeypatch, zipped):
    """Their files pickle a class from the training script, which nobody who loads them has."""
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
    taken = load_backbone(path)
    assert not taken.training
    wanted = backbone.state_dict()
    assert all(torch.equal(value, wanted[key]) for key, value in taken.state_dict().items())


def test_trunk_refusals(tmp_path):
    path = tmp_path / "a.pth.tar"
    weights = released(EfficientFace())

    def refused(content) -> str:
        torch.save(content, path)
        with pytest.raises(EmoliveError) as error:
            load_backbone(path)
        return str(error.value)

    assert "not a released EfficientFace model" in refused({"state_dict": published_ia()[1]})
    assert "it holds layer1.0.weight" in refused({"state_dict": {"module.layer1.0.weight": torch.zeros(1)}})
    assert "it lacks" in refused(
        {"state_dict": {key: value for key, value in weights.items() if "conv5" not in key}}
    )
    assert "safe reader" in refused({"state_dict": weights, "recorder": Bomb()})
