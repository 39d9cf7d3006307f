"""The window's session: creation, failure, retry, stop in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt

from emolive.errors import EmoliveError
from emolive.session.config import SessionConfig
from emolive.types import Status
from tests.helpers.fake_session import FakeSession, refusing
from tests.helpers.window_driver import WindowDriver


def message(driver: WindowDriver) -> str:
    message_state = driver.window.view.video.state.message
    return "" if message_state is None else f"{message_state.title} {message_state.text}"


# How long each may take is the sum of what is waited for: see `test_end_of_process`.


def test_closing_stops_the_session(driver: WindowDriver) -> None:
    driver.open()
    driver.close()
    driver.until(lambda: driver.session.stopped)


def test_closing_before_the_session_is_created(driver: WindowDriver) -> None:
    driver.open(begin=False, wait=False)
    driver.close()
    driver.window.begin()
    assert driver.sessions == []


@pytest.fixture
def blocked_loading(driver: WindowDriver) -> Iterator[threading.Event]:
    """A window whose session is created only when the event is set."""
    began, proceed = threading.Event(), threading.Event()

    def create(config: SessionConfig) -> FakeSession:
        began.set()
        proceed.wait(120)
        return FakeSession(config)

    driver.create = create
    driver.open(wait=False)
    driver.until(began.is_set)
    yield proceed
    proceed.set()


def test_closing_while_it_loads(driver: WindowDriver, blocked_loading: threading.Event) -> None:
    assert "Loading" in message(driver)
    driver.close(blocked_loading.set)
    driver.until(lambda: len(driver.sessions) == 1)
    driver.until(lambda: driver.session.stopped)  # though it is created too late


def test_closing_while_loading_hangs(driver: WindowDriver, blocked_loading: threading.Event) -> None:
    driver.close()
    assert driver.sessions == []


def test_closing_while_stopping_hangs(driver: WindowDriver) -> None:
    driver.open()
    driver.session.release.clear()
    driver.close()
    assert not driver.session.stopped
    assert not driver.window.isVisible()


def test_a_failed_start_is_shown_and_can_be_tried_again(driver: WindowDriver) -> None:
    fails = True

    def sometimes(config: SessionConfig) -> FakeSession:
        if fails:
            raise EmoliveError("The model ia is missing: install emolive again.")
        return FakeSession(config)

    driver.create = sometimes
    window = driver.open(wait=False)
    status_bar = window.view.status_bar
    driver.until(lambda: status_bar.text == "The model ia is missing: install emolive again.")
    assert status_bar.retry_button.isVisible()
    model = status_bar.badges.badges["model"].status
    assert model is not None
    assert model.level == "error"
    assert "The model ia is missing" in message(driver)
    fails = False
    driver.qtbot.mouseClick(status_bar.retry_button, Qt.MouseButton.LeftButton)
    driver.until(lambda: window.view.video.painted > 3)
    assert not status_bar.retry_button.isVisible()


def test_a_crash_at_the_start_is_a_sentence_too(driver: WindowDriver) -> None:
    def crash(config: SessionConfig) -> FakeSession:
        raise RuntimeError("no such operator")

    driver.create = crash
    window = driver.open(wait=False)
    driver.until(lambda: "no such operator" in window.view.status_bar.text)


def test_another_source_after_a_failed_start_starts_again(driver: WindowDriver) -> None:
    driver.create = refusing("Gone", EmoliveError("There is no camera named Gone."))
    window = driver.open(SessionConfig(source="Gone"), wait=False)
    driver.until(lambda: window.controller.state == "failed")
    window.choose_source("demo")
    driver.until(lambda: window.controller.state == "running")


def test_the_model_is_settled_when_it_is_loaded(driver: WindowDriver) -> None:
    controller = driver.open().controller
    assert controller.model_settled
    driver.session.override = {"statuses": (Status("model", "info", "loading", "Loading ia…"),)}
    assert controller.state == "running"
    assert not controller.model_settled
    driver.session.override = {}
    assert controller.model_settled
