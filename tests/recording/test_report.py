"""The report of a session."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from emolive.cli import main
from emolive.errors import MediaError
from emolive.recording.folder import read_recording
from emolive.recording.report import label_spans, report_html
from emolive.recording.report_subject import file_subject, recording_subject
from emolive.recording.spans import Span
from tests.helpers.media import write_media

LABELS = ("calm", "happy", "<b>&")


def row(t_s: float, label: str, fusion: str = "ia") -> dict[str, Any]:
    probs = dict.fromkeys(LABELS, 0.2) | ({label: 0.6} if label in LABELS else {})
    return {
        "file": "<demo>", "t_s": t_s + 100, "media_s": t_s, "fusion": fusion, "modality": "av",
        "probs": probs, "label": label, "confidence": 0.6, "baseline": "running", "summary": False,
    }  # fmt: skip


def recording(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> Path:
    folder.mkdir()
    write_media(folder / "recording.mp4", frame_ms=[40 * i for i in range(100)], codec="libx264")
    default = {"started": "2026-01-02T03:04:05+00:00", "session": {"person": "anna"}, "ended": {}}
    (folder / "settings.json").write_text(json.dumps(default | settings))
    (folder / "estimates.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    return folder


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    labels = ["calm"] * 4 + ["unsure"] * 2 + ["happy"] * 8 + ["<b>&"]
    return [row(0.24 * (i + 1), label) for i, label in enumerate(labels)]


class Page(HTMLParser):
    """Collects what a page refers to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [str(value) for name, value in attrs if name in ("src", "href", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_it_has_shares_timeline_and_longest_spans_and_loads_nothing(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    text = report_html(
        recording_subject(read_recording(recording(tmp_path / "take", rows))), [Span(0.5, 2.0, "happy")]
    )
    page = Page(text)
    assert page.references == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "<b>" not in text, "names are text, not markup"
    shares = re.findall(r"\n(\S+)\n(\d+)%", page.text)
    assert shares[:4] == [("happy", "53"), ("calm", "27"), ("unsure", "13"), ("<b>&", "7")]
    assert "1.9 s" in page.text, "eight windows of happy"
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL).group())  # type: ignore[union-attr]
    tips = [tip.text for tip in svg.iter("title")]
    assert tips == [
        "calm, 0:00 to 0:01", "happy, 0:02 to 0:04", "<b>&, 0:04 to 0:04", "happy, 0:00 to 0:02"
    ]  # fmt: skip
    assert len(list(svg.iter("polygon"))) == len(LABELS)


def test_a_gap_divides_spans_and_curves(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    late = [row(10 + 0.24 * i, "calm") for i in range(3)]
    take = read_recording(recording(tmp_path / "take", [*rows[:4], *late]))
    spans = label_spans(take.estimates)
    assert [(s.label, round(s.start_s, 2), round(s.duration_s, 2)) for s in spans] == [
        ("calm", 0.24, 0.96),
        ("calm", 10.0, 0.72),
    ]
    assert report_html(recording_subject(take)).count("<polygon") == 2 * len(LABELS)


def test_pictures_only_on_request_each_fusion_and_a_cut_off_recording(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    compared = [each for one in rows for each in (one, one | {"fusion": "lt"})]
    folder = recording(tmp_path / "take", compared, ended=None)
    text = report_html(recording_subject(read_recording(folder)), pictures=True)
    page = Page(text)
    assert len(page.references) == 6
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.references)
    assert "Fusion lt" in page.text
    assert "cut off" in page.text
    assert "15 estimates of each fusion" in page.text


def test_the_command_writes_it(
    tmp_path: Path, rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recording(tmp_path / "take", rows)
    assert main(["report", str(folder), "--out", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").is_file()
    capsys.readouterr()
    assert main(["report", str(folder)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["report", str(folder), "--overwrite"]) == 0
    assert main(["report", str(folder), "--overwrite", "--fusion", "lt"]) == 2
    assert "--fusion is for media files" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 2
    assert "is no recording" in capsys.readouterr().err
    with pytest.raises(MediaError, match="nothing to report"):
        recording_subject(read_recording(recording(tmp_path / "empty", [])))


def test_a_media_file_is_reported_like_a_recording(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    folder = recording(tmp_path / "take", rows)
    take = read_recording(folder)
    film = file_subject(take.media, take.estimates, person="anna")
    pages = [Page(report_html(subject)).text for subject in (film, recording_subject(take))]
    for text in pages:
        assert "estimates of each fusion" in text
        assert "anna" in text
    shares = [re.findall(r"\n(\S+)\n(\d+)%", text) for text in pages]
    assert shares[0] == shares[1]
    assert "File recording.mp4" in pages[0]
    with pytest.raises(MediaError, match="still being analysed"):
        file_subject(take.media, (), analysing=True)
    with pytest.raises(MediaError, match="nothing to report"):
        file_subject(take.media, ())
