"""`emolive doctor`: what it tries, and that it tells nothing private."""

from __future__ import annotations

import getpass
import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.virtual_microphone import VirtualMicrophone
from emolive import paths
from emolive.capture.trial import Trial
from emolive.cli import diagnosis
from emolive.cli.diagnosis import _camera_finding, _microphone_finding, impersonal
from tests.cli.conftest import Run
from tests.helpers.faulty_camera import FaultyCamera


def findings(text: str) -> dict[str, dict[str, Any]]:
    return {f"{entry['area']}/{entry['name']}": entry for entry in json.loads(text)["findings"]}


@pytest.fixture(autouse=True)
def _no_real_devices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.devices, "cameras", list)
    if "sound_server" not in request.fixturenames:
        monkeypatch.setattr(diagnosis.devices, "microphones", lambda **_: [])


@pytest.mark.devices
def test_devices_are_tried(emolive: Run, webcam: FaultyCamera, sound_server: VirtualMicrophone) -> None:
    t = np.arange(30 * 48_000) / 48_000
    sound_server.play((0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32))
    result = emolive("doctor", "--seconds", 0.5, "--json", "--source", f"{webcam.url}?pwd=s3cret")
    found = findings(result.out)
    # These assets are of the tests and have no digests to check.
    assert {entry["area"] for entry in found.values()} == {
        "system", "packages", "runtimes", "files", "cameras", "microphones", "permissions",
    }  # fmt: skip
    (camera,) = (entry for entry in found.values() if entry["area"] == "cameras")
    assert camera["level"] in ("ok", "warning")
    assert camera["values"]["size_px"] == [320, 240]
    assert camera["values"]["frames"] > 0
    microphones = [entry for entry in found.values() if entry["area"] == "microphones"]
    assert any(entry["values"].get("blocks") for entry in microphones)
    assert "s3cret" not in result.out
    assert found["system/emolive"]["level"] == "ok"


def test_nothing_private_is_told(emolive: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path / "ann-smith"))
    for options in ((), ("--json",)):
        result = emolive("doctor", "--seconds", 0.5, *options)
        for private in (str(Path.home()), str(tmp_path), "ann-smith", platform.node()):
            assert private not in result.out
        if getpass.getuser() != "root":
            assert getpass.getuser() not in result.out


def test_a_changed_model_fails(emolive: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    model = tmp_path / "models" / "ia.safetensors"
    model.write_bytes(b"shipped")
    paths.write_manifest(tmp_path)
    model.write_bytes(b"changed it")
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    result = emolive("doctor", "--seconds", 0.5, "--json")
    assert result.code == 1
    assert findings(result.out)["models/models/ia.safetensors"]["level"] == "error"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Ann's AirPods", "AirPods"), ("James’ Camera", "Camera"), ("Logitech C920", "Logitech C920")],
)
def test_the_owner_of_a_device_is_not_named(name: str, shown: str) -> None:
    assert impersonal(name) == shown


GOOD = Trial(90, 30.0, (640, 480), 100.0, 150, 48_000, -40.0, 0.2, "")


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({}, "ok", "640 x 480, 30 pictures a second"),
        ({"luma": 2.0}, "warning", "black"),
        ({"frame_rate_hz": 5.0}, "warning", "more light"),
        ({"frames": 0, "problem": "It is busy."}, "error", "It is busy."),
    ],
)
def test_what_is_said_of_a_camera(changes: dict[str, Any], level: str, text: str) -> None:
    finding = _camera_finding("C920", _with(changes))
    assert (finding.level, text in finding.text) == (level, True)


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({}, "ok", "48000 Hz, level -40 dBFS"),
        ({"level_dbfs": -120.0}, "warning", "very quiet"),
        ({"level_dbfs": None}, "error", "no sound"),
    ],
)
def test_what_is_said_of_a_microphone(changes: dict[str, Any], level: str, text: str) -> None:
    finding = _microphone_finding("Desk", _with(changes))
    assert (finding.level, text in finding.text) == (level, True)


def _with(changes: dict[str, Any]) -> Trial:
    return replace(GOOD, **changes)
