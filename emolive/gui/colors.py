"""The colours of the window, by their use, and those of the emotions.

`COLORS` are the ones in use: `emolive.gui.theme.apply` changes their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from PySide6.QtGui import QColor

from emolive.types import Severity


@dataclass(slots=True)
class Colors:
    """Colours by their use."""

    background: str
    surface: str
    """Panels and inactive controls."""
    raised: str
    """Controls, menus and tooltips."""
    groove: str
    """Behind a bar."""
    line: str
    text: str
    dim: str
    """Secondary text."""
    faint: str
    """Disabled text."""
    accent: str
    """What the mouse is over, and links."""
    focus: str
    """Round what has the keyboard; unlike `accent`, so that both can be told apart."""
    primary: str
    primary_hover: str
    primary_line: str
    primary_text: str
    """On `primary`."""
    letterbox: str
    """Around an image whose aspect ratio differs from its widget's."""
    scrim: tuple[int, int, int, int]
    """RGBA over the window while a page lies over it."""
    plate: tuple[int, int, int, int]
    """RGBA under text on the image."""
    plate_text: str
    """Text on `plate`."""
    ink: str
    """Text on a coloured plate."""
    face: str
    """The face's part of an answer."""
    voice: str
    """The voice's part of an answer."""
    levels: dict[Severity, str] = field(default_factory=dict)
    levels_on_plate: dict[Severity, str] = field(default_factory=dict)
    """The same on `plate`, which is dark in every theme."""
    emotions: dict[str, str] = field(default_factory=dict)
    """Based on the palette of Okabe and Ito (2008), which the colour-blind can tell apart."""


_ON_PLATE: dict[Severity, str] = {
    "ok": "#3fcf8e",
    "info": "#7fb8ff",
    "warning": "#ffc247",
    "error": "#ff6f61",
}

DARK = Colors(
    background="#12151b",
    surface="#1b2029",
    raised="#262d39",
    groove="#262d39",
    line="#343d4c",
    text="#edf1f7",
    dim="#a3aec0",
    faint="#8793a6",
    accent="#7fb8ff",
    focus="#ffd75e",
    primary="#2b5d96",
    primary_hover="#3570b1",
    primary_line="#4d8ccf",
    primary_text="#f4f8fd",
    letterbox="#0b0d11",
    scrim=(10, 12, 16, 190),
    plate=(16, 19, 26, 215),
    plate_text="#edf1f7",
    ink="#10131a",
    face="#6ec6f5",
    voice="#ffa62b",
    levels=_ON_PLATE,
    levels_on_plate=_ON_PLATE,
    emotions={
        "neutral": "#c3cad6",
        "calm": "#6ec6f5",
        "happy": "#f7e04b",
        "sad": "#3f86ee",
        "angry": "#ff6230",
        "fearful": "#d58ad0",
        "disgust": "#1fbf8b",
        "surprised": "#ffa62b",
    },
)

LIGHT = Colors(
    background="#eef1f5",
    surface="#ffffff",
    raised="#f6f8fb",
    groove="#e3e8ef",
    line="#c3cbd6",
    text="#161b24",
    dim="#4d5869",
    faint="#6a7586",
    accent="#1668c4",
    focus="#b34700",
    primary="#2468ad",
    primary_hover="#1d5894",
    primary_line="#1d5894",
    primary_text="#ffffff",
    letterbox="#dde2e9",
    scrim=(40, 48, 60, 150),
    plate=(16, 19, 26, 215),
    plate_text="#edf1f7",
    ink="#10131a",
    face="#2a92cf",
    voice="#d97f00",
    levels={"ok": "#0a7d4f", "info": "#1668c4", "warning": "#8f5b00", "error": "#bf2a1d"},
    levels_on_plate=_ON_PLATE,
    emotions={
        "neutral": "#8f99a8",
        "calm": "#4fb4ec",
        "happy": "#e3c71a",
        "sad": "#4683dd",
        "angry": "#f05a28",
        "fearful": "#c97bc3",
        "disgust": "#14a678",
        "surprised": "#f39a1d",
    },
)


def _copy(colors: Colors) -> Colors:
    return Colors(**{item.name: getattr(colors, item.name) for item in fields(Colors)})


COLORS = _copy(DARK)
"""The colours in use."""

_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}


def emotion_colors(labels: Sequence[str]) -> tuple[QColor, ...]:
    """A colour for each label: fixed for the built-in emotions, the remaining ones for other labels."""
    names = [_SYNONYMS.get(label.lower(), label.lower()) for label in labels]
    unused = [color for name, color in COLORS.emotions.items() if name not in names]
    unused = unused or list(COLORS.emotions.values())
    others = 0
    colors = []
    for name in names:
        color = COLORS.emotions.get(name)
        if color is None:
            color = unused[others % len(unused)]
            others += 1
        colors.append(QColor(color))
    return tuple(colors)


def label_color(labels: Sequence[str], label: str | None) -> QColor | None:
    """The colour of one of the labels; None for none."""
    return None if label is None else emotion_colors(labels)[list(labels).index(label)]


def rgba(color: tuple[int, int, int, int]) -> QColor:
    """A colour with transparency."""
    return QColor(*color)


def contrast(first: QColor, second: QColor) -> float:
    """Of two colours, as WCAG 2 defines it: 1 for the same, 21 for black on white."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def readable(color: QColor, ground: str, at_least: float = 4.5) -> QColor:
    """The colour, moved towards the text colour until text in it can be read on `ground`."""
    text, result = QColor(COLORS.text), QColor(color)
    for step in range(1, 11):
        if contrast(result, QColor(ground)) >= at_least:
            break
        share = step / 10
        result = QColor.fromRgbF(
            color.redF() * (1 - share) + text.redF() * share,
            color.greenF() * (1 - share) + text.greenF() * share,
            color.blueF() * (1 - share) + text.blueF() * share,
        )
    return result


def _luminance(color: QColor) -> float:
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def set_colors(colors: Colors) -> None:
    """Use these colours from now on; widgets show them after `apply`."""
    for item in fields(Colors):
        setattr(COLORS, item.name, getattr(colors, item.name))
