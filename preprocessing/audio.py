"""The sound of a clip: of the same window as its crops, and whole."""

from __future__ import annotations

import io
from math import ceil
from typing import Literal

import numpy as np

from emolive.audio.resample import resample
from emolive.audio.vad import frame_levels_dbfs
from emolive.types import FloatArray
from emolive.windowing import Waveform

LEVEL_STEP_S = 0.02


def window_of(sound: Waveform, end_ns: int, n: int, rate_hz: int) -> tuple[FloatArray, tuple[float, float]]:
    """The `n` samples at `rate_hz` that end at `end_ns`, resampled as a live window is.

    Returns:
        (n,) float32, zero outside the clip; and from where to where in the window, in seconds, the clip
        reaches.
    """
    samples, present = sound.read(end_ns, ceil(n * sound.rate_hz / rate_hz))
    at_rate: FloatArray = resample(samples, sound.rate_hz, rate_hz)[-n:]
    inside = np.flatnonzero(present)
    span = (inside[0] / sound.rate_hz, (inside[-1] + 1) / sound.rate_hz) if len(inside) else (0.0, 0.0)
    return at_rate, (round(float(span[0]), 4), round(float(span[1]), 4))


def loudest_dbfs(sound: Waveform) -> float:
    """Level of the loudest 20 ms."""
    steps = max(1, round(len(sound.samples) / sound.rate_hz / LEVEL_STEP_S))
    return float(frame_levels_dbfs(sound.samples, steps).max())


def encode_sound(samples: FloatArray, rate_hz: int, audio_format: Literal["flac", "wav"]) -> bytes:
    """As a file of 16-bit mono; what is louder than full scale is cut to it."""
    import soundfile

    file = io.BytesIO()
    atomic_write = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(file, atomic_write, rate_hz, format=audio_format.upper(), subtype="PCM_16")
    return file.getvalue()
