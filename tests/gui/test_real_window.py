"""A real window on a real X server, with a real mouse and real keys."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an X server"),
]
RUNNER = Path(__file__).with_name("run_fake.py")
PATIENCE_S = 40.0


class Desktop:
    """A separate X server with the app on it."""

    def __init__(self, home: Path) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        self.env = {
            **os.environ,
            "DISPLAY": f":{number}",
            "QT_QPA_PLATFORM": "xcb",
            "EMOLIVE_HOME": str(home),
        }
        self.app = subprocess.Popen(
            [sys.executable, str(RUNNER)],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, *words: str) -> str:
        """Run xdotool."""
        done = subprocess.run(
            ["xdotool", *words], env=self.env, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout.strip()

    def window(self) -> str:
        """The app's window, once it is visible."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if window_ids := self.do("search", "--onlyvisible", "--name", "^emolive$"):
                return window_ids.splitlines()[0]
            time.sleep(0.05)
        pytest.fail("no window came up")

    def expect(self, line: str) -> None:
        """Wait until the session was asked for this."""
        lines: list[str] = []
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                lines.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                continue
            if lines[-1] == line:
                return
        pytest.fail(f"the session was not asked for {line!r}, only for {lines}")

    def close(self) -> None:
        for process in (self.app, self._server):
            if process.poll() is None:
                process.kill()
            process.wait()
        self._reader.join(5)
        for pipe in (self.app.stdout, self.app.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self.app.stdout is not None
        for line in self.app.stdout:
            self._lines.put(line.strip())


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(tmp_path)
    yield desktop
    desktop.close()


def test_keys_and_mouse_on_a_real_window(desktop: Desktop) -> None:
    window = desktop.window()
    desktop.expect("start None")
    desktop.do("windowfocus", "--sync", window)
    desktop.do("key", "2")
    desktop.expect("fusion it")

    # The dropdown is the third of the controls on top; its list opens over the chosen entry.
    desktop.do("mousemove", "--window", window, "670", "40", "click", "1")
    time.sleep(1)
    desktop.do("key", "Up")
    desktop.do("key", "Return")
    desktop.expect("fusion lt")

    # The third entry of the picker that opens below the first control.
    desktop.do("mousemove", "--window", window, "140", "40", "click", "1")
    time.sleep(1)
    desktop.do("key", "Down", "Down", "Down", "Return")
    desktop.expect("source none")

    desktop.do("key", "c")
    desktop.expect("calibrate 5.0")
    began = time.monotonic()
    desktop.do("key", "ctrl+q")
    assert desktop.app.wait(10) == 0
    assert time.monotonic() - began < 3.0
    assert desktop.app.stderr is not None
    assert desktop.app.stderr.read() == ""
