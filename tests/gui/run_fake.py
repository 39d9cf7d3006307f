"""Opens the real window over the fake session and prints each call.

`run_fake.py [seconds [picture [counters]]]`
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emolive.gui.app import run_app
from emolive.gui.session_controller import Backend
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FakeDevice, FakeSession


class Talking(FakeSession):
    """Prints what it is asked for, so that another process can follow."""

    def __init__(self, config: SessionConfig) -> None:
        super().__init__(config)
        self.calls = Printed()


class Printed(list[tuple[str, object]]):
    def append(self, item: tuple[str, object]) -> None:
        super().append(item)
        sys.stdout.write(f"{item[0]} {item[1]}\n")
        sys.stdout.flush()


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else None
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    counters = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    backend = Backend(
        session=Talking,
        fusions=lambda: {
            "lt": "late transformer",
            "it": "intermediate transformer",
            "ia": "intermediate attention",
        },
        cameras=lambda: (FakeDevice(0, "Front camera", default=True), FakeDevice(1, "Desk camera")),
        microphones=lambda: (FakeDevice(3, "Built-in microphone", default=True),),
    )
    config = SessionConfig()
    return run_app(config, backend=backend, seconds=seconds, screenshot=picture, counters=counters)


if __name__ == "__main__":
    raise SystemExit(main())
