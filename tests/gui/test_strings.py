"""The texts of the window: all of them are in the catalogue."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget

from emolive import gui
from emolive.gui import i18n, strings
from emolive.gui.status_texts import LATER_BADGES
from emolive.types import Modality, Status
from tests.helpers.error_texts import raised
from tests.helpers.status_texts import reported
from tests.helpers.window_driver import WindowDriver

SOURCES = sorted(Path(gui.__file__).parent.rglob("*.py"))
WRITES_TEXT = {
    "QAction",
    "QLabel",
    "QPushButton",
    "addAction",
    "addItem",
    "drawText",
    "setAccessibleDescription",
    "setAccessibleName",
    "setLabelText",
    "setPlaceholderText",
    "setText",
    "setToolTip",
    "setWindowTitle",
    "show_message",
}
"""Functions that show a text."""
SAME_IN_EVERY_LANGUAGE = {"emolive", "–", ""}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            yield getattr(function, "attr", getattr(function, "id", "")), node


def catalogue_keys() -> set[str]:
    """Every literal in `tr(...)` and `noop(...)`."""
    return {
        call.args[0].value
        for path in SOURCES
        for name, call in calls(path)
        if name in ("tr", "noop") and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_widget_has_a_text_outside_the_catalogue(path: Path) -> None:
    for name, call in calls(path):
        literals = [
            arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if name in WRITES_TEXT:
            assert set(literals) <= SAME_IN_EVERY_LANGUAGE, f"{path.name}:{call.lineno}"


def texts_of(widget: QWidget) -> Iterator[str]:
    """Every visible or accessible text of a widget."""
    yield widget.toolTip()
    yield widget.accessibleName()
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    if isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(i) for i in range(widget.count()))
    yield from (action.text() for action in widget.actions() if isinstance(action, QAction))


def test_all_widgets_follow_the_language(driver: WindowDriver) -> None:
    """Every text is marked by a made-up language; only names and values have no mark."""
    i18n.use_messages({text: f"⟦{text}⟧" for text in catalogue_keys()})
    window = driver.open()
    driver.until(lambda: window.view.video.state.estimate is not None)
    names = {"emolive", "ia", "Late transformer (lt)", "Intermediate transformer (it)"}
    names |= {"Intermediate attention (ia)", "–", "•"}
    statuses = {status.text for status in driver.session.snapshot().statuses}
    unmarked = set()
    for widget in (window, *window.findChildren(QWidget)):
        for text in texts_of(widget):
            if widget.objectName() == "keys":
                continue  # names of keys are the same in every language
            plain = re.sub(r"<[^>]*>|&nbsp;|●", "", text).strip()
            if plain and "⟦" not in plain and plain not in names | statuses:
                unmarked.add(plain)
    assert unmarked == set()
    for keys, meaning in window.view.help.rows:
        assert meaning.startswith("⟦"), keys
    estimate = window.view.video.state.estimate
    assert estimate is not None
    assert "⟦" in estimate.caption
    assert "⟦" in window.view.results.headline.text()


def test_another_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)
    catalogue = {"Automatic": "Automatisch", "Camera {index}": "Kamera {index}", "unsure": "{wrong}"}
    (tmp_path / "de.json").write_text(json.dumps(catalogue), encoding="utf-8")
    assert i18n.languages() == ("en", "de")
    assert i18n.use_language(["fr", "de-CH", "en"]) == "de"
    assert strings.source_title("auto") == "Automatisch"
    assert strings.source_title("1") == "Kamera 1"
    assert strings.source_title("demo") == "Drawn demo", "what is missing stays English"
    assert i18n.tr("unsure") == "unsure", "other placeholders are not accepted"
    assert i18n.use_language(["en-GB", "de"]) == "en"
    assert strings.source_title("auto") == "Automatic"
    assert i18n.use_language(["fr"]) == "en"


def test_titles_of_other_modules_are_in_the_catalogue() -> None:
    assert {modality.title for modality in Modality} <= catalogue_keys()


def test_catalogues_have_no_stale_texts() -> None:
    for path in i18n.LOCALE_DIR.glob("*.json"):
        assert set(json.loads(path.read_text(encoding="utf-8"))) <= catalogue_keys(), path.name


def test_german_is_complete_and_keeps_the_placeholders() -> None:
    german = json.loads((i18n.LOCALE_DIR / "de.json").read_text(encoding="utf-8"))
    assert catalogue_keys() - set(german) == set(), "texts without a translation in locale/de.json"
    for text, translated in german.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", translated)), text


MEASURED = {"{} ms", "{} s"}
FILLED_WITH_WORDS = {"{} has no {}.": ("picture", "sound")}
"""Templates whose value is a word: they are translated for each word."""


def test_every_source_and_code_that_a_session_reports_has_a_translation() -> None:
    i18n.use_language(["de"])
    named = {**strings.BADGES, **LATER_BADGES}
    german = i18n._messages
    places = list(reported())
    assert len(places) > 60, "the code is read"
    for place in places:
        if place.source is not None:
            assert named.get(place.source) in german, f"{place.where}: a badge {place.source}"
        if place.code not in (None, "measured"):
            assert place.code.replace("_", " ") in german, f"{place.where}: a code {place.code}"


def test_every_sentence_that_a_session_reports_has_a_translation() -> None:
    """What is written in the code; for a sentence that an error brings along see the test of errors."""
    i18n.use_language(["de"])
    sentences = {text: place.where for place in reported() for text in place.templates}
    assert len(sentences) > 40, "the code is read"
    missing = set()
    for template, where in sentences.items():
        for word in FILLED_WITH_WORDS.get(template, ("X1",)):
            text = re.sub(r"{}(?=[^{}]*$)", word, template).replace("{}", "X2")
            if template not in MEASURED and strings.session_text(text) == text:
                missing.add(f"{where}: {text}")
    assert missing == set()


NOT_IN_THE_WINDOW = (
    "cli/",
    "gui/display.py",
    "models/io/chumachenko2022.py",
    "models/io/onnx_export.py",
)
"""Commands of a terminal, and what there is before a window."""
DEVICES = (("camera", "X"), ("microphone", "X"))
FILLED = {
    "{} {}.": tuple(
        ("X", text)
        for text in (
            "asks for a user name and password, or refuses those in its address",
            "forbids access: check the user name and password",
            "does not exist: check the address",
            "is no video or sound that can be read",
            "cannot be opened: nothing answers there, check the address and the port",
        )
    ),
    "There is no {} {}.": DEVICES,
    "There is no {} {}: choose one of {}.": tuple((*each, "X") for each in DEVICES),
    "There is no {} {}: no {} is connected to this computer.": (
        ("camera", "X", "camera"),
        ("microphone", "X", "microphone"),
    ),
    "The {} {} is not connected: connect it again.": DEVICES,
    "The {} {} is not connected: connect it again, or choose {}.": tuple((*each, "X") for each in DEVICES),
    "Several {}s are called {} now, and they cannot be told apart: choose one.": DEVICES,
    "Several {}s are called {}: choose one by its index ({}).": tuple((*each, "X") for each in DEVICES),
    "{} has no {} track {}: it has none.": (("X", "video", "X"), ("X", "sound", "X")),
    "{} has no {} track {}: it has only {}.": (("X", "video", "X", "X"), ("X", "sound", "X", "X")),
}
"""Templates in which words of emolive's own fill a place: they are translated for each word."""
SENTENCES_OF_OTHERS = {
    "str(error)",
    "self._no_answer",
    "tr('Mark where the span begins first: press [ there.')",
}
"""Texts that are made, or translated, elsewhere."""


def test_every_sentence_of_an_error_that_the_window_can_show_has_a_translation() -> None:
    i18n.use_language(["de"])
    places = list(raised(NOT_IN_THE_WINDOW))
    assert len(places) > 180, "the code is read"
    unread = {place.expression for place in places if not place.templates}
    assert unread <= SENTENCES_OF_OTHERS
    missing = set()
    for place in places:
        for template in place.templates:
            fields = template.count("{}")
            for values in FILLED.get(template, (tuple(f"X{i}" for i in range(fields)),)):
                text = template.format(*values)
                if strings.session_text(text) == text:
                    missing.add(f"{place.where}: {text}")
    assert missing == set()


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("There is no file /a/b.mp4: check the path.", "Es gibt keine Datei /a/b.mp4: Prüfen Sie den Pfad."),
        (
            "Loading lt failed: The checkpoint lt.safetensors is empty: download or train it again.",
            "Das Laden von lt ist gescheitert: Der Checkpoint lt.safetensors ist leer: "
            "Laden oder trainieren Sie ihn neu.",
        ),
        (
            "/x cannot be written: No space left on device.",
            "/x kann nicht geschrieben werden: Der Datenträger ist voll.",
        ),
        (
            "The neutral baseline of the face and voice of Anna is saved.",
            "Die neutrale Basislinie (Gesicht und Stimme) von Anna ist gespeichert.",
        ),
        (
            "You looked angry, so nothing is stored: calibrate again with a relaxed face.",
            "Sie wirkten wütend, daher ist nichts gespeichert: "
            "Kalibrieren Sie noch einmal mit entspanntem Gesicht.",
        ),
    ],
)
def test_sentences_within_sentences_are_translated(text: str, german: str) -> None:
    i18n.use_language(["de"])
    assert strings.session_text(text) == german


def test_a_refused_command_is_said_in_the_language_of_the_window(driver: WindowDriver) -> None:
    i18n.use_language(["de"])
    window = driver.open()
    driver.session.refusal = "Only a file can be paused and searched: open one."
    window.controller.submit(lambda session: session.seek(1.0))
    driver.until(lambda: "Öffnen Sie eine" in window.view.status_bar.text)


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("Desk camera is live.", "Desk camera läuft."),
        ("Desk camera failed and has ended: No.", "Desk camera ist ausgefallen und beendet: No."),
        (
            "No microphone was found; estimates use the face only.",
            "No microphone was found; geschätzt wird nur aus dem Gesicht.",
        ),
        ("clip.mp4 has no sound.", "clip.mp4 hat keinen Ton."),
    ],
)
def test_the_sentence_that_fits_best_is_taken(text: str, german: str) -> None:
    i18n.use_language(["de"])
    assert strings.status_text(Status("x", "ok", "y", text)) == german


def test_sentences_of_the_session_are_translated_with_their_values() -> None:
    assert i18n.use_language(["de"]) == "de"
    text = "Relative to the 12 s of this face so far."
    assert strings.status_text(Status("baseline", "ok", "running", text)) == (
        "Relativ zu den bisher 12 s dieses Gesichts."
    )
    assert strings.status_text(Status("x", "ok", "y", "Nobody has translated this.")) == (
        "Nobody has translated this."
    )


@pytest.mark.parametrize(
    ("source", "kind", "title"),
    [
        ("auto", "auto", "Automatic"),
        ("demo", "demo", "Drawn demo"),
        ("none", "none", "No video"),
        ("0", "camera", "Camera 0"),
        ("/dev/video0", "camera", "Camera 0"),
        ("USB2.0 HD UVC WebCam: USB2.0 HD", "camera", "USB2.0 HD UVC WebCam: USB2.0 HD"),
        ("http://10.0.0.2:8080/video", "stream", "10.0.0.2:8080"),
        ("rtsp://me:secret@10.0.0.2/video", "stream", "10.0.0.2"),
        ("USB Camera v1.05", "camera", "USB Camera v1.05"),
        ("file:///a/clip.mp4", "file", "clip.mp4"),
        ("~x", "file", "~x"),
        ("Demo", "demo", "Drawn demo"),
        ("clips/one.mp4", "file", "one.mp4"),
        ("one.webm", "file", "one.webm"),
    ],
)
def test_sources_have_titles(source: str, kind: str, title: str) -> None:
    assert strings.source_kind(source) == kind
    assert strings.source_title(source) == title


@pytest.mark.parametrize(
    ("mic", "title"),
    [
        ("auto", "Automatic"),
        ("default", "Default microphone"),
        ("none", "No audio"),
        ("3", "Microphone 3"),
        ("Desk", "Desk"),
    ],
)
def test_microphones_have_titles(mic: str, title: str) -> None:
    assert strings.mic_title(mic) == title
