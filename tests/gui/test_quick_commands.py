"""Commands that come faster than they are carried out: none is lost, and none is taken for another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from emolive.errors import EmoliveError
from emolive.recording.spans import Span, load_spans, save_spans, spans_path
from emolive.session.config import SessionConfig
from emolive.snapshot import PlaybackState, RecordingState, Snapshot
from tests.gui.test_media_commands import PLAYBACK, called, show
from tests.helpers.fake_session import FakeSession, refusing
from tests.helpers.media import write_media
from tests.helpers.window_driver import WindowDriver

CONTROL = Qt.KeyboardModifier.ControlModifier


class SlowSession(FakeSession):
    """Carries out nothing until `go` is set; then its state follows its calls."""

    def __init__(self, config: SessionConfig) -> None:
        super().__init__(config)
        self.go = threading.Event()

    def start_recording(self, parent: Path | None = None) -> Path:
        self.go.wait(60)
        self.override = {
            **self.override,
            "recording": RecordingState(Path("take"), running=True, seconds=1.0),
        }
        return super().start_recording(parent)

    def stop_recording(self) -> None:
        super().stop_recording()
        self.override = {
            **self.override,
            "recording": RecordingState(Path("take"), running=False, seconds=2.0),
        }

    def set_playing(self, playing: bool) -> None:
        self.go.wait(60)
        super().set_playing(playing)
        self._play(paused=not playing)

    def seek(self, position_s: float) -> None:
        self.go.wait(60)
        super().seek(position_s)
        self._play(position_s=position_s)

    def set_source(self, source: str) -> None:
        self.go.wait(60)
        super().set_source(source)

    def _play(self, **changes: object) -> None:
        playback = self.override["playback"]
        assert isinstance(playback, PlaybackState)
        self.override = {**self.override, "playback": replace(playback, **changes)}  # type: ignore[arg-type]


@pytest.fixture
def slow(driver: WindowDriver) -> Iterator[SlowSession]:
    """A window on a drawing, over a session that is slow."""
    sessions: list[SlowSession] = []

    def create(config: SessionConfig) -> SlowSession:
        sessions.append(SlowSession(config))
        return sessions[-1]

    driver.create = create
    driver.open(SessionConfig(source="demo"))
    yield sessions[-1]
    sessions[-1].go.set()


def ticks(driver: WindowDriver, n: int = 3) -> None:
    """Until the window has shown more snapshots."""
    seen: list[Snapshot | None] = [driver.window._media._snapshot]

    def another() -> bool:
        if (newest := driver.window._media._snapshot) is not seen[-1]:
            seen.append(newest)
        return len(seen) > n

    driver.until(another)


def test_a_recording_that_is_being_created_is_ended_by_the_same_key(
    driver: WindowDriver, slow: SlowSession
) -> None:
    driver.press("e")
    driver.press("e")
    slow.go.set()
    driver.until(lambda: bool(slow.called("stop recording")))
    assert [name for name, _ in slow.calls if name in ("record", "stop recording")] == [
        "record",
        "stop recording",
    ]


def test_each_press_of_a_key_of_the_transport_counts(driver: WindowDriver, slow: SlowSession) -> None:
    show(driver, PLAYBACK)
    for _ in range(3):
        driver.press(Qt.Key.Key_Right)
    for _ in range(2):
        driver.press(Qt.Key.Key_Space)
    slow.go.set()
    called(driver, "seek", 7.0, 12.0, 17.0)
    called(driver, "playing", False, True)


def test_the_next_file_begins_when_that_before_it_has_ended_and_not_earlier(
    driver: WindowDriver, slow: SlowSession, tmp_path: Path
) -> None:
    paths = [str(tmp_path / f"{name}.mp4") for name in "abc"]
    slow.go.set()
    driver.window._media.open_files([Path(path) for path in paths])
    called(driver, "source", paths[0])
    slow.go.clear()
    show(driver, PLAYBACK, ended=True)
    driver.until(lambda: driver.window.controller.config.source == paths[1])
    # The second one is being opened: what is shown has ended still.
    ticks(driver)
    assert driver.window.controller.config.source == paths[1]
    assert len(driver.window._media.queue) == 1
    assert driver.window._media.file.source == paths[0], "marks are of the file that is shown"
    slow.override = {"playback": replace(PLAYBACK, position_s=0.0)}
    slow.go.set()
    driver.until(lambda: driver.window._media.file.source == paths[1])
    ticks(driver)
    assert slow.called("source") == paths[:2]
    slow.override = {"playback": PLAYBACK, "ended": True}
    called(driver, "source", *paths)


def test_of_two_refused_choices_neither_is_shown(driver: WindowDriver, slow: SlowSession) -> None:
    slow.refusal = "It is not connected."
    driver.window.choose_source("Gone")
    driver.window.choose_source("Gone too")
    slow.go.set()
    driver.until(lambda: len(slow.called("source")) == 2)
    driver.until(lambda: driver.window.controller.config.source == "demo")
    assert driver.window.controller.source_in_use == "demo"


def test_a_choice_after_a_failed_start_is_what_a_refused_one_goes_back_to(driver: WindowDriver) -> None:
    driver.create = refusing("Gone", EmoliveError("There is no camera named Gone."))
    window = driver.open(SessionConfig(source="Gone"), wait=False)
    driver.until(lambda: window.controller.state == "failed")
    window.choose_source("demo")
    driver.until(lambda: window.controller.state == "running")
    driver.session.refusal = "It is not connected."
    window.choose_source("Another")
    driver.until(lambda: window.view.status_bar.text == "It is not connected.")
    assert window.controller.config.source == "demo"


def test_stored_spans_are_not_lost_if_the_window_closes_while_they_are_read(
    driver: WindowDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_media(tmp_path / "film.mp4", frame_ms=[0, 40], size=(32, 32))
    stored = Span(6.0, 8.0, "sad")
    save_spans(spans_path(film), (stored,))
    closing = threading.Event()

    def load_late(path: Path) -> tuple[Span, ...]:
        closing.wait(60)
        return load_spans(path)

    monkeypatch.setattr("emolive.gui.open_file.load_spans", load_late)
    driver.open(SessionConfig(source=str(film)))
    show(driver, PLAYBACK)
    driver.press("[")
    show(driver, replace(PLAYBACK, position_s=4.5))
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_3, CONTROL)
    driver.until(lambda: bool(driver.window._media.file.spans.spans))
    driver.close()
    closing.set()
    driver.until(lambda: load_spans(spans_path(film)) == (Span(2.0, 4.5, "happy"), stored))
