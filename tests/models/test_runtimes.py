"""Every runtime gives the results of plain torch; one that fails is replaced by torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.input_spec import AudioSpec, PixelSpec
from emolive.models.io import checkpoint
from emolive.models.network import EmotionNet
from emolive.models.runtimes import autotune, fuse
from emolive.models.runtimes import onnxruntime as onnx_runtime
from emolive.models.runtimes import torch as torch_runtimes
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor, load_predictor

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

CPU = torch.device("cpu")
SMALL = AudioSpec(kind="logmel", n_fft=512, hop_length=441, n_mels=16, fmin_hz=50, fmax_hz=8000)


def net_of(fusion: str, arch: str, *encoders: str, size: int = 48, heads: int = 2) -> EmotionNet:
    """Random weights, with batch statistics other than the initial ones."""
    torch.manual_seed(3)
    spec = ModelSpec(
        fusion=fusion,
        arch=arch,
        encoders=encoders or ("landmarks",),
        num_heads=heads,
        pooling="mean" if arch == "emolive" else "middle",
        audio=SMALL if arch == "emolive" else AudioSpec(),
        baselines=("none", "running") if arch == "emolive" else (),
        pixels=PixelSpec(size),
        dropout=0.1,
    )
    net = factory.build(spec).train()
    video, audio, pixels = autotune.random_inputs(spec, CPU, 8)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.momentum = 0.9  # else little but the biases comes through
    with torch.no_grad():
        for _ in range(2):
            net(3 * video + 1, 2 * audio - 1)
            if pixels is not None:
                net.encode(2 * pixels + 0.5)
    return net.eval()


def largest(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


@pytest.mark.parametrize("name", ["folded", "onnx"])
@pytest.mark.parametrize("arch", ["chumachenko2022", "emolive"])
@pytest.mark.parametrize("fusion", ["lt", "it", "ia"])
def test_logits_are_those_of_torch(fusion: str, arch: str, name: str) -> None:
    net = net_of(fusion, arch)
    runtime = autotune.build(name, net, CPU)
    assert runtime.net is not net
    video, audio, _ = autotune.random_inputs(net.spec, CPU)
    with torch.inference_mode():
        spoken = net(video, audio)
        assert float(spoken.std()) > 0.01
        for inputs in ((video, audio), (video, 0 * audio), (0 * video, audio)):
            assert largest(runtime.logits(*inputs), net(*inputs)) < 1e-4
        assert largest(spoken, net(0 * video, audio)) > 1e-3


@pytest.mark.parametrize("name", ["folded", "onnx"])
@pytest.mark.parametrize("size", [48, 112])
def test_backbone_features_equal_those_of_torch(name: str, size: int) -> None:
    net = net_of("lt", "chumachenko2022", "efficientface", size=size)
    runtime = autotune.build(name, net, CPU)
    pixels = autotune.random_inputs(net.spec, CPU)[2]
    assert pixels is not None
    with torch.inference_mode():
        expected = net.encode(pixels)
        assert float(expected.std()) > 0.01
        assert largest(runtime.encode(pixels), expected) < 1e-4
        assert largest(runtime.encode(-pixels), expected) > 1e-2


def test_folding_leaves_no_normalisation_and_no_dropout() -> None:
    net = net_of("ia", "emolive", "efficientface")
    kinds = {type(module).__name__ for module in fuse.fuse_batchnorm(net).modules()}
    assert not [kind for kind in kinds if "BatchNorm" in kind]
    assert not isinstance(next(iter(fuse.fuse_batchnorm(net).video_branch.stage1[0])), torch.nn.BatchNorm1d)
    assert any(isinstance(module, torch.nn.BatchNorm1d) for module in net.modules())


def test_auto_selects_the_fastest() -> None:
    chosen = autotune.choose("auto", net_of("ia", "emolive"), CPU)
    assert set(chosen.latency_ms) == {"eager", "folded", "onnx"}
    assert chosen.latency_ms[chosen.name] == min(chosen.latency_ms.values())
    assert not chosen.fallback_reason


def test_auto_makes_do_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    chosen = autotune.choose("auto", net_of("ia", "emolive"), CPU)
    assert set(chosen.latency_ms) == {"eager", "folded"}
    assert not chosen.fallback_reason


def test_what_cannot_be_built_gives_way_to_torch_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    net = net_of("ia", "emolive")
    chosen = autotune.choose("onnx", net, CPU)
    assert chosen.name == "eager"
    assert chosen.net is net
    assert (
        chosen.fallback_reason
        == "ONNX models need more packages: run `make run` in the folder of emolive, or pip install -e "
        "'.[onnx]' there; plain torch is used instead."
    )


def test_a_runtime_with_wrong_results_falls_back_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(net: EmotionNet) -> EmotionNet:
        fused = fuse.fuse_batchnorm(net)
        fused.classifier.bias.data[0] += 0.01
        return fused

    monkeypatch.setattr(torch_runtimes, "fuse_batchnorm", wrong)
    chosen = autotune.choose("folded", net_of("ia", "emolive"), CPU)
    assert chosen.name == "eager"
    assert "differs from torch by 0.0" in chosen.fallback_reason
    assert "folded" not in autotune.choose("auto", net_of("ia", "emolive"), CPU).latency_ms


def test_an_export_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of("ia", "emolive")
    onnx_runtime.convert(net)

    def never(*_: Any) -> bytes:
        raise AssertionError("exported again")

    monkeypatch.setattr(onnx_runtime, "export_module", never)
    onnx_runtime.convert(net)
    with torch.no_grad():
        net.classifier.bias += 1
    with pytest.raises(AssertionError, match="exported again"):
        onnx_runtime.convert(net)


def test_a_damaged_cache_falls_back_to_torch() -> None:
    net = net_of("ia", "emolive")
    onnx_runtime.convert(net)
    (cached,) = (onnx_runtime.paths.cache_dir() / "onnx").iterdir()
    cached.write_bytes(cached.read_bytes()[:1000])
    chosen = autotune.choose("onnx", net, CPU)
    assert chosen.name == "onnx", "a damaged file is made anew"


def test_unknown_backends_are_refused(random_checkpoint: Callable[..., Path]) -> None:
    with pytest.raises(EmoliveError, match="no backend fast: choose auto, eager, folded, onnx"):
        load_predictor(None, random_checkpoint("ia"), "cpu", "fast")


def test_an_export_runs_on_onnx_runtime_alone(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="ONNX Runtime only, not on the backend folded"):
        load_predictor(None, tmp_path / "x.onnx", "cpu", "folded")


def test_a_pixel_encoder_gives_the_same_on_every_backend() -> None:
    net = net_of("lt", "chumachenko2022", "efficientface")
    spec = replace(net.spec, pixels=PixelSpec(48, "RGB", (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)))
    loaded = checkpoint.Checkpoint(net, spec, {}, Path())
    crop = torch.randint(0, 255, (48, 48, 3), dtype=torch.uint8).numpy()
    vectors = []
    for name in autotune.NAMES:
        (encoder,) = Predictor(loaded, "cpu", name).encoders()
        vectors.append(torch.from_numpy(encoder(crop[None])[0]))
    assert all(largest(vector, vectors[0]) < 1e-4 for vector in vectors)
