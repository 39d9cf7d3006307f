"""The bench measures what it says, writes what it promises, and says why where it cannot measure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import fixtures as material
from benchmarks import measure, report, sessions
from benchmarks import predict_latency as hop
from benchmarks import roofline as limit
from benchmarks import virtual_devices as devices
from benchmarks.results import BenchmarkConfig, Found, Measurement
from emolive.capture.factory import create_source
from emolive.cli import main
from emolive.errors import EmoliveError
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec, PixelSpec
from emolive.predictor import Predictor
from tests.helpers.listener import Collector, eventually

SIZE = 48


@pytest.fixture(scope="module")
def faces() -> list[Any]:
    return material.crops(8, SIZE)


def rig_of(faces: list[Any], backend: str) -> tuple[hop.PipelineHarness, hop.FullWindow]:
    net = material.random_net(ModelSpec(fusion="ia", pixels=PixelSpec(SIZE)), faces)
    rig = hop.PipelineHarness(Predictor(Checkpoint(net, net.spec, {}, Path()), "cpu", backend), faces)
    return rig, hop.FullWindow(net, faces)


@pytest.mark.parametrize("backend", ["eager", "folded", "onnx"])
def test_a_streamed_estimate_has_the_logits_of_the_whole_window(faces: list[Any], backend: str) -> None:
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    rig, full = rig_of(faces, backend)
    for _ in range(17):
        rig.advance()
        estimate = rig.hop()
    assert rig.predictor.runtime.name == backend
    assert estimate is not None
    assert estimate.modality == "av"
    assert len(rig.seen) == 15
    assert hop.difference(rig, full, estimate) < 1e-4
    # And it would show if a frame were another one.
    rig.seen[-1] = np.zeros_like(rig.seen[-1])
    assert hop.difference(rig, full, estimate) > 1e-4
    rig.close()


def test_variants_take_turns() -> None:
    order: list[str] = []
    runs = {name: (lambda name=name: order.append(name)) for name in "ab"}
    times = measure.interleaved(runs, 2)
    assert order == list("ab" * (2 + measure.WARM))
    assert times["a"].p95 >= times["a"].p50 >= 0


def test_flops_of_the_trunk_grow_with_the_picture() -> None:
    import torch

    from emolive.models.efficientface import EfficientFace

    backbone = EfficientFace().eval()
    small, large = (limit.flops_of(backbone, torch.rand(1, 3, side, side)) for side in (64, 128))
    assert 3.9 < large / small < 4.1
    assert 1e7 < small < 1e8


FIGURES = [
    Measurement("a.x", "x", 2.0, "ms", 3.0),
    Measurement("a.y", "y", 70.0, "×", 60.0, at_least=True),
    Measurement("b.missing", "b", note="No such device."),
]


def test_a_target_is_a_bound_from_its_own_side() -> None:
    assert [figure.held for figure in FIGURES] == [True, True, None]
    assert Measurement("a", "a", 4.0, "ms", 3.0).held is False
    assert Measurement("a", "a", 59.0, "×", 60.0, at_least=True).held is False


def test_an_earlier_run_stands_beside(tmp_path: Path) -> None:
    told = measure.machine()
    path = tmp_path / "old.json"
    report.save(path, report.as_json(Found([Measurement("a.x", "x", 4.0, "ms")]), told))
    old = report.load(path)
    assert report.cells(FIGURES[0], old)[:4] == ["x", "2 ms", "4 ms", "0.5×"]
    assert report.cells(FIGURES[2], old)[:4] == ["b", "–", "–", "–"]
    lines = report.markdown(FIGURES, told, old).splitlines()
    assert lines[0] == "| what | measured | before | new / old | target | note |"
    assert "≥ 60× ✓" in lines[3]
    path.write_text("[]")
    with pytest.raises(EmoliveError, match="is not what `emolive bench --json` writes"):
        report.load(path)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.00001234, "1.23e-05"), (3.14159, "3.14"), (12345.0, "12300"), (-1.0, "-1")],
)
def test_three_digits_are_enough(value: float, shown: str) -> None:
    assert report.text_of(value) == shown


def test_the_command_writes_its_summary(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    monkeypatch.setattr(hop, "SIZE", 64)
    out = tmp_path / "bench.json"
    assert main(["bench", "--only", "hop", "--rounds", "1", "--backend", "eager", "--json", str(out)]) == 0
    told = json.loads(out.read_text())
    assert set(told["hop_cpu_ms"]) == set(told["full_window_cpu_ms"]) == {"p50", "p95"}
    assert told["ratio"] == pytest.approx(
        told["full_window_cpu_ms"]["p50"] / told["hop_cpu_ms"]["p50"], rel=0.01
    )
    assert told["backend"] == "eager"
    assert told["figures"]["hop.ia_ratio"]["value"] == pytest.approx(told["ratio"], rel=0.01)
    assert "times less" in capsys.readouterr().out
    assert main(["bench", "--only", "nothing"]) == 2
    assert "no part nothing" in capsys.readouterr().err


def test_what_cannot_be_measured_is_a_row(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    given = ["--only", "live", "analyze", "--source", "7", "--file", str(tmp_path / "no.mp4"), "--markdown"]
    assert main(["bench", *given]) == 0
    out = capsys.readouterr().out
    assert "| live | – |" in out
    assert "| analyze | – |" in out


def test_sessions_are_watched_and_switched(
    tmp_path: Path, shipped_random: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    plan = BenchmarkConfig(tmp_path, seconds=1.0, backend="eager")
    config = sessions._config(plan, "demo", "auto")
    seen = sessions.watch([config, config], 1.0)
    assert seen.latencies_ms
    assert min(seen.latencies_ms) > 0
    assert seen.cpu_share > 0
    figures = {figure.key: figure for figure in sessions.switch(plan, Found())}
    assert figures["switch.first_p50"].value
    assert figures["switch.dropped"].value is not None


def test_the_webcam_of_the_bench_is_a_camera_of_another_process() -> None:
    frames = Collector()
    with devices._webcam() as url:
        source = create_source(url)
        assert source is not None
        source.start(frames)
        try:
            eventually(lambda: len(frames.frames) >= 30, "thirty frames", 40)
        finally:
            source.stop(10)
    assert frames.frames[-1].image.shape == (480, 640, 3)
    assert any((frames.frames[0].image != frame.image).any() for frame in frames.frames)


def test_other_packages_add_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import run

    class Entry:
        name = "mine"

        @staticmethod
        def load() -> Any:
            def part(plan: BenchmarkConfig, found: Found) -> Iterator[Measurement]:
                yield Measurement("mine.x", "x", 1.0)
                raise RuntimeError("half way")

            return part

    monkeypatch.setattr(run, "entry_points", lambda group: [Entry()])
    found = run.run(["mine"], BenchmarkConfig(Path()), lambda _: None)
    assert [(f.key, f.value, f.note) for f in found.figures] == [
        ("mine.x", 1.0, ""),
        ("mine.missing", None, "It failed: half way."),
    ]
    assert "mine" in run.names()
