"""Render metrics of a run of the window."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emolive.gui.render_metrics import RenderMetrics


def test_frames_are_counted_from_soon_after_the_first_estimate_on(tmp_path: Path) -> None:
    now_ns = 1_000_000_000
    metrics = RenderMetrics(lambda: now_ns)
    metrics.window_painted()
    metrics.frame_painted()  # before the first estimate
    metrics.estimate_published(None)  # type: ignore[arg-type]
    metrics.frame_painted()  # too soon after it
    now_ns += 1_000_000_000
    metrics.frame_painted()  # counting begins
    for gap_ns in (30_000_000, 50_000_000):
        now_ns += gap_ns
        metrics.frame_painted()
    metrics.save(tmp_path / "counters.json")
    results = json.loads((tmp_path / "counters.json").read_text())
    assert results["first_paint_ns"] == 1_000_000_000
    assert results["counted_s"] == pytest.approx(0.08)
    assert results["painted_per_s"] == pytest.approx(2 / 0.08)
    assert results["longest_gap_ms"] == pytest.approx(50)
    assert results["peak_mb"] is None or results["peak_mb"] > 20
