"""Opens the window over the fake session and prints each call.

Usage: run_fake.py [seconds [screenshot [counters]]]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emolive.gui.app import run_app
from emolive.gui.services import Services
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FUSIONS, FakeDevice, FakeSession


class PrintingSession(FakeSession):
    """Prints each call, so that another process can follow."""

    def __init__(self, config: SessionConfig) -> None:
        super().__init__(config)
        self.calls = PrintedCalls()


class PrintedCalls(list[tuple[str, object]]):
    """A list that prints what is appended."""

    def append(self, item: tuple[str, object]) -> None:
        super().append(item)
        sys.stdout.write(f"{item[0]} {item[1]}\n")
        sys.stdout.flush()


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else None
    screenshot = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    counters = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    services = Services(
        session=PrintingSession,
        fusions=lambda: FUSIONS,
        cameras=lambda: (FakeDevice(0, "Front camera", default=True), FakeDevice(1, "Desk camera")),
        microphones=lambda: (FakeDevice(3, "Built-in microphone", default=True),),
    )
    return run_app(
        SessionConfig(), services=services, seconds=seconds, screenshot=screenshot, counters=counters
    )


if __name__ == "__main__":
    raise SystemExit(main())
