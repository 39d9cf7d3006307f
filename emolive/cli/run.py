"""`emolive run`: with a window, without one, and on a computer that has no display."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from emolive.atomic_io import ensure_writable
from emolive.clock import now_ns, to_ns
from emolive.errors import EmoliveError
from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON, SessionConfig
from emolive.sinks.jsonl import JsonlSink
from emolive.sinks.table import TableSink
from emolive.types import Estimate, Snapshot

OFFSCREEN_S = 12.0
"""How long the offscreen window shows itself on a computer without a display."""
FOREVER_S = 1e9
OFFSCREEN_PICTURE = Path("emolive-window.png")


def config_of(args: argparse.Namespace) -> SessionConfig:
    """The session that was asked for. EmoliveError where model and fusion contradict each other."""
    fusion = args.fusion or "ia"
    if args.checkpoint is not None:
        from emolive.models.io import checkpoint

        describe = checkpoint.describe
        if checkpoint.is_onnx(args.checkpoint):
            from emolive.models.io.onnx import describe

        told = describe(args.checkpoint).spec.fusion
        if args.fusion not in (None, told):
            raise EmoliveError(f"{args.checkpoint} holds the fusion {told}, not {args.fusion}.")
        fusion = told
    return SessionConfig(
        source=args.source,
        mic=args.mic,
        fusion=fusion,
        checkpoint=args.checkpoint,
        baseline=args.baseline or DEFAULT_BASELINE,
        person=args.person or DEFAULT_PERSON,
        paced=not args.unpaced,
        loop=args.loop,
        device=args.device,
        backend=args.backend,
    )


def run(args: argparse.Namespace) -> int:
    """Run until the window is closed, the duration is over, the file has ended, or Ctrl-C."""
    if args.unpaced and not args.headless:
        raise EmoliveError("A window plays at the pace of time: --unpaced goes with --headless.")
    if args.counters is not None and args.headless:
        raise EmoliveError("There is no window to count for: --counters does not go with --headless.")
    config = config_of(args)
    with Rows(args.jsonl) as rows:
        if args.headless:
            return _headless(config, args.duration, rows)
        return _window(config, args, rows if args.jsonl is not None else None)


class Rows:
    """Writes estimates to a file or the terminal. The file is opened with the first of them, so that a
    session that never came to be leaves an older file as it was."""

    def __init__(self, path: Path | None) -> None:
        """EmoliveError if there can be no such file."""
        if path is not None:
            ensure_writable(path)
        self._path = path
        self._stack = ExitStack()
        self._writer: JsonlSink | None = None
        self.fault: OSError | None = None
        """Why rows can no longer be written."""

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, estimate: Estimate) -> None:
        if self.fault is not None:
            return
        try:
            self._open().write(estimate)
        except OSError as error:
            self.fault = error

    def end(self) -> None:
        """A session that came to be and had nothing to say has an empty file.

        EmoliveError, or BrokenPipeError if nobody reads on, where rows could not be written.
        """
        try:
            if self.fault is not None:
                raise self.fault
            self._open()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise EmoliveError(f"Rows can no longer be written: {error.strerror or error}.") from error

    def _open(self) -> JsonlSink:
        if self._writer is None:
            out: TextIO = sys.stdout
            if self._path is not None:
                file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
                out = self._stack.enter_context(file)
            self._writer = JsonlSink(out)
        return self._writer


def _headless(config: SessionConfig, duration_s: float | None, rows: Rows) -> int:
    from emolive.session.session import Session

    session = Session(config)
    session.subscribe(rows)
    told: dict[str, str] = {}
    deadline_ns = None
    try:
        session.start()
        while not session.finished and rows.fault is None:
            if session.model_settled:
                _refuse_without_model(session.snapshot())
                # The duration is one of listening, not of loading.
                deadline_ns = deadline_ns or now_ns() + to_ns(duration_s or FOREVER_S)
            if deadline_ns is not None and now_ns() >= deadline_ns:
                break
            _tell(session.snapshot(), told)
            time.sleep(0.05)
        _tell(session.snapshot(), told)
    finally:
        session.stop()
    rows.end()
    return 0


def _refuse_without_model(snapshot: Snapshot) -> None:
    for status in snapshot.statuses:
        if status.source == "model" and status.level == "error":
            raise EmoliveError(status.text)


def _tell(snapshot: Snapshot, told: dict[str, str]) -> None:
    """Say on stderr what is new and of note: a stream that is missing, a device that went away."""
    for status in snapshot.statuses:
        if status.source in ("camera", "microphone", "model") and told.get(status.source) != status.text:
            told[status.source] = status.text
            if status.level != "ok":
                sys.stderr.write(f"emolive: {status.text}\n")


def _window(config: SessionConfig, args: argparse.Namespace, rows: Rows | None) -> int:
    from emolive.gui.app import run_app
    from emolive.gui.display import has_display
    from emolive.gui.ui_settings import REMEMBERED, with_remembered

    if has_display():
        given = {name for name in REMEMBERED if getattr(args, name) is not None}
        config = with_remembered(config, given | ({"fusion"} if args.checkpoint is not None else set()))
        return run_app(
            config,
            on_estimate=rows,
            screenshot=args.screenshot,
            seconds=args.duration,
            counters=args.counters,
        )
    seconds, picture = args.duration or OFFSCREEN_S, args.screenshot or OFFSCREEN_PICTURE
    sys.stdout.write(f"No display: the window runs unseen for {seconds:.0f} s.\n")
    table = TableSink(sys.stdout)

    def show(estimate: Estimate) -> None:
        table.write(estimate)
        if rows is not None:
            rows(estimate)

    code = run_app(config, on_estimate=show, screenshot=picture, seconds=seconds, counters=args.counters)
    if picture.is_file():
        sys.stdout.write(f"A picture of the window is in {picture}.\n")
    return code
