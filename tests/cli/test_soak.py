"""`emolive soak`."""

from __future__ import annotations

import pytest

from emolive.cli.soak import SoakLog, slope_per_minute
from emolive.snapshot import Counters, Snapshot
from emolive.types import Status
from tests.cli.conftest import Run


def test_lines_and_summary(emolive: Run) -> None:
    result = emolive("soak", "--hours", 3 / 3600, "--every", 0.7, "--max-missing", 1, "--max-growth", 1e6)
    rows = result.rows
    assert len(rows) >= 2
    assert [row.get("summary", False) for row in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[-1]["estimates"] == sum(row["estimates"] for row in rows[:-1])
    assert all(row["threads"] > 3 for row in rows[:-1])
    assert result.code == (0 if rows[-1]["ok"] else 1)


def summary_of(
    monkeypatch: pytest.MonkeyPatch, growth_mib: float, skipped: int, threads: int = 0
) -> dict[str, object]:
    """The summary of ten minutes."""
    size_mib, now_ns, active = [100.0], [0], [9]
    monkeypatch.setattr("emolive.process_stats.rss_bytes", lambda: round(size_mib[0] * 2**20))
    monkeypatch.setattr("emolive.cli.soak.now_ns", lambda: now_ns[0])
    monkeypatch.setattr("threading.active_count", lambda: active[0])
    log = SoakLog()
    log.begin(Snapshot())
    for minute in range(1, 11):
        now_ns[0] += 60 * 10**9
        size_mib[0] += growth_mib
        active[0] += threads
        counters = Counters(estimates=250 * minute, estimates_skipped=skipped * minute)
        line = log.line(Snapshot(counters=counters, statuses=(Status("face", "warning", "missing", ""),)))
        assert (line["estimates"], line["skipped"]) == (250, skipped)
        assert line["statuses"] == {"face": "missing"}
    return log.summary(1.0, 0.01)


def test_what_is_accepted_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    good = summary_of(monkeypatch, 0.1, 1)
    assert good["ok"]
    assert good["growth_mib_per_min"] == pytest.approx(0.1, abs=0.01)
    assert not summary_of(monkeypatch, 3, 0)["ok"]
    assert not summary_of(monkeypatch, 0, 50)["ok"]
    assert not summary_of(monkeypatch, 0, 0, threads=1)["ok"]


def test_slope() -> None:
    assert slope_per_minute([(0, 10), (60, 12), (120, 14)]) == pytest.approx(2)
    assert slope_per_minute([(0, 10)]) is None
    assert slope_per_minute([(0, None), (60, None)]) is None
