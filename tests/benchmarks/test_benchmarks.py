"""Benchmarks: their measurements, reports, and rows without a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import fixtures, measure, predict_latency, report, roofline, run, sessions, virtual_devices
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.capture.factory import create_source
from emolive.cli import main
from emolive.errors import EmoliveError
from emolive.models.input_spec import PixelSpec
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor
from emolive.session.config import SessionConfig
from tests.helpers.listener import Collector, eventually

SIZE = 48


@pytest.fixture(scope="module")
def faces() -> list[Any]:
    return fixtures.crops(8, SIZE)


def harness_of(
    faces: list[Any], backend: str
) -> tuple[predict_latency.PipelineHarness, predict_latency.FullWindow]:
    net = fixtures.random_net(ModelSpec(fusion="ia", pixels=PixelSpec(SIZE)), faces)
    harness = predict_latency.PipelineHarness(
        Predictor(Checkpoint(net, net.spec, {}, Path()), "cpu", backend), faces
    )
    return harness, predict_latency.FullWindow(net, faces)


@pytest.mark.parametrize("backend", ["eager", "folded", "onnx"])
def test_a_streamed_estimate_equals_the_full_window(faces: list[Any], backend: str) -> None:
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    harness, full = harness_of(faces, backend)
    for _ in range(17):
        harness.advance()
        estimate = harness.hop()
    assert harness.predictor.runtime.name == backend
    assert estimate is not None
    assert estimate.modality == "av"
    assert len(harness.crops) == 15
    assert predict_latency.difference(harness, full, estimate) < 1e-4
    # A different frame changes the logits.
    harness.crops[-1] = np.zeros_like(harness.crops[-1])
    assert predict_latency.difference(harness, full, estimate) > 1e-4


def test_variants_are_interleaved() -> None:
    order: list[str] = []
    runs = {name: (lambda name=name: order.append(name)) for name in "ab"}
    times = measure.interleaved(runs, 2)
    assert order == list("ab" * (2 + measure.WARM))
    assert times["a"].p95 >= times["a"].p50 >= 0


def test_operations_of_the_backbone_grow_with_the_image() -> None:
    import torch

    from emolive.models.efficientface import EfficientFace

    backbone = EfficientFace().eval()
    small, large = (roofline.flops_of(backbone, torch.rand(1, 3, side, side)) for side in (64, 128))
    assert 3.9 < large / small < 4.1
    assert 1e7 < small < 1e8


FIGURES = [
    Measurement("a.x", "x", 2.0, "ms", 3.0),
    Measurement("a.y", "y", 70.0, "×", 60.0, at_least=True),
    Measurement("b.missing", "b", note="No such device."),
]


def test_a_target_is_a_bound_from_its_own_side() -> None:
    assert [figure.target_met for figure in FIGURES] == [True, True, None]
    assert Measurement("a", "a", 4.0, "ms", 3.0).target_met is False
    assert Measurement("a", "a", 59.0, "×", 60.0, at_least=True).target_met is False


def test_an_earlier_run_stands_beside(tmp_path: Path) -> None:
    summary = measure.machine()
    path = tmp_path / "old.json"
    report.save(path, report.as_json(Report([Measurement("a.x", "x", 4.0, "ms")]), summary))
    old = report.load(path)
    assert report.cells(FIGURES[0], old)[:4] == ["x", "2 ms", "4 ms", "0.5×"]
    assert report.cells(FIGURES[2], old)[:4] == ["b", "–", "–", "–"]
    lines = report.markdown(FIGURES, summary, old).splitlines()
    assert lines[0] == "| what | measured | before | new / old | target | note |"
    assert "≥ 60× ✓" in lines[3]
    path.write_text("[]")
    with pytest.raises(EmoliveError, match="was not written by `emolive bench --json`"):
        report.load(path)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00001234, "1.23e-05"), (3.14159, "3.14"), (12345.0, "12300"), (-1.0, "-1")],
)
def test_three_digits_are_enough(value: float, text: str) -> None:
    assert report.format_value(value) == text


def test_the_command_writes_its_summary(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    monkeypatch.setattr(predict_latency, "SIZE", 64)
    out = tmp_path / "bench.json"
    assert main(["bench", "--only", "hop", "--rounds", "1", "--backend", "eager", "--json", str(out)]) == 0
    summary = json.loads(out.read_text())
    assert set(summary["hop_cpu_ms"]) == set(summary["full_window_cpu_ms"]) == {"p50", "p95"}
    assert summary["ratio"] == pytest.approx(
        summary["full_window_cpu_ms"]["p50"] / summary["hop_cpu_ms"]["p50"], rel=0.01
    )
    assert summary["backend"] == "eager"
    assert summary["figures"]["hop.ia_ratio"]["value"] == pytest.approx(summary["ratio"], rel=0.01)
    assert "times less" in capsys.readouterr().out
    assert main(["bench", "--only", "nothing"]) == 2
    assert "no benchmark nothing" in capsys.readouterr().err


def test_unavailable_inputs_are_rows(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    options = ["--only", "live", "analyze", "--source", "7", "--file", str(tmp_path / "no.mp4"), "--markdown"]
    assert main(["bench", *options]) == 0
    out = capsys.readouterr().out
    assert "| live | – |" in out
    assert "| analyze | – |" in out


def test_sessions_are_watched_and_switched(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    config = BenchmarkConfig(tmp_path, seconds=1.0, backend="eager")
    session_config = SessionConfig("demo", "auto", "ia", backend="eager", device="cpu")
    for seconds in (1.0, 5.0, 25.0):
        stats = sessions.measure_sessions([session_config, session_config], seconds)
        if stats.latencies_ms:
            break
    assert stats.latencies_ms
    assert min(stats.latencies_ms) > 0
    assert stats.cpu_share > 0
    figures = {figure.key: figure for figure in sessions.switch(config, Report())}
    assert figures["switch.first_p50"].value
    assert figures["switch.dropped"].value is not None


def test_the_webcam_of_the_bench_is_a_camera_of_another_process() -> None:
    frames = Collector()
    with virtual_devices.webcam_process() as url:
        source = create_source(url)
        assert source is not None
        source.start(frames)
        try:
            eventually(lambda: len(frames.frames) >= 30, "thirty frames", 40)
        finally:
            source.stop(10)
    assert frames.frames[-1].image.shape == (480, 640, 3)
    assert any((frames.frames[0].image != frame.image).any() for frame in frames.frames)


def test_a_benchmark_that_fails_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
        yield Measurement("failing.x", "x", 1.0)
        raise RuntimeError("half way")

    monkeypatch.setattr(run, "load_benchmark", lambda name: failing)
    result = run.run(["hop"], BenchmarkConfig(Path()), lambda _: None)
    assert [(m.key, m.value, m.note) for m in result.measurements] == [
        ("failing.x", 1.0, ""),
        ("hop.missing", None, "It failed: half way."),
    ]


@pytest.mark.parametrize("name", run.names())
def test_every_benchmark_can_be_loaded(name: str) -> None:
    assert callable(run.load_benchmark(name))


def test_a_missed_target_names_its_bottleneck() -> None:
    missed = Measurement("a.z", "  times less", 4.0, "×", 9.0, at_least=True, bottleneck="Decoding.")
    assert report.missed_targets([*FIGURES, missed]) == ["times less: 4×, target 9×. Decoding."]
    assert "* times less: 4×, target 9×. Decoding." in report.markdown([missed], measure.machine())
