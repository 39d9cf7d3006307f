"""A checkpoint comes back as it was written, and everything else is refused in a sentence."""

import base64
import json
import pickle
import sys
import types
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from emolive.errors import EmoliveError
from emolive.models.efficientface import EfficientFace
from emolive.models.factory import build
from emolive.models.io import checkpoint
from emolive.models.io.backbone import FaceClassifier, is_backbone_file, load_backbone, save_backbone
from emolive.models.io.chumachenko2022 import convert_checkpoint, load_efficientface
from emolive.models.network import EmotionNet
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
    with safe_open(path, "np") as file:
        own = json.loads(file.metadata()["emolive"]) | changes
    save_file(load_file(path) if tensors is None else tensors, path, {"emolive": entry or json.dumps(own)})


def refusal(path: Path, **options) -> str:
    with pytest.raises(EmoliveError) as error:
        checkpoint.load(path, **options)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_a_saved_checkpoint_loads_unchanged(path, net):
    loaded = checkpoint.load(path, fusion="it", landmarker="dlib68")
    assert (loaded.spec, loaded.path, loaded.net.training) == (SMALL, path, False)
    assert loaded.provenance == {"data": "drawn", "figures": {"uar": 0.5}, "licence": "MIT"}
    saved_state, loaded_state = net.state_dict(), loaded.net.state_dict()
    assert saved_state.keys() == loaded_state.keys()
    assert all(torch.equal(saved_state[key], loaded_state[key]) for key in saved_state)
    assert {"video_mean", "video_within_speaker_std", "audio_std", "temperature"} <= loaded_state.keys()
    inputs = torch.randn(2, 15, net.spec.video_channels), torch.randn(2, net.spec.audio_channels, 60)
    with torch.no_grad():
        assert torch.equal(loaded.net(*inputs), net.eval()(*inputs))


def test_description_needs_no_weights(path):
    metadata = checkpoint.describe(path)
    assert (metadata.spec, metadata.provenance["licence"]) == (SMALL, "MIT")
    assert metadata.shapes["classifier.weight"] == (2, 64)
    assert metadata.shapes["temperature"] == (3,)


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


def test_a_full_disk_is_an_output_error(path, net, monkeypatch):
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


def test_shipped(tmp_path, monkeypatch, net):
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match="No weights ship for the fusion it: open a checkpoint of it"):
        checkpoint.shipped("it")
    with pytest.raises(EmoliveError, match="no fusion named xx"):
        checkpoint.shipped("xx")
    (tmp_path / "models").mkdir()
    checkpoint.save(tmp_path / "models" / "it.safetensors", net, provenance={})
    assert checkpoint.load(checkpoint.shipped("it")).spec.fusion == "it"


# Format 2, whose names were others.

FORMAT_2_NAMES = (
    ("audio_branch.spectrogram.", "audio.picture."),
    ("audio_branch.", "audio."),
    ("video_branch.", "visual."),
    ("video_classifier.", "visual_classifier."),
    ("backbone.", "trunk."),
    ("video_within_speaker_std", "face_within"),
    ("audio_within_speaker_std", "voice_within"),
    ("video_mean", "face_mean"),
    ("video_std", "face_std"),
    ("audio_mean", "voice_mean"),
    ("audio_std", "voice_std"),
)


def as_format_2(path: Path, *, provenance=None) -> Path:
    """The file as a former version would have written it."""
    with safe_open(path, "np") as file:
        entry = json.loads(file.metadata()["emolive"])
    spec, audio = entry["spec"], entry["spec"]["audio"]
    for new, old in (
        ("n_bins", "frames"),
        ("num_heads", "heads"),
        ("landmarker", "tracker"),
        ("arch", "variant"),
    ):
        spec[old] = spec.pop(new)
    audio["hop"] = audio.pop("hop_length")
    spec["variant"] = {"chumachenko2022": "reference", "emolive": "residual"}[spec["variant"]]
    spec["encoders"] = ["geometry" if name == "landmarks" else name for name in spec["encoders"]]
    tensors = {}
    for key, value in load_file(path).items():
        old = next((old + key.removeprefix(new) for new, old in FORMAT_2_NAMES if key.startswith(new)), key)
        tensors[old] = value
    entry = {"format": 2, "spec": spec, "provenance": entry["provenance"] | (provenance or {})}
    save_file(tensors, path, {"emolive": json.dumps(entry)})
    return path


@pytest.mark.parametrize("arch", ["chumachenko2022", "emolive"])
def test_format_2_is_converted(tmp_path, arch):
    net = build(replace(SMALL, arch=arch, num_heads=1, width=1.0)).eval()
    path = tmp_path / "old.safetensors"
    checkpoint.save(path, net, provenance={"licence": "MIT"})
    new = checkpoint.describe(path)
    as_format_2(path)
    assert checkpoint.describe(path) == new
    loaded = checkpoint.load(path, landmarker="dlib68")
    assert loaded.spec == net.spec
    expected = net.state_dict()
    assert loaded.net.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in loaded.net.state_dict().items())


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


# The published form, written from our own networks: enough to test the refusals without golden files.


def published_backbone(backbone: EfficientFace) -> dict[str, torch.Tensor]:
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
    weights = published_backbone(backbone) | {"fc.weight": torch.zeros(7, 1024), "fc.bias": torch.zeros(7)}
    return {f"module.{key}": value for key, value in weights.items()}


PUBLISHED = {"audio": "audio", "video": "visual"}


def published_ia(classes: int = 8) -> tuple[EmotionNet, dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    net = build(ModelSpec(fusion="ia", labels=EMOTIONS[:classes])).eval()
    out = {f"visual_model.{key}": value for key, value in published_backbone(net.backbone).items()}
    for key, value in net.state_dict().items():
        parts = key.split(".")
        if parts[0] in ("audio_branch", "video_branch"):
            place = 2 * (int(parts[1][-1]) - 1) + int(parts[2])
            out[f"{PUBLISHED[parts[0][:5]]}_model.conv1d_{place}.{'.'.join(parts[3:])}"] = value
        elif parts[0].endswith("_classifier"):
            out[f"{PUBLISHED[parts[0][:5]]}_model.classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "classifier":
            out[f"classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "fusion":
            head = {"audio_queries": "av1", "video_queries": "va1"}[parts[1]]
            out[f"{head}.{'proj' if parts[2] == 'out' else parts[2]}.{parts[3]}"] = value
    return net, {f"module.{key}": value for key, value in out.items()}


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
    assert "holds no state_dict" in refused([1, 2])
    assert "holds no state_dict" in refused({"state_dict": {"a": 1}})
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
