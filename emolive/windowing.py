"""From frames and sound to a model's input: what live, files and training all go through.

`FrameSampler` says which frames are looked at, `gather` cuts a window out of whatever holds the
vectors and the sound (rings when live, whole-clip arrays offline), and the result is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emolive.audio.levels import SILENCE_DBFS
from emolive.audio.online_features import AudioBuffer, OnlineFeatureExtractor
from emolive.audio.vad import detect_speech
from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec
from emolive.pooling import pool
from emolive.types import AudioBlock, AudioSegment, BoolArray, FloatArray, StampArray

MIN_FACE_SHARE = 1 / 3
"""With a face in fewer of its bins than this, a window has no face."""
MIN_SPEECH_S = 0.3
"""With less speech than this a window has no voice."""


class FeatureBufferLike(Protocol):
    """Holds frame vectors: `emolive.buffers.feature_buffer.FeatureBuffer`, or `FeatureTrack` for a whole clip."""

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]: ...


@dataclass(frozen=True, slots=True)
class FeatureTrack:
    """The frame vectors of a whole clip."""

    stamps_ns: StampArray
    """(n,)"""
    vectors: FloatArray
    """(n, D)"""
    present: BoolArray
    """(n,) False where there was no face."""

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All frames with start_ns <= stamp <= end_ns."""
        first, last = np.searchsorted(self.stamps_ns, [start_ns, end_ns + 1])
        return self.stamps_ns[first:last], self.vectors[first:last], self.present[first:last]


@dataclass(frozen=True, slots=True)
class Waveform:
    """The sound of a whole clip, its first sample at time 0."""

    samples: FloatArray
    rate_hz: int
    recorded: BoolArray | None = None
    """(n,) False where nothing was recorded: before a sound that begins late, in a hole. None: all was."""

    @classmethod
    def from_blocks(cls, blocks: Sequence[AudioBlock]) -> Waveform | None:
        """Blocks of one rate as one stretch from time 0, each in its place; None without any."""
        if not blocks:
            return None
        rate_hz = blocks[0].rate_hz
        starts = [round(block.t_ns * rate_hz / NS_PER_S) for block in blocks]
        ends = [start + len(block.samples) for start, block in zip(starts, blocks, strict=True)]
        samples, heard = np.zeros(max(ends), np.float32), np.zeros(max(ends), np.bool_)
        for start, end, block in zip(starts, ends, blocks, strict=True):
            samples[start:end] = block.samples
            heard[start:end] = True
        return cls(samples, rate_hz, heard)

    def read(self, end_ns: int, n: int) -> tuple[FloatArray, BoolArray]:
        """The `n` samples that end at `end_ns`; zero and not present where nothing was recorded."""
        found = self.read_segment(end_ns, n)
        return found.samples, found.present

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """What `read` gives, and where in the sound it lies."""
        end = round(end_ns * self.rate_hz / NS_PER_S)
        found = np.zeros(n, np.float32)
        present = np.zeros(n, np.bool_)
        low, high = max(0, end - n), min(len(self.samples), end)
        if low < high:
            found[low - end + n : high - end + n] = self.samples[low:high]
            present[low - end + n : high - end + n] = (
                True if self.recorded is None else self.recorded[low:high]
            )
        return AudioSegment(found, present, end, stable_until=end)


@dataclass(frozen=True, slots=True)
class FeatureWindow:
    """The evidence of one window, before any baseline."""

    end_ns: int
    video: FloatArray
    """(frames, face width) pooled frame vectors, zero where missing."""
    video_present: BoolArray
    """(frames,)"""
    audio: FloatArray
    """(steps, audio channels) audio features."""
    audio_present: BoolArray
    """(steps,) False where there was no sound at all; quiet counts as sound."""
    speech: BoolArray
    """(steps,) which steps are speech."""
    level_dbfs: float
    """Loudness of the newest bin."""

    @property
    def has_face(self) -> bool:
        return _share(self.video_present) >= MIN_FACE_SHARE

    def has_voice(self, window_s: float) -> bool:
        """Whether at least MIN_SPEECH_S of the window is speech."""
        return _share(self.speech) * window_s >= MIN_SPEECH_S


def _share(which: BoolArray) -> float:
    return int(np.count_nonzero(which)) / max(1, len(which))


def centre_window_end_ns(duration_s: float, spec: ModelSpec) -> int:
    """End of the window that lies round a clip's middle, on the grid of bins."""
    bin_ns = to_ns(spec.bin_s)
    return round((duration_s + spec.window_s) / 2 * NS_PER_S / bin_ns) * bin_ns


def extract_window(
    vectors: FeatureBufferLike | None,
    sound: AudioBuffer | None,
    end_ns: int,
    spec: ModelSpec,
    hearing: OnlineFeatureExtractor | None = None,
) -> FeatureWindow:
    """Cut the window that ends at `end_ns`; a stream that is None is missing throughout.

    With a `hearing` (of spec.audio), the steps that it knows from windows before are not computed again.
    """
    if vectors is None:
        bins, bins_present = np.zeros((spec.n_bins, spec.video_dim), np.float32), np.zeros(spec.n_bins, bool)
    else:
        bins, bins_present = pool(
            *vectors.between(end_ns - to_ns(spec.window_s), end_ns),
            end_ns,
            window_s=spec.window_s,
            bins=spec.n_bins,
            pooling=spec.pooling,
        )
    if sound is None:
        count = spec.audio.n_frames(spec.n_samples)
        steps, steps_present = np.zeros((count, spec.audio.channels), np.float32), np.zeros(count, np.bool_)
        levels = np.full(count, SILENCE_DBFS, np.float32)
    else:
        steps, steps_present, levels = (hearing or OnlineFeatureExtractor(spec.audio)).read(
            sound, end_ns, spec.n_samples
        )
    per_bin = max(1, len(levels) // spec.n_bins)
    return FeatureWindow(
        end_ns,
        bins,
        bins_present,
        steps,
        steps_present,
        detect_speech(levels) & steps_present,
        float(levels[-per_bin:].max()),
    )
