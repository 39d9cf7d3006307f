"""Recording, transport, spans, comparison and several faces in the window, over a fake session."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage

from emolive.gui.file_queue import FileQueue
from emolive.gui.span_editor import SpanEditor
from emolive.gui.transport_presenter import clock_text, recording_text
from emolive.models.spec import EMOTIONS
from emolive.recording.spans import Span, load_spans, save_spans, spans_path
from emolive.session.config import SessionConfig
from emolive.snapshot import PlaybackState, RecordingState
from emolive.types import BoundingBox, Estimate, FaceObservation, Modality
from tests.helpers.media import write_media
from tests.helpers.window_driver import WindowDriver


def estimate_at(t_s: float, label: str, fusion: str = "ia") -> Estimate:
    probs = tuple(0.65 if each == label else 0.05 for each in EMOTIONS)
    return Estimate(
        source="film.mp4", t_ns=round(t_s * 1e9), t_s=t_s, labels=EMOTIONS, raw_probs=probs, probs=probs,
        label=label, confidence=0.65, modality=Modality.AV, fusion=fusion, baseline="running",
    )  # fmt: skip


TRACK = [estimate_at(0.24 * i, "happy" if i < 20 else "sad") for i in range(1, 41)]
PLAYBACK = PlaybackState(
    position_s=2.0, duration_s=10.0, paused=False, loop=False, analysed_s=10.0, analysing=False, track=TRACK
)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_media(tmp_path / "film.mp4", frame_ms=[40 * i for i in range(250)], size=(32, 32))


@pytest.fixture
def player(driver: WindowDriver, film: Path) -> WindowDriver:
    """A window in which a file of ten seconds plays."""
    driver.open(SessionConfig(source=str(film)))
    show(driver, PLAYBACK)
    driver.until(lambda: not driver.window._media.panel.transport.isHidden())
    return driver


def show(driver: WindowDriver, playback: PlaybackState, **changes: object) -> None:
    driver.session.override = {"playback": playback, "estimate": TRACK[7], **changes}
    media = driver.window._media
    driver.until(lambda: media._snapshot is not None and media._snapshot.playback is playback)


def called(driver: WindowDriver, name: str, *values: object) -> None:
    driver.until(lambda: driver.session.called(name) == list(values))


def test_the_keys_of_the_transport_reach_the_session(player: WindowDriver) -> None:
    transport = player.window._media.panel.transport
    assert transport.clock.text() == "0:02.0 / 0:10.0"
    assert not player.window.view.timeline.isVisible(), "a file has a timeline of its own"
    player.press(Qt.Key.Key_Space)
    called(player, "playing", False)
    player.press(Qt.Key.Key_Right)
    player.press(Qt.Key.Key_Left)
    called(player, "seek", 7.0, -3.0)
    player.qtbot.keyClick(player.window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    called(player, "seek", 7.0, -3.0, 2.24)
    player.qtbot.keyClick(player.window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    called(player, "loop", True)
    player.qtbot.keyClick(player.window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    called(player, "muted", True)
    show(player, replace(PLAYBACK, paused=True, analysing=True, analysed_s=6.3))
    assert transport.play.accessibleName() == "Play"
    assert transport.note.text() == "Paused · analysing 63 %"
    player.press(Qt.Key.Key_Space)
    called(player, "playing", False, True)
    show(player, replace(PLAYBACK, paused=True), ended=True)
    assert transport.note.text().startswith("Ended")
    player.press("r")
    called(player, "seek", 7.0, -3.0, 2.24, 0.0)


def test_the_timeline_seeks_where_it_is_clicked_and_says_what_is_there(player: WindowDriver) -> None:
    timeline = player.window._media.panel.transport.timeline
    x = round(timeline.x_of(7.5))
    player.qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
    player.until(lambda: len(player.session.called("seek")) == 1)
    assert player.session.called("seek")[0] == pytest.approx(7.5, abs=0.02)
    assert timeline.text_at(timeline.x_of(3.0)) == "0:03.0: happy"
    assert timeline.text_at(timeline.x_of(9.0)) == "0:09.0: sad"
    assert timeline.text_at(timeline.x_of(0.1)) == "0:00.1: no estimate"
    picture = timeline.grab().toImage()
    ratio = picture.width() / timeline.width()

    def color(t_s: float) -> str:
        return picture.pixelColor(round(timeline.x_of(t_s) * ratio), round(50 * ratio)).name()

    assert color(3.0) != color(9.0)
    assert color(3.0) == color(4.0)


def test_a_span_is_marked_labelled_saved_and_removed(player: WindowDriver, tmp_path: Path) -> None:
    media = player.window._media
    player.press("[")
    show(player, replace(PLAYBACK, position_s=4.5))
    assert media.panel.transport.note.text() == "span from 0:02.0"
    player.qtbot.keyClick(player.window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    player.until(lambda: media.file.spans.spans == (Span(2.0, 4.5, "happy"),))
    player.until(lambda: len(list(tmp_path.rglob("spans/*.json"))) == 1)
    (saved,) = tmp_path.rglob("spans/*.json")
    assert json.loads(saved.read_text())[0]["label"] == "happy"
    player.qtbot.keyClick(player.window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    player.until(lambda: "press [ there" in player.window.view.status_bar.text)
    show(player, replace(PLAYBACK, position_s=3.0))
    player.press(Qt.Key.Key_Delete)
    player.until(lambda: media.file.spans.spans == ())


def test_a_report_of_a_file_that_plays(player: WindowDriver, tmp_path: Path) -> None:
    def save_report() -> None:
        player.qtbot.keyClick(player.window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)

    show(player, replace(PLAYBACK, track=[], analysed_s=0.0, analysing=True))
    save_report()
    player.until(lambda: "still being analysed" in player.window.view.status_bar.text)
    show(player, replace(PLAYBACK, track=TRACK[:20], analysed_s=4.8, analysing=True))
    save_report()
    player.until(lambda: len(list(tmp_path.rglob("reports/film*.html"))) == 1)
    (first,) = tmp_path.rglob("reports/film*.html")
    assert "analysed up to 0:05" in first.read_text()
    show(player, PLAYBACK)
    save_report()
    player.until(lambda: len(list(tmp_path.rglob("reports/film*.html"))) == 2)
    (second,) = set(tmp_path.rglob("reports/film*.html")) - {first}
    player.until(lambda: str(second) in player.window.view.status_bar.text)
    text = second.read_text()
    assert "File film.mp4" in text
    assert "analysed up to" not in text
    assert "<img" not in text, "pictures only on request"
    player.window._media.reports.save(pictures=True)
    player.until(lambda: len(list(tmp_path.rglob("reports/film*.html"))) == 3)
    (third,) = set(tmp_path.rglob("reports/film*.html")) - {first, second}
    assert third.read_text().count("<img") == 2, "the happy and the sad span"


def test_marks_and_labels_given_while_the_stored_spans_are_read_stay(
    driver: WindowDriver, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Span(6.0, 8.0, "sad")
    save_spans(spans_path(film), (stored,))
    marked = threading.Event()

    def load_when_marked(path: Path) -> tuple[Span, ...]:
        marked.wait(60)
        return load_spans(path)

    monkeypatch.setattr("emolive.gui.open_file.load_spans", load_when_marked)
    driver.open(SessionConfig(source=str(film)))
    show(driver, PLAYBACK)
    file = driver.window._media.file
    driver.press("[")
    show(driver, replace(PLAYBACK, position_s=4.5))
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    driver.press("[")
    marked.set()
    labelled = (Span(2.0, 4.5, "happy"), stored)
    driver.until(lambda: file.spans.spans == labelled)
    assert file.spans.mark_in_s == 4.5
    driver.until(lambda: load_spans(spans_path(film)) == labelled)


def test_recording_is_one_key_with_a_red_mark_and_says_where_it_is(
    driver: WindowDriver, tmp_path: Path
) -> None:
    window = driver.open(SessionConfig(source="demo"))
    driver.press("e")
    called(driver, "record", None)
    state = RecordingState(tmp_path / "take", running=True, seconds=72.0, frames=5, frames_dropped=3)
    driver.session.override = {"recording": state}
    driver.until(lambda: any("REC" in tag.text for tag in window.view.video.state.tags))
    tag = window.view.video.state.tags[0]
    assert (tag.text, tag.severity) == ("● REC 1:12, 3 dropped", "error")
    driver.qtbot.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: window.view.status_bar.text == "End the recording first.")
    driver.press("e")
    driver.until(lambda: driver.session.called("stop recording") == [None])
    driver.session.override = {"recording": replace(state, running=False)}
    driver.until(lambda: str(state.folder) in window.view.status_bar.text)
    assert window._media.recordings.last == state.folder
    driver.session.override = {"recording": replace(state, folder=tmp_path / "b")}
    driver.until(lambda: any("REC" in tag.text for tag in window.view.video.state.tags))
    problem = "The recording has ended because less than 1 GB is free on the disk."
    driver.session.override = {
        "recording": replace(state, folder=tmp_path / "b", running=False, problem=problem)
    }
    driver.until(lambda: window.view.status_bar.text == problem)


def test_a_snapshot_is_a_picture_of_the_window(driver: WindowDriver, tmp_path: Path) -> None:
    window = driver.open(SessionConfig(source="demo"))
    driver.press("s")
    driver.until(lambda: "The picture is in" in window.view.status_bar.text)
    (path,) = tmp_path.rglob("*.png")
    assert QImage(str(path)).size() == window.size() * window.devicePixelRatioF()


def test_other_fusions_are_shown_side_by_side(driver: WindowDriver) -> None:
    window = driver.open(SessionConfig(source="demo"))
    driver.press("x")
    called(driver, "comparison", ("lt", "it", "ia"))
    panel = window._media.panel.comparison
    driver.session.override = {
        "estimate": estimate_at(1, "happy"),
        "comparison": (estimate_at(1, "sad", "it"), estimate_at(1, "calm", "lt")),
    }
    driver.until(lambda: panel.texts == ("ia: happy 65 %", "it: sad 65 %", "lt: calm 65 %"))
    assert panel.isVisible()
    driver.press("x")
    called(driver, "comparison", ("lt", "it", "ia"), ())
    driver.session.override = {}
    driver.until(panel.isHidden)


def test_a_click_or_a_key_chooses_another_face(driver: WindowDriver) -> None:
    window = driver.open(SessionConfig(source="demo"))
    frame = driver.session.snapshot().frame
    assert frame is not None
    other = BoundingBox(500, 40, 100, 120)
    driver.session.override = {
        "frame": frame,
        "observation": FaceObservation(
            frame.t_ns, driver.session.snapshot().observation.face, None, others=(other,)
        ),
    }
    video = window.view.video
    driver.until(lambda: video.state.others == (other,))
    assert "2 faces: one is read" in [tag.text for tag in video.state.tags]
    driver.until(lambda: "press A" in window.view.status_bar.text)
    video.repaint()
    left, top = video._target.left(), video._target.top()
    mirrored = video.state.mirrored
    for x, y in ((10, 10), (550, 100)):
        across = video._target.width() - x * video._scale if mirrored else x * video._scale
        at = QPointF(left + across, top + y * video._scale).toPoint()
        driver.qtbot.mouseClick(video, Qt.MouseButton.LeftButton, pos=at)
    driver.until(lambda: len(driver.session.called("face")) == 1)
    assert driver.session.called("face")[0] == pytest.approx((550, 100), abs=2)
    driver.press("a")
    driver.until(lambda: len(driver.session.called("face")) == 2)
    assert driver.session.called("face")[1] == (550.0, 100.0)


def test_several_dropped_files_play_one_after_another(driver: WindowDriver, tmp_path: Path) -> None:
    window = driver.open(SessionConfig(source="demo"))
    paths = [tmp_path / f"{name}.mp4" for name in "abc"]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    window.dropEvent(
        QDropEvent(
            QPointF(9, 9),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    called(driver, "source", str(paths[0]))
    show(driver, PLAYBACK)
    driver.until(lambda: "2 files wait" in window._media.panel.transport.note.text())
    show(driver, PLAYBACK, ended=True)
    driver.until(lambda: driver.session.called("source")[:2] == [str(paths[0]), str(paths[1])])
    driver.session.override = {"playback": PLAYBACK}
    window.choose_source("demo")
    driver.until(lambda: driver.session.called("source")[-1] == "demo")
    assert len(window._media.queue) == 0


def test_a_dropped_file_that_cannot_be_played_does_not_stop_the_others(
    driver: WindowDriver, tmp_path: Path
) -> None:
    window = driver.open(SessionConfig(source="demo"))
    driver.session.refusal = "It cannot be played."
    paths = [tmp_path / f"{name}.mp4" for name in "abc"]
    window._media.open_files(paths)
    called(driver, "source", *map(str, paths))
    driver.until(lambda: window.view.status_bar.text == "It cannot be played.")
    driver.until(lambda: window.controller.config.source == "demo")


def test_keys_of_a_file_are_free_without_one(driver: WindowDriver) -> None:
    driver.open(SessionConfig(source="demo"))
    driver.until(lambda: not any(action.isEnabled() for action in driver.window._media._file_keys))
    driver.press(Qt.Key.Key_Space)
    driver.qtbot.wait(50)
    assert driver.session.called("playing") == []


def test_the_queue() -> None:
    queue = FileQueue()
    assert queue.next_after("", ended=True) is None
    assert queue.replace(["a", "b", "c"]) == "a"
    assert queue.next_after("a", ended=False) is None
    assert queue.next_after("other", ended=True) is None, "the end of something else"
    assert queue.next_after("a", ended=True) == "b"
    assert queue.next_after("a", ended=True) is None, "the new file has not been opened yet"
    assert queue.skip() == "c"
    assert queue.skip() is None


def test_marks_keep_their_order() -> None:
    editor = SpanEditor()
    editor.mark_out(3.0)
    editor.mark_in(5.0)
    assert (editor.mark_in_s, editor.mark_out_s) == (5.0, None)
    editor.mark_out(4.0)
    assert (editor.mark_in_s, editor.mark_out_s) == (None, 4.0)
    assert editor.remove(0.0)
    editor.mark_in(1.0)
    editor.mark_out(2.0)
    assert editor.label("sad", 9.0) == Span(1.0, 2.0, "sad")
    assert not editor.remove(8.0)


@pytest.mark.parametrize(
    ("t_s", "text"), [(0, "0:00.0"), (59.96, "1:00.0"), (3723.44, "1:02:03.4"), (-0.01, "0:00.0")]
)
def test_times_are_readable(t_s: float, text: str) -> None:
    assert clock_text(t_s) == text
    assert recording_text(61.9, 0) == "● REC 1:01"
