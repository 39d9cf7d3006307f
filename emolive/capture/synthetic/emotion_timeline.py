"""Which emotion the drawn demo plays when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

OPENING_S = 6.0
"""Neutral at the start of a pass, long enough for a running baseline to settle."""
EMOTION_S = 5.0
ORDER = ("happy", "sad", "angry", "calm", "surprised", "disgust", "fearful")
"""After neutral; each differs clearly from the one before."""
TRANSITION_S = 0.6
"""Time in which one expression turns into the next, from the change on."""


def _segments() -> tuple[tuple[float, str], ...]:
    """(start in seconds, emotion) of one pass."""
    segments: list[tuple[float, str]] = [(0.0, "neutral")]
    t_s = OPENING_S
    for emotion in ORDER:
        segments.append((t_s, emotion))
        t_s += EMOTION_S
    return tuple(segments)


SEGMENTS = _segments()
PASS_S = OPENING_S + len(ORDER) * EMOTION_S
"""Length of one pass; after it the next begins."""

_STARTS = np.array([start for start, _ in SEGMENTS])


def emotion_at(t_s: float) -> str:
    """The emotion at `t_s` seconds; passes repeat."""
    return SEGMENTS[_index(t_s % PASS_S)][1]


def mix_at(t_s: float) -> NDArray[np.float64]:
    """(8,) weights in the order of `EMOTIONS`, summing to 1; two of them share a transition."""
    t_s %= PASS_S
    index = _index(t_s)
    start, emotion = SEGMENTS[index]
    before = SEGMENTS[index - 1][1]
    x = min((t_s - start) / TRANSITION_S, 1.0)
    share = x * x * (3.0 - 2.0 * x)
    weights = np.zeros(len(EMOTIONS))
    weights[EMOTIONS.index(before)] += 1.0 - share
    weights[EMOTIONS.index(emotion)] += share
    return weights


def middle_of(emotion: str) -> float:
    """Seconds from the start of a pass to the middle of an emotion's first turn."""
    index = [name for _, name in SEGMENTS].index(emotion)
    end = SEGMENTS[index + 1][0] if index + 1 < len(SEGMENTS) else PASS_S
    return (SEGMENTS[index][0] + end) / 2


def _index(t_s: float) -> int:
    return int(np.searchsorted(_STARTS, t_s, side="right")) - 1
