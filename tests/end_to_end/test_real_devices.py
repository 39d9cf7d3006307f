"""A session on a real sound server and a loopback webcam, which fail and come back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.virtual_microphone import missing_requirements
from emolive import paths

pytestmark = pytest.mark.devices

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_session_survives_device_failures(shipped_random, tmp_path):
    """`device_scenario.py` in a separate process, on a real clip if available."""
    if reason := missing_requirements():
        pytest.skip(reason)
    clips = sorted((paths.data_dir() / "ravdess" / "video").rglob("*.mp4"))
    report_path = tmp_path / "report.json"
    process = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end.device_scenario", str(report_path), *map(str, clips[:1])],
        cwd=REPOSITORY,
        env={**os.environ, "EMOLIVE_ASSETS": str(shipped_random)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    shutil.rmtree(process.stdout.strip() or tmp_path / "none", ignore_errors=True)
    assert process.returncode == 0, process.stderr[-4000:]
    report = json.loads(report_path.read_text())
    assert report["steps"] == [
        "both",
        "switched",
        "voice alone",
        "both again",
        "face alone",
        "both restored",
    ]
    assert report["face"] in ("missing", "lost")
    assert report["voice"] in ("silent", "none", "lost")
    # A busy computer may drop single frames; a switch that blocks frames would drop a second of them.
    assert report["dropped"] <= 2 + 0.05 * report["captured"]
    assert report["ordered"]
    assert report["forward"]
    assert report["latency_ms"] < 2000
    assert report["ended"]
    assert report["threads"] == []
