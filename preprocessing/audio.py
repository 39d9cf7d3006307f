"""The audio of a clip: of the window of its face crops, and of the full clip."""

from __future__ import annotations

import io
from math import ceil

import numpy as np

from emolive.audio.levels import frame_levels_dbfs
from emolive.audio.resample import resample
from emolive.types import FloatArray
from emolive.windowing import Waveform
from preprocessing.records import AudioFormat

LEVEL_STEP_S = 0.02
SILENT_BELOW_DBFS = -60.0
"""A sound that never exceeds this is silent."""


def extract_audio_window(
    waveform: Waveform, end_ns: int, n: int, rate_hz: int
) -> tuple[FloatArray, tuple[float, float]]:
    """The `n` samples at `rate_hz` that end at `end_ns`, resampled as a live window is.

    Returns:
        (n,) float32, zero outside the clip; and the span of the clip within the window in seconds.
    """
    samples, present = waveform.read(end_ns, ceil(n * waveform.rate_hz / rate_hz))
    window = resample(samples, waveform.rate_hz, rate_hz)[-n:]
    inside = np.flatnonzero(present)
    span = (0.0, 0.0)
    if len(inside):
        span = float(inside[0] / waveform.rate_hz), float((inside[-1] + 1) / waveform.rate_hz)
    return window, (round(span[0], 4), round(span[1], 4))


def peak_level_dbfs(waveform: Waveform) -> float:
    """Level of the loudest 20 ms."""
    steps = max(1, round(len(waveform.samples) / waveform.rate_hz / LEVEL_STEP_S))
    return float(frame_levels_dbfs(waveform.samples, steps).max())


def encode_audio(samples: FloatArray, rate_hz: int, audio_format: AudioFormat) -> bytes:
    """A file of 16-bit mono audio. Samples beyond full scale are clipped.

    Args:
        samples: (n,) in -1..1.
        rate_hz: their rate.
        audio_format: of the file.
    """
    import soundfile

    file = io.BytesIO()
    pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(file, pcm, rate_hz, format=audio_format.upper(), subtype="PCM_16")
    return file.getvalue()
