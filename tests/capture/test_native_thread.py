"""Native calls that never return."""

from __future__ import annotations

import threading

import pytest

from emolive.capture.native_thread import IDLE_NAME, NativeThread
from emolive.errors import DeviceError
from tests.helpers.listener import eventually

NAME = "native-test"


@pytest.fixture
def native() -> NativeThread:
    return NativeThread(NAME, "It does not answer.")


def test_a_result_and_an_error_come_back(native: NativeThread) -> None:
    assert native.call(lambda: 7, 60) == 7
    with pytest.raises(ZeroDivisionError):
        native.call(lambda: 1 / 0, 60)
    with pytest.raises(TimeoutError, match="its own"):
        native.call(lambda: (_ for _ in ()).throw(TimeoutError("its own")), 60)
    assert not native.is_stuck


def test_while_a_call_hangs_others_are_refused_and_a_late_result_is_released(native: NativeThread) -> None:
    hang, late, made = threading.Event(), [], []
    with pytest.raises(DeviceError, match="does not answer"):
        native.call(lambda: hang.wait(60) and "late", 0.05, on_late=late.append)
    assert native.is_stuck
    with pytest.raises(DeviceError, match="does not answer"):
        native.call(lambda: made.append(1), 60)
    hang.set()
    eventually(lambda: not native.is_stuck, "the end of the call")
    assert native.call(lambda: late, 60) == ["late"]
    assert not made


def test_the_thread_has_its_name_only_while_it_may_hang(native: NativeThread) -> None:
    assert native.call(lambda: threading.current_thread().name, 60) == NAME
    names = [thread.name for thread in threading.enumerate()]
    assert NAME not in names
    assert IDLE_NAME in names


def test_a_call_may_make_another(native: NativeThread) -> None:
    assert native.call(lambda: native.call(lambda: 3, 0.1), 60) == 3
