"""An X server of its own with the app on it, a real mouse and real keys."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MISSING = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
needs_desktop = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an X server"),
]
PATIENCE_S = 240.0
"""A busy computer may take so long for anything."""
AGAIN_S = 4.0


class Desktop:
    """A separate X server with a window of the app on it.

    Args:
        home: folder of the app's own files.
        program: a Python file and its arguments, which opens the window and prints what it is asked for.
        size: of the screen.
    """

    def __init__(self, home: Path, program: Sequence[str], size: str = "1280x800") -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
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
            [sys.executable, *program],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        """The lines that were read."""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, *words: str) -> str:
        """Run xdotool."""
        done = subprocess.run(
            ["xdotool", *words], env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip()

    def window(self) -> str:
        """The app's window, once it is visible."""
        found = list[str]()

        def visible() -> bool:
            found[:] = self.do("search", "--onlyvisible", "--name", "^emolive$").splitlines()
            return bool(found)

        self.until(visible, "a window")
        return found[0]

    def click(self, window: str, x: int, y: int) -> None:
        """Click at a point of a window."""
        self.do("mousemove", "--window", window, str(x), str(y), "click", "1")

    def open_popup(self, window: str, x: int, y: int) -> None:
        """Click, and wait until a list or menu has opened."""
        self.click(window, x, y)
        self.until(lambda: len(self.do("search", "--onlyvisible", "--class", ".").split()) > 1, "a list")

    def expect(self, line: str | Callable[[str], bool], timeout_s: float = PATIENCE_S) -> str:
        """Wait for a line of the app."""
        if (found := self._next(line, timeout_s)) is None:
            pytest.fail(f"the app did not say {line!r}, but {self.said[-20:]}")
        return found

    def press(self, keys: str, line: str | Callable[[str], bool]) -> str:
        """Press keys, again if nothing happens, until the app says a line.

        For keys that can be pressed twice without harm.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.do("key", *keys.split())
            if (found := self._next(line, AGAIN_S)) is not None:
                return found
        pytest.fail(f"{keys} did not do {line!r}, but {self.said[-20:]}")

    def listen(self) -> None:
        """Read what the app has said so far."""
        while not self._lines.empty():
            self.said.append(self._lines.get())

    def press_until(self, keys: str, condition: Callable[[], object], what: str) -> None:
        """As `press`, until something else has happened."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come; the app said {self.said[-20:]}")
            self.do("key", *keys.split())
            self._next(lambda _: bool(condition()), AGAIN_S / 2)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that the app does."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.app.poll() is None, f"the app has ended: {self.errors()}"
            if time.monotonic() > deadline:
                self._next(lambda _: False, 0.5)
                pytest.fail(f"{what} did not come; the app said {self.said[-20:]}")
            time.sleep(0.1)

    def errors(self) -> str:
        """What an app that has ended wrote to the terminal."""
        assert self.app.stderr is not None
        return self.app.stderr.read()

    def close(self) -> None:
        """End app and server."""
        for process in (self.app, self._server):
            if process.poll() is None:
                process.kill()
            process.wait()
        self._reader.join(5)
        for pipe in (self.app.stdout, self.app.stderr):
            if pipe is not None:
                pipe.close()

    def _next(self, line: str | Callable[[str], bool], timeout_s: float) -> str | None:
        fits = line if callable(line) else line.__eq__
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                self.said.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                continue
            if fits(self.said[-1]):
                return self.said[-1]
        return None

    def _read(self) -> None:
        assert self.app.stdout is not None
        for line in self.app.stdout:
            self._lines.put(line.strip())
