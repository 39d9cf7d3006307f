"""Voice activity detection with Silero VAD (Silero Team, MIT, https://github.com/snakers4/silero-vad).

The detector decides for steps of 120 ms, two of them in a bin of 240 ms. The recurrent network starts anew
for every bin and warms up on the second before it, so the probabilities of a bin depend on nothing but the
1.284 s of sound that end with it: they are the same live and offline, and are computed once. Sound before
a hole in the recording is left out rather than replaced by silence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.fft import next_fast_len, rfft
from scipy.signal.windows import hann

from emolive.audio.resample import AudioBuffer, ResampledReader
from emolive.clock import to_ns
from emolive.models.runtimes.session import create_session
from emolive.paths import read_asset
from emolive.types import AudioSegment, BoolArray, FloatArray

RATE_HZ = 16_000
BIN_S = 0.24
STEPS_PER_BIN = 2
STEP_S = BIN_S / STEPS_PER_BIN
SPEECH_PROBABILITY = 0.5
"""From this probability on a step is speech."""
CHUNK = 512
"""Samples that the network reads at a time: 32 ms."""
CHUNK_CONTEXT = 64
"""Samples before a chunk that it reads along with it."""
BIN_CHUNKS = 8
"""Chunks that overlap with a bin."""
WARM_UP_CHUNKS = 32
CONTEXT = CHUNK * (WARM_UP_CHUNKS + BIN_CHUNKS) + CHUNK_CONTEXT
"""Samples on which a bin depends."""
SILENCE_DBFS = -85.0
"""Nobody speaks in a bin that is quieter than this."""
TARGET_DBFS = -26.0
"""Level of the loudest quarter second at the network's input: it misses soft speech."""
MAX_GAIN_DB = 50.0
TONE_REACH_HZ = 15.0
TONE_MAX_REST = 0.01
"""Sound of which less than this share of the power is farther than TONE_REACH_HZ from its peak is a tone."""
RUMBLE_HZ = 40.0
"""What is lower does not count for that."""

_BIN_NS = to_ns(BIN_S)
_STEP = round(STEP_S * RATE_HZ)
_BIN = STEPS_PER_BIN * _STEP
_STATE = (1, 1, 128)


class SpeechDetector:
    """Speech probabilities of the steps of one buffer's windows, in any order; each bin is computed once.

    For one thread.
    """

    def __init__(self) -> None:
        self.n_computed = 0
        """Bins computed so far; all others were kept from earlier windows."""
        self._reader = ResampledReader(RATE_HZ)
        self._buffer: AudioBuffer | None = None
        self._generation = 0
        self._kept: dict[int, FloatArray] = {}
        """Probabilities of final bins by the position of their end, the least recently used first."""

    def read(self, buffer: AudioBuffer, end_ns: int, n_steps: int) -> FloatArray:
        """The speech probabilities of a window.

        Args:
            buffer: the sound, at any rate.
            end_ns: when the window ends.
            n_steps: its length in steps of `STEP_S`.

        Returns:
            (n_steps,) in 0..1; 0 where nothing was recorded.
        """
        n_bins = -(-n_steps // STEPS_PER_BIN)
        # Forwards in time, as the resampled reader likes it.
        bins = [self._bin(buffer, end_ns - i * _BIN_NS) for i in reversed(range(n_bins))]
        while len(self._kept) > 4 * n_bins:
            del self._kept[next(iter(self._kept))]
        return np.concatenate(bins)[n_bins * STEPS_PER_BIN - n_steps :]

    def _bin(self, buffer: AudioBuffer, end_ns: int) -> FloatArray:
        place = buffer.read_segment(end_ns, 0)
        if buffer is not self._buffer or place.generation != self._generation:
            self._buffer, self._generation, self._kept = buffer, place.generation, {}
        kept = self._kept.pop(place.end, None)
        if kept is None:
            # The bin is read by itself: what lies behind its end cannot influence it.
            segment = self._reader.read(buffer, end_ns, CONTEXT)
            kept = bin_probabilities(segment.samples, segment.present)
            self.n_computed += 1
            if not _is_final(place) or _position(buffer.read_segment(end_ns, 0)) != _position(place):
                return kept
        self._kept[place.end] = kept
        return kept


def _is_final(place: AudioSegment) -> bool:
    return place.end <= place.stable_until


def _position(place: AudioSegment) -> tuple[int, int]:
    return place.end, place.generation


def steps_in(seconds: float) -> int:
    """How many steps cover so many seconds."""
    return int(np.ceil(seconds / STEP_S - 1e-6))


def speech_of_frames(probabilities: FloatArray, n_frames: int, seconds: float) -> BoolArray:
    """Which frames of a window are speech.

    Args:
        probabilities: (steps,) of steps that end with the window and cover it.
        n_frames: into how many equal frames the window is divided.
        seconds: its length.

    Returns:
        (n_frames,), each by the step in which its middle lies.
    """
    before_end_s = (n_frames - np.arange(n_frames) - 0.5) * seconds / max(1, n_frames)
    steps = len(probabilities) - 1 - np.floor(before_end_s / STEP_S).astype(np.intp)
    speech: BoolArray = probabilities[np.maximum(0, steps)] >= SPEECH_PROBABILITY
    return speech


def bin_probabilities(samples: FloatArray, present: BoolArray) -> FloatArray:
    """The speech probabilities of one bin.

    Args:
        samples: (CONTEXT,) mono at 16 kHz in -1..1 that end with the bin.
        present: (CONTEXT,) which samples were recorded.

    Returns:
        (STEPS_PER_BIN,) in 0..1; 0 where nothing was recorded.
    """
    probabilities = np.zeros(STEPS_PER_BIN, np.float32)
    recorded, n_missing = _newest_recorded(samples, present)
    n_chunks = len(recorded) // CHUNK
    if n_missing >= _BIN or not n_chunks:
        return probabilities
    recorded = recorded - recorded.mean(dtype=np.float64).astype(np.float32)
    # Chunks count from the end, so that they are the same ones whatever lies before.
    powers = np.square(recorded[-n_chunks * CHUNK :], dtype=np.float64).reshape(n_chunks, CHUNK).mean(axis=1)
    if powers[-BIN_CHUNKS:].mean() < 10 ** (SILENCE_DBFS / 10):
        return probabilities
    padded = np.concatenate([np.zeros(CHUNK_CONTEXT, np.float32), recorded])[
        -(CHUNK_CONTEXT + n_chunks * CHUNK) :
    ]
    of_chunks = _run(padded * _gain(powers), n_chunks)
    if of_chunks[-BIN_CHUNKS:].max() >= SPEECH_PROBABILITY and _is_tone(recorded):
        return probabilities
    # Samples from the middle of a chunk to the end of the bin.
    before_end = n_missing + (np.arange(n_chunks)[::-1] + 0.5) * CHUNK
    for step in range(STEPS_PER_BIN):
        latest = (STEPS_PER_BIN - 1 - step) * _STEP
        inside = (before_end >= latest) & (before_end <= latest + _STEP)
        if inside.any():
            probabilities[step] = of_chunks[inside].mean()
    return probabilities


def _newest_recorded(samples: FloatArray, present: BoolArray) -> tuple[FloatArray, int]:
    """The last stretch without a hole, and how many samples are missing behind it."""
    recorded = np.flatnonzero(present)
    if not len(recorded):
        return samples[:0], len(samples)
    end = int(recorded[-1]) + 1
    holes = np.flatnonzero(~present[:end])
    return samples[int(holes[-1]) + 1 if len(holes) else 0 : end], len(samples) - end


def _gain(powers: np.ndarray[Any, np.dtype[np.float64]]) -> np.float32:
    """The factor that brings the loudest quarter second to TARGET_DBFS; (chunks,) powers."""
    width = min(BIN_CHUNKS, len(powers))
    loudest = np.convolve(powers, np.full(width, 1 / width), mode="valid").max()
    gain_db = TARGET_DBFS - 10 * np.log10(loudest)
    return np.float32(10 ** (min(gain_db, MAX_GAIN_DB) / 20))


def _is_tone(samples: FloatArray) -> bool:
    """Whether nearly all power lies around one frequency.

    The network takes a low tone whose level rises and falls a few times a second for a voice. Of a voice,
    spoken or sung, 13 % and more of the power lie elsewhere; of a tone, with tremolo or vibrato, below 0.1 %.
    """
    n = next_fast_len(len(samples), real=True)
    power = np.square(np.abs(rfft(samples * hann(len(samples), sym=False), n)))
    hz = np.arange(len(power)) * (RATE_HZ / n)
    power[hz < RUMBLE_HZ] = 0.0
    elsewhere = np.abs(hz - hz[power.argmax()]) > TONE_REACH_HZ
    return bool(power[elsewhere].sum() < TONE_MAX_REST * power.sum())


def _run(samples: FloatArray, n_chunks: int) -> FloatArray:
    """(CHUNK_CONTEXT + n_chunks * CHUNK,) → (n_chunks,) probabilities, from the network's initial state."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, CHUNK_CONTEXT + CHUNK)[::CHUNK]
    state = np.zeros(_STATE, np.float32)
    inputs = {"input": np.ascontiguousarray(windows, np.float32), "h": state, "c": state}
    return np.asarray(_session().run(["speech_probs"], inputs)[0], np.float32).reshape(n_chunks)


@lru_cache(maxsize=1)
def _session() -> Any:
    """The network; its sessions may run in several threads at once."""
    return create_session(read_asset("audio", "silero_vad.onnx"), "silero_vad.onnx", threads=1)
