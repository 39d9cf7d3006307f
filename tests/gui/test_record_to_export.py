"""From a recording to clips for training: the window with the real session, player and disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.capture.decode import probe
from emolive.gui.main_window import MainWindow
from emolive.gui.services import Services, create_session
from emolive.recording.folder import read_recording
from emolive.session.config import SessionConfig
from emolive.snapshot import Snapshot
from preprocessing import annotations

PATIENCE_MS = 240_000
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_record_replay_annotate_export(
    qtbot: QtBot,
    qapp: QApplication,
    random_checkpoint: object,
    tmp_path: Path,
) -> None:
    checkpoint = random_checkpoint("ia")  # type: ignore[operator]
    config = SessionConfig(source="demo", checkpoint=checkpoint, device="cpu", backend="eager", person="anna")
    window = MainWindow(config, Services(create_session, lambda: (), lambda: (), lambda: ()))
    window.show()
    window.begin()

    def snapshot() -> Snapshot:
        return window.controller.snapshot() or Snapshot()

    def until(condition: object) -> None:
        qtbot.waitUntil(condition, timeout=PATIENCE_MS)  # type: ignore[arg-type]

    def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        window.activateWindow()
        qtbot.keyClick(window, key, modifier)

    # Counted, because a slow computer shows no estimate as the present.
    until(lambda: snapshot().counters.estimates > 0)
    press(Qt.Key.Key_E)
    until(lambda: (state := snapshot().recording) is not None and state.seconds > 4 and state.frames > 5)
    n = snapshot().counters.estimates
    until(lambda: snapshot().counters.estimates > n)
    press(Qt.Key.Key_E)
    until(lambda: window._media.recordings.last is not None)
    folder = window._media.recordings.last
    assert folder is not None
    assert folder.is_relative_to(tmp_path)
    recording = read_recording(folder)
    assert recording.complete
    assert recording.estimates

    press(Qt.Key.Key_R, CONTROL)
    until(lambda: snapshot().playback is not None and not snapshot().playback.analysing)  # type: ignore[union-attr]
    media = window._media
    until(lambda: bool(media.file.recorded))
    assert media.panel.transport.isVisible()

    def at(position_s: float) -> bool:
        playback = snapshot().playback
        shown = media._snapshot and media._snapshot.playback
        return playback is not None and shown is not None and abs(shown.position_s - position_s) < 0.01

    # In a loop it does not end meanwhile, however slow the computer is.
    press(Qt.Key.Key_L, CONTROL)
    until(lambda: snapshot().playback.loop)  # type: ignore[union-attr]
    if snapshot().ended:
        press(Qt.Key.Key_R)
        until(lambda: not snapshot().ended)
    window._media.toggle_playing()
    until(lambda: snapshot().playback.paused)  # type: ignore[union-attr]
    media.seek(0.5)
    until(lambda: at(0.5))
    press(Qt.Key.Key_BracketLeft)
    media.seek(2.5)
    until(lambda: at(2.5))
    press(Qt.Key.Key_BracketRight)
    press(Qt.Key.Key_3, CONTROL)
    until(lambda: len(media.file.spans.spans) == 1)
    press(Qt.Key.Key_E, CONTROL)
    csv = folder / "annotations" / "annotations.csv"
    until(csv.is_file)
    press(Qt.Key.Key_H, CONTROL)
    until((folder / "report.html").is_file)
    with qtbot.waitSignal(window.finished, timeout=PATIENCE_MS):
        window.close()
    window.deleteLater()

    (item,) = annotations.read(csv).items
    assert (item.label, item.actor) == ("happy", "anna")
    clip = probe(csv.parent / item.video)
    assert clip.has_video
    assert clip.has_audio
    assert clip.duration_s == pytest.approx(2.0, abs=0.15)
    assert "by hand" in (folder / "report.html").read_text()
