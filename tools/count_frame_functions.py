"""Count the project's functions that a frame passes from the capture callback to the published estimate.

    python tools/count_frame_functions.py [--source SOURCE] [--mic MIC] [--seconds 4] [--list]

A session plays SOURCE with the shipped model. From its third estimate on, every named Python function of the
project that runs below the source's callbacks, in the perception thread or in the inference thread is counted
once. Lambdas, comprehensions and functions of libraries are not counted.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path.cwd()
sys.path.insert(0, str(ROOT))

CALLBACKS = ("on_frame", "on_audio")
WORKERS = ("emolive-perception", "emolive-inference")


class CallRecorder:
    """A profile function for `threading.setprofile`; one for all threads."""

    def __init__(self) -> None:
        self.recording = False
        self.functions: set[tuple[str, str]] = set()
        self._local = threading.local()
        self._names: dict[CodeType, tuple[str, str] | None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event not in ("call", "return"):
            return
        depth = getattr(self._local, "depth", 0)
        if code.co_name in CALLBACKS:
            depth += 1 if event == "call" else -1
            self._local.depth = max(0, depth)
        if not self.recording or event == "return":
            return
        if depth > 0 or threading.current_thread().name in WORKERS:
            if code not in self._names:
                self._names[code] = self._name(code)
            if (name := self._names[code]) is not None:
                self.functions.add(name)

    @staticmethod
    def _name(code: CodeType) -> tuple[str, str] | None:
        path = Path(code.co_filename)
        if ROOT not in path.parents or code.co_name.startswith("<"):
            return None
        relative = path.relative_to(ROOT)
        return (str(relative), code.co_qualname) if relative.parts[0] == "emolive" else None


def main() -> None:
    """Run a session under the profiler and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--source", default="demo")
    parser.add_argument("--mic", default="none", help="auto also counts what the demo's sound passes")
    parser.add_argument("--fusion", default="ia")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--list", action="store_true", help="print every function")
    args = parser.parse_args()

    import emolive

    recorder = CallRecorder()
    threading.setprofile(recorder)
    estimates: list[object] = []
    config = emolive.SessionConfig(
        source=args.source, mic=args.mic, fusion=args.fusion, backend=args.backend, device="cpu"
    )
    session = emolive.Session(config)

    def on_estimate(estimate: object) -> None:
        estimates.append(estimate)

    session.subscribe(on_estimate)
    session.start()
    deadline_s = time.monotonic() + 120
    while len(estimates) < 3 and time.monotonic() < deadline_s:
        time.sleep(0.05)
    recorder.recording = True
    time.sleep(args.seconds)
    recorder.recording = False
    session.stop(20)
    modules: dict[str, list[str]] = {}
    for path, name in sorted(recorder.functions):
        modules.setdefault(path, []).append(name)
    if args.list:
        for path, names in modules.items():
            sys.stdout.write(f"{path}: {', '.join(names)}\n")
    sys.stdout.write(
        f"{len(recorder.functions)} functions in {len(modules)} modules, {len(estimates)} estimates\n"
    )


if __name__ == "__main__":
    main()
