"""Tasks in the background, answers on the GUI thread."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.errors import EmoliveError
from emolive.gui.tasks import TaskRunner, error_sentence
from tests.helpers.window_driver import TIMEOUT_MS


def test_tasks_run_in_order_and_answer_on_this_thread(qtbot: QtBot, qapp: QApplication) -> None:
    runner = TaskRunner("test")
    results: list[object] = []

    def answer(result: object) -> None:
        results.append((result, threading.current_thread() is threading.main_thread()))

    def fail() -> None:
        raise EmoliveError("It cannot be done.")

    runner.submit(lambda: 1, answer)
    runner.submit(fail, answer, answer)
    runner.submit(lambda: threading.current_thread() is threading.main_thread(), answer)
    qtbot.waitUntil(lambda: len(results) == 3, timeout=TIMEOUT_MS)
    assert results == [(1, True), ("It cannot be done.", True), (False, True)]
    runner.close()
    runner.join()


def test_no_callback_after_close(qtbot: QtBot, qapp: QApplication) -> None:
    runner = TaskRunner("test")
    results: list[object] = []
    go = threading.Event()
    runner.submit(go.wait, results.append)
    runner.submit(lambda: 2, results.append)
    runner.close()
    runner.submit(lambda: 3, results.append)
    go.set()
    runner.join()
    qtbot.wait(50)
    assert results == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (EmoliveError("The camera is busy."), "The camera is busy."),
        (
            RuntimeError("no such operator\nat line 3"),
            "Something went wrong: RuntimeError: no such operator.",
        ),
        (KeyError(), "Something went wrong: KeyError."),
    ],
)
def test_an_exception_is_one_sentence(error: Exception, sentence: str) -> None:
    assert error_sentence(error) == sentence
