"""The process ends within two seconds of its window: all that is waited for adds up to less, anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emolive.cli import interrupts
from emolive.gui import controller, main_window

PROMISED_S = 2.0
N_HANGING = 40


class Left(BaseException):
    """The process would have ended here."""


@pytest.fixture
def hanging() -> Iterator[Callable[[str], None]]:
    """`hanging(name)` starts a thread that never ends by itself."""
    release, threads = threading.Event(), list[threading.Thread]()

    def start(name: str) -> None:
        threads.append(threading.Thread(target=release.wait, name=name, daemon=True))
        threads[-1].start()

    yield start
    release.set()
    for thread in threads:
        thread.join()


class Clock:
    """Time passes only while something is waited for."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def test_no_wait_of_the_end_is_longer_than_promised(
    monkeypatch: pytest.MonkeyPatch, hanging: Callable[[str], None]
) -> None:
    clock, waited = Clock(), list[tuple[str, float | None]]()

    def join(thread: threading.Thread, timeout: float | None = None) -> None:
        waited.append((thread.name, timeout))
        clock.now_s += timeout or 0.0

    def leave_now(code: int) -> Any:
        raise Left(code)

    for index in range(N_HANGING):
        hanging(f"emolive-hangs-{index}")
    monkeypatch.setattr(interrupts, "time", clock)
    monkeypatch.setattr(interrupts, "leave_now", leave_now)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", join)
        with pytest.raises(Left):
            interrupts.leave(0)
    assert len(waited) >= N_HANGING
    assert all(timeout is not None for _, timeout in waited), "nothing is being written"
    assert clock.now_s <= interrupts.IDLE_S + 1e-9, "all of them together"
    whole_s = main_window.STOP_S + controller.CLOSE_MARGIN_S + interrupts.IDLE_S
    assert whole_s < PROMISED_S


def test_the_window_gives_its_session_the_time_that_is_counted_here(
    driver: Any,
) -> None:
    driver.open()
    driver.close()
    assert driver.session.called("stop") == [main_window.STOP_S]
