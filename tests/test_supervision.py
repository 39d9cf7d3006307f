"""Parts that fail and are started again."""

from __future__ import annotations

import itertools
import threading

import pytest

from emolive.clock import NS_PER_S, Watchdog
from emolive.faults import is_out_of_memory, log_fault, one_line
from emolive.supervision import TRANSITIONS, Event, State, Supervised


def test_the_table_leads_from_every_state_to_the_end_and_to_work() -> None:
    for state in State:
        if state is not State.ENDED:
            assert TRANSITIONS[state, Event.END] is State.ENDED
    assert not any(state is State.ENDED for state, _ in TRANSITIONS)
    assert TRANSITIONS[State.RUNNING, Event.FAIL] is State.WAITING
    assert TRANSITIONS[State.WAITING, Event.RETRY] is State.RUNNING


@pytest.mark.parametrize("error", [RuntimeError("a bug"), SystemExit(3), KeyError()])
def test_a_body_that_fails_is_called_again_with_growing_pauses(error: BaseException) -> None:
    calls, pauses = itertools.count(1), []

    def body() -> None:
        if next(calls) < 5:
            raise error

    part = Supervised(
        "test", body, threading.Event(), lambda _, pause_s: pauses.append(pause_s), (0.0, 0.001, 0.002)
    )
    part.run()
    assert part.state is State.ENDED
    assert pauses == [0.0, 0.001, 0.002, 0.002]
    assert part.failures == 4


def test_a_part_that_is_closed_is_not_started_again() -> None:
    closed, calls = threading.Event(), []

    def body() -> None:
        calls.append(1)
        closed.set()
        raise RuntimeError("while it ends")

    part = Supervised("test", body, closed, lambda *_: calls.append("told"))
    part.run()
    assert (calls, part.state) == ([1], State.ENDED)


def test_the_same_fault_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    log = __import__("logging").getLogger("test")
    for _ in range(20):
        try:
            raise ValueError("the same\nevery time.")
        except ValueError as error:
            log_fault(log, "it failed", error)
    assert [record.getMessage() for record in caplog.records] == [
        "it failed: the same every time (ValueError)"
    ]


def test_a_fault_in_words() -> None:
    assert one_line(RuntimeError("a\n  b.")) == "a b"
    assert one_line(KeyError()) == "KeyError"
    assert len(one_line(RuntimeError("x" * 5000))) < 300
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


def test_a_watchdog_does_not_count_the_stall_of_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr("emolive.clock.now_ns", lambda: now[0])

    def passes(seconds: float) -> float:
        now[0] += round(seconds * NS_PER_S)
        return dog.tick()

    dog = Watchdog(0.1)
    assert passes(0.1) == pytest.approx(0.1)
    assert passes(5.0) == pytest.approx(0.3), "a stall counts as two ticks"
    dog.feed()
    assert passes(0.1) == 0
    for _ in range(12):
        quiet_s = passes(0.1)
    assert quiet_s == pytest.approx(1.2)
