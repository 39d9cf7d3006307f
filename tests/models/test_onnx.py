"""Exported checkpoints give the results of torch, also live; invalid files are refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emolive.cli import main
from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.io import onnx as onnx_model
from emolive.models.io import onnx_export as export
from emolive.models.io.onnx_export import export_onnx
from emolive.models.network import STATS
from emolive.models.runtimes import onnxruntime as onnx_runtime
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerProfile
from emolive.windowing import FeatureWindow
from tests.helpers.checkpoints import spec_of_format_2
from tests.helpers.clips import demo_audio, demo_frames, write_clip

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

TOLERANCE = 1e-4


def of(path: Path) -> Predictor:
    return Predictor(checkpoint.load(path))


@pytest.fixture(scope="module")
def source(random_checkpoint: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landmark model with temperatures other than 1."""
    net = checkpoint.load(random_checkpoint("ia")).net
    net.temperature.copy_(torch.tensor([1.7, 0.8, 1.2]))
    path = tmp_path_factory.mktemp("export") / "model.safetensors"
    checkpoint.save(path, net, provenance={"licence": "for tests"})
    return path


@pytest.fixture(scope="module")
def exported(source: Path) -> Path:
    """The same model as ONNX, written by the command."""
    assert main(["export", str(source), "--format", "onnx"]) == 0
    return source.with_suffix(".onnx")


@pytest.fixture(scope="module")
def pixel_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published form on small images, with batch statistics of some random ones."""
    torch.manual_seed(1)
    pixels = PixelSpec(48, "RGB", (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    net = factory.build(ModelSpec(fusion="lt", num_heads=2, pixels=pixels))
    assert net.backbone is not None
    net.backbone.train()(torch.randn(16, 3, 48, 48))
    path = tmp_path_factory.mktemp("pixels") / "pixels.safetensors"
    checkpoint.save(path, net.eval(), provenance={})
    return path


@pytest.fixture(scope="module")
def pixel_export(pixel_source: Path) -> Path:
    out = pixel_source.parent / "elsewhere.onnx"
    written = export_onnx(pixel_source, out)
    assert [file.path.name for file in written] == ["elsewhere.onnx", "elsewhere.backbone.onnx"]
    assert all(file.difference < TOLERANCE for file in written)
    return out


def model_inputs(spec: ModelSpec, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(n)
    video = torch.randn(n, spec.n_bins, spec.video_channels, generator=random)
    audio = torch.randn(n, spec.audio_channels, spec.audio.n_frames(spec.n_samples), generator=random)
    if n > 2:
        video[1], audio[2] = 0, 0
    return video, audio


def window(spec: ModelSpec, *, face: bool = True, voice: bool = True) -> FeatureWindow:
    rng = np.random.default_rng(3)
    steps = spec.audio.n_frames(spec.n_samples)
    return FeatureWindow(
        0,
        rng.normal(size=(spec.n_bins, spec.video_dim)).astype(np.float32),
        np.full(spec.n_bins, face),
        rng.normal(-40, 10, (steps, spec.audio.channels)).astype(np.float32),
        np.ones(steps, bool),
        np.full(steps, voice),
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", demo_frames(3), demo_audio(3))


@pytest.mark.parametrize("n", [1, 2, 15])
def test_any_batch_gives_the_logits_of_torch(source: Path, exported: Path, n: int) -> None:
    torch_net, onnx_net = checkpoint.load(source).net, onnx_model.load(exported).net
    with torch.inference_mode():
        video, audio = model_inputs(torch_net.spec, n)
        assert onnx_net(video, audio).shape == (n, 8)
        assert torch.allclose(onnx_net(video, audio), torch_net(video, audio), atol=TOLERANCE)


@pytest.mark.parametrize("n", [1, 15])
def test_a_backbone_gives_the_vectors_of_torch(pixel_source: Path, pixel_export: Path, n: int) -> None:
    torch_net, onnx_net = checkpoint.load(pixel_source).net, onnx_model.load(pixel_export).net
    pixels = torch.randn(n, 3, 48, 48)
    with torch.inference_mode():
        expected = torch_net.encode(pixels)
        assert float(expected.std()) > 0.01
        assert torch.allclose(onnx_net.encode(pixels), expected, atol=TOLERANCE)
        video, audio = model_inputs(torch_net.spec, n)
        assert torch.allclose(onnx_net(video, audio), torch_net(video, audio), atol=TOLERANCE)
    crop = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    predictors = of(pixel_source), load_predictor("lt", pixel_export)
    a, b = (predictor.encoders()[0](crop[None])[0] for predictor in predictors)
    assert predictors[0].feature_space == predictors[1].feature_space
    assert a.shape == (1024,)
    assert a == pytest.approx(b, abs=TOLERANCE)


@pytest.mark.parametrize("mode", ["none", "running"])
@pytest.mark.parametrize("streams", ["av", "a", "v", ""])
def test_predictions_equal_those_of_torch(source: Path, exported: Path, mode: str, streams: str) -> None:
    torch_predictor, onnx_predictor = of(source), load_predictor(None, exported)
    spec = torch_predictor.spec
    assert onnx_predictor.spec == spec
    for a, b in (
        (torch_predictor.video_stats, onnx_predictor.video_stats),
        (torch_predictor.audio_stats, onnx_predictor.audio_stats),
    ):
        assert all(np.array_equal(getattr(a, part), getattr(b, part)) for part in STATS)
        assert a.rate_hz == b.rate_hz
    person = SpeakerProfile(spec, "guest")
    person.update(window(spec), torch_predictor.video_stats, torch_predictor.audio_stats)
    features = window(spec, face="v" in streams, voice="a" in streams)
    a, b = torch_predictor.predict(features, person, mode), onnx_predictor.predict(features, person, mode)
    if not streams:
        assert a is None
        assert b is None
        return
    assert a is not None
    assert b is not None
    assert (a.modality, a.baseline) == (b.modality, b.baseline)
    assert a.probs == pytest.approx(b.probs, abs=TOLERANCE)


def test_a_file_is_analyzed_alike(
    source: Path, exported: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows_of(path: Path) -> list[dict[str, Any]]:
        assert main(["analyze", str(clip), "--checkpoint", str(path), "--format", "jsonl"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    rows, expected = rows_of(exported), rows_of(source)
    assert len(rows) == len(expected) > 5
    for a, b in zip(rows, expected, strict=True):
        assert a["probs"] == pytest.approx(b["probs"], abs=1e-3)


def test_an_export_has_the_metadata_of_its_source(source: Path, exported: Path) -> None:
    metadata, original = onnx_model.describe(exported), checkpoint.describe(source)
    assert metadata.spec == original.spec
    assert metadata.provenance == {"licence": "for tests"}
    assert metadata.shapes["video"] == (-1, 15, 275)
    assert metadata.shapes["logits"] == (-1, 8)
    assert onnx_model.describe(source) == original
    model = onnx.load(exported)
    assert [end.name for end in model.graph.input] == ["video", "audio"]
    onnx.checker.check_model(model)


@pytest.mark.parametrize(
    ("damage", "message"),
    [("cut", "damaged"), ("empty", "damaged"), ("text", "damaged"), ("missing", "no checkpoint")],
)
def test_a_damaged_export_is_refused(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str, message: str
) -> None:
    path = tmp_path / "bad.onnx"
    content = {"cut": exported.read_bytes()[:-5000], "empty": b"", "text": b"not a model"}
    if damage in content:
        path.write_bytes(content[damage])
    assert main(["analyze", "nowhere.mp4", "--checkpoint", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def changed(exported: Path, path: Path, **changes: Any) -> Path:
    """A copy with changed metadata."""
    model = onnx.load(exported)
    place = next(entry for entry in model.metadata_props if entry.key == "emolive")
    entry = json.loads(place.value)
    for key, value in changes.items():
        if isinstance(value, dict):
            entry[key] |= value
        else:
            entry[key] = value
    place.value = json.dumps(entry)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "export format 99"),
        ({"spec": {"fusion": "xx"}}, "no fusion named xx"),
        ({"spec": {"n_bins": 16}}, "does not fit its own description"),
        ({"spec": {"labels": ["a", "b"]}}, "does not fit its own description"),
        ({"spec": {"landmarker": "other"}}, "landmarks of other"),
        ({"spec": {"new": 1}}, "new"),
        ({"provenance": 3}, "damaged"),
        ({"buffers": {"video_std": [1.0]}}, "video_std"),
        ({"buffers": {"audio_mean": "x"}}, "damaged"),
        ({"buffers": {"temperature": [1.0, 0.0, 1.0]}}, "temperature"),
    ],
)
def test_an_export_that_contradicts_itself_is_refused(
    exported: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = changed(exported, tmp_path / "odd.onnx", **changes)
    with pytest.raises(EmoliveError, match=message):
        load_predictor(None, path)


def test_other_models_and_fusions_are_refused(exported: Path, pixel_export: Path, tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="holds the fusion ia"):
        load_predictor("lt", exported)
    with pytest.raises(EmoliveError, match="not one that `emolive export` wrote"):
        onnx_model.load(onnx_model.backbone_path(pixel_export))
    with pytest.raises(EmoliveError, match="no pixel encoder"):
        onnx_model.load(exported).net.encode(torch.zeros(1, 3, 48, 48))


def test_a_head_needs_its_own_backbone(pixel_export: Path, tmp_path: Path) -> None:
    head = tmp_path / "head.onnx"
    head.write_bytes(pixel_export.read_bytes())
    with pytest.raises(EmoliveError, match="not beside it"):
        onnx_model.load(head)
    backbone = onnx_model.backbone_path(pixel_export).read_bytes()
    onnx_model.backbone_path(head).write_bytes(backbone[:-1] + bytes([backbone[-1] ^ 1]))
    with pytest.raises(EmoliveError, match="not the backbone"):
        onnx_model.load(head)


def test_format_2_is_converted(pixel_export: Path, tmp_path: Path) -> None:
    model = onnx.load(pixel_export)
    place = next(entry for entry in model.metadata_props if entry.key == "emolive")
    entry = json.loads(place.value)
    spec, buffers = spec_of_format_2(entry["spec"]), entry["buffers"]
    for new, old in (("video", "face"), ("audio", "voice")):
        for stat, former in zip(STATS, ("mean", "std", "within"), strict=True):
            buffers[f"{old}_{former}"] = buffers.pop(f"{new}_{stat}")
    old_entry = {"format": 2, "spec": spec, "provenance": {}, "buffers": buffers, "trunk": entry["backbone"]}
    place.value = json.dumps(old_entry)
    head = tmp_path / "old.onnx"
    onnx.save(model, head)
    (tmp_path / "old.trunk.onnx").write_bytes(onnx_model.backbone_path(pixel_export).read_bytes())
    old, new = onnx_model.load(head), onnx_model.load(pixel_export)
    assert old.spec == new.spec
    pixels = torch.randn(2, 3, 48, 48)
    assert torch.equal(old.net.encode(pixels), new.net.encode(pixels))
    assert all(torch.equal(getattr(old.net, name), getattr(new.net, name)) for name in onnx_runtime.BUFFERS)


@pytest.mark.parametrize("location", ["../weights.bin", "weights.bin", "/etc/hostname"])
def test_weights_in_other_files_are_refused(exported: Path, tmp_path: Path, location: str) -> None:
    model = onnx.load(exported)
    tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    (tmp_path / "inner").mkdir()
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    path = tmp_path / "inner" / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(EmoliveError, match="keeps its weights in other files"):
        load_predictor(None, path)


def test_weights_of_a_function_in_other_files_are_refused(exported: Path, tmp_path: Path) -> None:
    """A constant in a function of the model names a file as an initializer can."""
    model = onnx.load(exported)
    function = model.functions.add(name="f", domain="mine")
    tensor = function.node.add(op_type="Constant").attribute.add(name="value").t
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(3, np.float32)))
    onnx.external_data_helper.set_external_data(tensor, "../secret.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(EmoliveError, match="keeps its weights in other files"):
        onnx_model.load(path)


def test_what_differs_from_torch_is_not_written(
    source: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = onnx.load(exported)
    del wrong.metadata_props[:]
    bias = next(w for w in wrong.graph.initializer if list(w.dims) == [8])
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 0.5, bias.name))
    monkeypatch.setattr(export, "_graph", lambda *_: wrong)
    assert main(["export", str(source), "--out", str(tmp_path / "x.onnx")]) == 2
    assert "differs from torch by 0." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "message"), [("x.safetensors", "name x.safetensors x.onnx"), ("no/x.onnx", "there is no folder")]
)
def test_an_invalid_output_path_is_refused(source: Path, tmp_path: Path, out: str, message: str) -> None:
    with pytest.raises(EmoliveError, match=message):
        export_onnx(source, tmp_path / out)


def test_missing_packages_are_named(
    source: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(EmoliveError, match=r"pip install -e '.\[onnx\]'"):
        export_onnx(source, tmp_path / "x.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EmoliveError, match="install emolive again"):
        load_predictor(None, exported)
