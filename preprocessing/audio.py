"""The audio of a clip: of the window of its face crops, and of the full clip."""

from __future__ import annotations

import io
from math import ceil
from pathlib import Path

import numpy as np

from emolive.audio.levels import frame_levels_dbfs
from emolive.audio.resample import resample
from emolive.capture.container import open_media
from emolive.capture.decode import iter_media
from emolive.errors import MediaError
from emolive.time_series import Waveform
from emolive.types import AudioBlock, FloatArray
from preprocessing.faults import reading, whole_file
from preprocessing.records import AudioFormat

LEVEL_STEP_S = 0.02
SILENT_BELOW_DBFS = -60.0
"""A sound that never exceeds this is silent."""


def read_waveform(path: Path) -> Waveform:
    """All audio of a sound file or of a video, as a live session reads it.

    Raises:
        MediaError: it has no audio, is damaged, or ends before the length that its header states.
    """
    with reading(path, "a sound file"):
        try:
            with open_media(path):
                pass
        except MediaError:
            if (waveform := _read_with_soundfile(path)) is None:
                raise
            return waveform
        with whole_file() as on_corruption:
            blocks = iter_media(path, video=False, on_corruption=on_corruption)
            waveform = Waveform.from_blocks(block for block in blocks if isinstance(block, AudioBlock))
        if waveform is None or not len(waveform.samples):
            raise MediaError(f"{path.name} has no audio.")
        _refuse_shorter_than_stated(path, waveform)
    return waveform


def _read_with_soundfile(path: Path) -> Waveform | None:
    """The audio of a file in a format that FFmpeg does not know; None if soundfile does not either."""
    import soundfile

    try:
        stated = soundfile.info(path).frames
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError):
        return None
    if len(samples) < stated or not np.isfinite(samples).all():
        raise MediaError(f"{path.name} is damaged near {len(samples) / rate_hz:.1f} s.")
    return Waveform(samples.mean(axis=1, dtype=np.float32), int(rate_hz)) if len(samples) else None


def _refuse_shorter_than_stated(path: Path, waveform: Waveform) -> None:
    """Compare with the length in the header where FFmpeg trusts none (an MP3's Xing header)."""
    import soundfile

    if path.suffix.lower() != ".mp3":
        return
    with path.open("rb") as file:
        head = file.read(4096)
    if b"Xing" not in head and b"Info" not in head:
        return
    try:
        stated_s = soundfile.info(path).duration
    except soundfile.LibsndfileError:
        return
    read_s = len(waveform.samples) / waveform.rate_hz
    if read_s < 0.9 * stated_s - 0.2:
        raise MediaError(f"{path.name} is damaged near {read_s:.1f} s.")


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
