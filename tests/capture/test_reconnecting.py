"""What is said of a device that goes and comes back."""

from __future__ import annotations

import threading

import pytest

from emolive.capture import base
from emolive.capture.base import Listener, ReconnectingSource, SourceInfo
from emolive.errors import DeviceError, RefusedError
from tests.helpers.listener import Collector

GONE, REFUSED = DeviceError("Cam cannot be opened."), RefusedError("Cam asks for a password.")


class Scripted(ReconnectingSource):
    """Each attempt delivers, or raises."""

    def __init__(self, *attempts: Exception | None) -> None:
        super().__init__(SourceInfo("Cam", has_video=True, has_audio=False, live=True))
        self._attempts = list(attempts)
        self.done = threading.Event()

    def _deliver(self, listener: Listener) -> bool:
        if not self._attempts:
            self.done.set()
            self._stopping.wait()
            return False
        attempt = self._attempts.pop(0)
        if attempt is not None:
            raise attempt
        self._report("ok", "live", "Cam is live.")
        self._delivered += 1
        return True


def said(monkeypatch: pytest.MonkeyPatch, *attempts: Exception | None) -> list[tuple[str, str]]:
    monkeypatch.setattr(base, "BACKOFF_S", (0.0,))
    source, listener = Scripted(*attempts), Collector()
    source.start(listener)
    assert source.done.wait(120)
    assert source.stop(60)
    return [(status.code, status.text) for status in listener.statuses][1:]


LOST = ("lost", "Cam was lost and is being opened again.")


def test_a_loss_is_said_once_however_often_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, None, GONE, GONE, GONE, None) == [
        ("live", "Cam is live."),
        LOST,
        ("live", "Cam is live."),
        LOST,
    ]


def test_a_refusal_is_said_also_of_a_camera_that_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, None, GONE, REFUSED, REFUSED) == [
        ("live", "Cam is live."),
        LOST,
        ("lost", str(REFUSED)),
    ]


def test_a_refusal_is_said_of_a_camera_that_was_not_there_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, GONE, GONE, REFUSED, REFUSED) == [
        ("missing", str(GONE)),
        ("missing", str(REFUSED)),
    ]
