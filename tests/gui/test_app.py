"""The app as a process: it opens, paints and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("run_fake.py")
ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "cv2", "mediapipe", "sounddevice", "pyqtgraph", "scipy", "emolive.session.session")


def environment(home: Path) -> dict[str, str]:
    """A machine without a display."""
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env.pop("QT_QPA_PLATFORM", None)
    return {**env, "EMOLIVE_HOME": str(home)}


def test_nothing_heavy_is_imported_before_the_window_is_there(tmp_path: Path) -> None:
    code = (
        "import sys; import emolive.gui.app, emolive.gui.main_window;"
        "from emolive.gui.services import Services; Services().fusions();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_it_paints_into_memory(tmp_path: Path) -> None:
    picture = tmp_path / "deep" / "window.png"
    done = subprocess.run(
        [sys.executable, str(RUNNER), "2.5", str(picture), str(tmp_path / "counters.json")],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted = json.loads((tmp_path / "counters.json").read_text())
    assert counted["first_paint_ns"] < counted["first_estimate_ns"]
    assert counted["painted_per_s"] > 0
    assert counted["longest_gap_ms"] > 0
    assert counted["cpu_percent"] > 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines() == ["start None", "stop 1.6"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
@pytest.mark.parametrize(
    "named",
    [
        {"DISPLAY": ":4711"},
        {"WAYLAND_DISPLAY": "wayland-4711"},
        {"DISPLAY": ":4711", "WAYLAND_DISPLAY": "wayland-4711"},
    ],
)
def test_a_display_that_does_not_answer_is_one_sentence(tmp_path: Path, named: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from emolive.cli import main; raise SystemExit(main(['--duration', '1']))"],
        env={**environment(tmp_path), **named},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    where = " and ".join(f"{name}={value}" for name, value in named.items())
    assert done.returncode == 2
    assert done.stderr == f"emolive: No display answers at {where}: check it, or run with --headless.\n"


def test_a_second_instance_is_told(tmp_path: Path) -> None:
    """Two processes of one user: the second one's window gets to know that it is not the first."""
    code = (
        "from emolive.gui import app, main_window;"
        "from emolive.gui.services import Services; from emolive.session.config import SessionConfig;"
        "from tests.helpers.fake_session import FakeSession, FUSIONS;"
        "greet = lambda self, *, is_first: print('first' if is_first else 'second', flush=True);"
        "main_window.MainWindow.greet = greet;"
        "services = Services(FakeSession, lambda: FUSIONS, lambda: (), lambda: ());"
        "app.run_app(SessionConfig(), services=services, seconds={seconds}, welcome=True)"
    )

    def start(seconds: float) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code.format(seconds=seconds)],
            env={**environment(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    first = start(600)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "first\n"
        assert start(0.1).communicate(timeout=150)[0] == "second\n"
    finally:
        first.terminate()
        first.communicate(timeout=150)
    assert start(0.1).communicate(timeout=150)[0] == "first\n", "the lock ends with its process"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_close_it(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, str(RUNNER)],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "start None\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0
    assert "stop" in out
    assert "Traceback" not in err
