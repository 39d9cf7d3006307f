"""Synthetic audio signals."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np

from emolive.audio.resample import resample
from emolive.capture.synthetic.voice import RATE_HZ as VOICE_RATE_HZ
from emolive.capture.synthetic.voice import Voice
from emolive.types import FloatArray


def sine(hz: float, rate_hz: int, seconds: float, amplitude: float = 1.0) -> FloatArray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def noise(rate_hz: int, seconds: float, dbfs: float = 0.0, seed: int = 0) -> FloatArray:
    """White noise of one level."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def restless_noise(rate_hz: int, seconds: float, seed: int = 0) -> FloatArray:
    """White noise whose level changes every 200 ms, over 70 dB."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    levels = np.repeat(10 ** rng.uniform(-4, -0.5, ceil(seconds * 5) + 1), rate_hz // 5)
    levels = np.append(levels, np.full(max(0, n - len(levels)), levels[-1]))[:n]
    return (rng.standard_normal(n) * levels).astype(np.float32)


def spoken(rate_hz: int, seconds: float) -> FloatArray:
    """The drawn demo's voice: sentences without words, the same at every rate."""
    return resample(_demo_voice(ceil(seconds)), VOICE_RATE_HZ, rate_hz)[: round(seconds * rate_hz)]


@lru_cache(maxsize=4)
def _demo_voice(seconds: int) -> FloatArray:
    return Voice().read(seconds * VOICE_RATE_HZ)


def tremolo(rate_hz: int, seconds: float, hz: float = 220.0, beats_hz: float = 4.0) -> FloatArray:
    """A tone whose level rises and falls as syllables do."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return sine(hz, rate_hz, seconds, 0.3) * (0.5 + 0.5 * np.sin(2 * np.pi * beats_hz * t)).astype(np.float32)


def music(rate_hz: int, seconds: float, seed: int = 0) -> FloatArray:
    """Chords of four notes with harmonics, a bass and a drum on every beat."""
    rng, t = np.random.default_rng(seed), np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.zeros(len(t))
    for beat in range(ceil(seconds * 2)):
        since = t - beat / 2
        on = np.where(since >= 0, np.exp(-6 * np.maximum(since, 0)), 0.0)
        for semitones in rng.choice([0, 3, 5, 7, 10, 12], 4, replace=False):
            hz = 220 * 2 ** (semitones / 12)
            sound += 0.05 * on * sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 6))
        sound += 0.15 * on * np.sin(2 * np.pi * 55 * t)
        sound += 0.1 * on**6 * rng.standard_normal(len(t))
    return sound.astype(np.float32)
