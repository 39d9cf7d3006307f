"""A new user's way on a real window, with real keys and a real mouse, from the first start to a report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emolive.capture.decode import probe
from emolive.recording.folder import read_recording
from preprocessing import annotations
from tests.helpers.desktop import PATIENCE_S, Desktop, needs_desktop

pytestmark = [*needs_desktop, pytest.mark.slow, pytest.mark.timeout(900)]
RUNNER = Path(__file__).with_name("run_told.py")
N_ROWS = 12
"""Three seconds of the demo."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Desktop]]:
    desktops: list[Desktop] = []

    def begin(source: str) -> Desktop:
        desktops.append(Desktop(tmp_path, [str(RUNNER), source]))
        return desktops[-1]

    yield begin
    for desktop in desktops:
        desktop.close()


def greeted(desktop: Desktop, home: Path) -> str:
    """The window after its welcome and the check of the devices, by Enter."""
    window = desktop.window()
    desktop.do("windowfocus", "--sync", window)
    settings = home / "window.ini"

    def welcomed() -> bool:
        return settings.is_file() and "welcomed=true" in settings.read_text()

    desktop.press_until("Return", welcomed, "the end of the welcome")
    return window


def leave(desktop: Desktop) -> None:
    desktop.do("key", "ctrl+q")
    assert desktop.app.wait(PATIENCE_S) == 0
    assert desktop.errors() == "", "nothing is written to the terminal"


def now(desktop: Desktop) -> str:
    """The state of the open file."""
    desktop.listen()
    states = (line for line in reversed(desktop.said) if line.startswith(("plays", "paused", "ended")))
    return next(states, "")


def label_and_export(desktop: Desktop, folder: Path, spans: str) -> Path:
    """Label the open file from its beginning on as happy, and export that; returns the annotations.

    `folder` gets them; `spans` is the pattern of the file in which the spans are kept.
    """
    desktop.expect(lambda line: line.endswith(" analysed"))
    if not now(desktop).startswith("paused"):
        # At its end it begins to play again: so it is paused from the beginning on.
        desktop.press("Home", lambda line: line.startswith(("plays", "paused")))
        if now(desktop).startswith("plays"):
            desktop.press_until("space", lambda: now(desktop).startswith("paused"), "the pause")
    desktop.press_until("Home", lambda: now(desktop).startswith("paused 0.0"), "the beginning")
    desktop.do("key", "bracketleft")
    desktop.do("key", "Right")
    desktop.until(lambda: re.match(r"paused [1-9]", now(desktop)), "a later position")
    desktop.do("key", "bracketright")
    desktop.do("key", "ctrl+3")
    home = next(parent for parent in folder.parents if parent.name == "recordings")
    desktop.until(lambda: list(home.glob(spans)), "the span")
    desktop.do("key", "ctrl+e")
    csv = folder / "annotations" / "annotations.csv"
    desktop.until(csv.is_file, "the annotations")
    return csv


def test_from_the_first_start_to_a_report(start: Callable[[str], Desktop], tmp_path: Path) -> None:
    desktop = start("demo")
    window = greeted(desktop, tmp_path)
    desktop.expect("answers")
    # Once: the second press would end it.
    desktop.do("key", "e")
    desktop.expect(lambda line: line.startswith("start_recording"))
    (folder,) = (tmp_path / "recordings").iterdir()
    rows = folder / "estimates.jsonl"
    desktop.until(lambda: rows.is_file() and rows.read_text().count("\n") >= N_ROWS, "the rows")
    desktop.do("key", "e")
    desktop.expect("stop_recording")
    recording = read_recording(folder)
    assert recording.complete
    assert len(recording.estimates) >= N_ROWS

    desktop.press("ctrl+r", f"opened {folder}")
    csv = label_and_export(desktop, folder, "*/spans.json")
    desktop.press("2", "set_fusion it")
    desktop.do("key", "ctrl+h")
    report = folder / "report.html"
    desktop.until(report.is_file, "the report")
    desktop.do("key", "s")
    desktop.until(lambda: list((tmp_path / "recordings").glob("*.png")), "the snapshot")
    # The demo again, by the mouse: the second entry of the picker on top on the left.
    desktop.open_popup(window, 140, 40)
    desktop.do("key", "Escape")
    leave(desktop)

    (item,) = annotations.read(csv).items
    assert (item.label, item.actor) == ("happy", "guest")
    clip = probe(csv.parent / item.video)
    assert clip.has_video
    assert clip.has_audio
    html = report.read_text()
    assert "by hand" in html
    assert "The drawn demo, not a person." in html
    assert not re.search(r"(?:src|href)=[\"']?https?:", html), "it needs no network"
    assert json.loads((folder / "settings.json").read_text())["ended"]["reason"] == "stopped"


@pytest.mark.data
def test_a_real_clip_from_the_first_start_to_annotations(
    start: Callable[[str], Desktop], tmp_path: Path, real_clips: list[Path]
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(real_clips[0].read_bytes())
    desktop = start(str(clip))
    greeted(desktop, tmp_path)
    csv = label_and_export(desktop, tmp_path / "recordings" / "exports" / "clip", "spans/clip.mp4-*.json")
    desktop.do("key", "e")  # a file is not recorded, which is said
    leave(desktop)
    (item,) = annotations.read(csv).items
    assert item.label == "happy"
    assert probe(csv.parent / item.video).has_video
    assert not [path for path in (tmp_path / "recordings").iterdir() if path.name not in ("exports", "spans")]
