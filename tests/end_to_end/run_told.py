"""Opens the real window over the real session, and prints what the session is asked for and where it plays.

Usage: run_told.py SOURCE
"""

from __future__ import annotations

import sys
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emolive.gui.app import run_app
from emolive.gui.services import Services
from emolive.playback.app_session import AppSession
from emolive.session.config import SessionConfig
from emolive.snapshot import Snapshot

TOLD = ("seek", "start_recording", "stop_recording", "set_playing", "set_fusion", "set_comparison")


def tell(*words: object) -> None:
    """Print a line, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class ToldSession(AppSession):
    """Prints each call once it is done, and each new state of a file."""

    _state, _answers = "", False

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if name not in TOLD:
            return attribute

        def call(*args: object) -> object:
            result = attribute(*args)
            tell(name, *args)
            return result

        return call

    def set_source(self, source: str) -> Future[None]:
        future = super().set_source(source)
        future.add_done_callback(
            lambda done: tell("opened" if done.exception() is None else "failed", source)
        )
        return future

    def snapshot(self) -> Snapshot:
        snapshot = super().snapshot()
        playback = snapshot.playback
        if snapshot.estimate is not None and not self._answers:
            self._answers = True
            tell("answers")
        if playback is not None:
            how = "ended" if snapshot.ended else "paused" if playback.paused else "plays"
            where = "somewhere" if how == "plays" else f"{playback.position_s:.1f}"
            analysed = "analysing" if playback.analysing else "analysed"
            if self._state != (state := f"{how} {where} {analysed}"):
                self._state = state
                tell(state)
        return snapshot


def main() -> int:
    services = replace(Services(), session=ToldSession)
    return run_app(SessionConfig(source=sys.argv[1]), services=services, welcome=True)


if __name__ == "__main__":
    raise SystemExit(main())
