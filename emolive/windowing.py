"""Window extraction: from frame vectors and sound to what a model is given.

The live app, file analysis and training all extract windows here, from ring buffers when live and from a
`FeatureTrack` and a `Waveform` for files, with the same result. The video bins and the sound of a window end
at one instant, so that face and voice stay in step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.audio.resample import AudioBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.hints import Hint, window_hints
from emolive.models.spec import ModelSpec
from emolive.opinion_pool import EXPRESSIONS
from emolive.plausibility import is_plausible_vector, plausible_rows, plausible_samples
from emolive.pooling import HOLD_S, held_frames, lone_deviations, pool_bins
from emolive.types import AudioBlock, AudioSegment, BoolArray, FloatArray, StampArray

MIN_FACE_SHARE = 1 / 4
"""A window with a face in fewer of its bins than this has no face: the shipped models need a second."""
MIN_SPEECH_S = 0.3
"""A window with less speech than this has no voice."""
_HALF_UP = 0.51
"""As in `AudioRingBuffer`: half samples round up although stamps are rounded to nanoseconds."""


class FeatureSequence(Protocol):
    """Frame vectors that are read by time.

    `emolive.buffers.feature_buffer.FeatureBuffer` for a live source, `FeatureTrack` for a file.
    """

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All frames with start_ns <= stamp <= end_ns: stamps (n,), vectors (n, D), present (n,)."""
        ...


class FeatureTrack:
    """The frame vectors of a file.

    Args:
        stamps_ns: (n,) capture times, not decreasing.
        vectors: (n, D).
        present: (n,) False where there was no face.
        keep_s: frames that are older than this before the newest may be dropped; by default none are.
    """

    def __init__(
        self, stamps_ns: StampArray, vectors: FloatArray, present: BoolArray, keep_s: float = math.inf
    ) -> None:
        self._n = len(stamps_ns)
        self._stamps_ns, self._vectors, self._present = stamps_ns, vectors, present
        self._keep_ns = keep_s * NS_PER_S

    @classmethod
    def empty(cls, dim: int, keep_s: float = math.inf) -> FeatureTrack:
        """A track of no frames, for vectors (dim,)."""
        return cls(np.zeros(0, np.int64), np.zeros((0, dim), np.float32), np.zeros(0, np.bool_), keep_s)

    @property
    def stamps_ns(self) -> StampArray:
        """(n,)"""
        return self._stamps_ns[: self._n]

    @property
    def vectors(self) -> FloatArray:
        """(n, D), zero where there was no face."""
        return self._vectors[: self._n]

    @property
    def present(self) -> BoolArray:
        """(n,)"""
        return self._present[: self._n]

    def append(self, t_ns: int, vector: FloatArray | None) -> None:
        """Add a frame; None where it had no face. A frame that is not later than the newest is dropped, and
        a vector with values that no feature has counts as None."""
        if self._n and t_ns <= self._stamps_ns[self._n - 1]:
            return
        if self._n == len(self._stamps_ns) and self._keep_ns < math.inf:
            old = int(np.searchsorted(self.stamps_ns, t_ns - self._keep_ns))
            self._stamps_ns = self.stamps_ns[old:]
            self._vectors, self._present = self._vectors[old : self._n], self._present[old : self._n]
            self._n -= old
        n = self._n + 1
        self._stamps_ns = _with_room(self._stamps_ns, n)
        self._vectors = _with_room(self._vectors, n)
        self._present = _with_room(self._present, n)
        if vector is not None and not is_plausible_vector(vector):
            vector = None
        self._stamps_ns[self._n] = t_ns
        self._vectors[self._n] = 0.0 if vector is None else vector
        self._present[self._n] = vector is not None
        self._n = n

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All frames with start_ns <= stamp <= end_ns."""
        first, last = np.searchsorted(self.stamps_ns, [start_ns, end_ns + 1])
        return self._stamps_ns[first:last], self._vectors[first:last], self._present[first:last]


class Waveform:
    """The sound of a file, its first sample at time 0.

    Args:
        samples: (n,) mono in -1..1.
        rate_hz: sample rate.
        keep_s: samples that are older than this before the newest may be dropped, and then count as not
            recorded; by default none are.
    """

    def __init__(self, samples: ArrayLike, rate_hz: int, keep_s: float = math.inf) -> None:
        self._samples: FloatArray = np.asarray(samples, np.float32)
        self._recorded: BoolArray = np.ones(len(self._samples), np.bool_)
        self._n = len(self._samples)
        self._first = 0
        """Index of the oldest sample that is kept; `_n` and all positions count from time 0."""
        self._keep = keep_s * rate_hz
        self._rate_hz = rate_hz
        self._start_ns = 0
        self._generation = 0

    @classmethod
    def from_blocks(cls, blocks: Iterable[AudioBlock]) -> Waveform | None:
        """Blocks of one rate, each at its own time; None without any."""
        waveform: Waveform | None = None
        for block in blocks:
            waveform = waveform or cls((), block.rate_hz)
            waveform.append(block)
        return waveform

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def samples(self) -> FloatArray:
        """(n,) those that are kept; zero where nothing was recorded: before a sound that begins late, in a
        gap."""
        return self._samples[: self._n - self._first]

    @property
    def duration_ns(self) -> int:
        """From time 0 to the end of the last sample."""
        return to_ns(self._n / self._rate_hz)

    def append(self, block: AudioBlock) -> None:
        """Add a block at its time. It has the waveform's rate and usually begins where the last one ended.

        Samples that can be no sound count as not recorded.
        """
        if not self._n:
            self._start_ns = block.t_ns
        start = round(block.t_ns * self._rate_hz / NS_PER_S)
        end = start + len(block.samples)
        if start < self._n:
            # Samples that may have been used already are replaced.
            self._generation += 1
        if end - self._first > len(self._samples) and self._keep < math.inf:
            self._drop_before(round(end - self._keep))
        part = slice(max(0, start - self._first), max(0, end - self._first))
        self._samples = _with_room(self._samples, part.stop)
        self._recorded = _with_room(self._recorded, part.stop)
        samples = block.samples[len(block.samples) - (part.stop - part.start) :]
        recorded = plausible_samples(samples)
        self._samples[part] = samples if recorded is None else np.where(recorded, samples, 0)
        self._recorded[part] = True if recorded is None else recorded
        self._n = max(self._n, end)

    def _drop_before(self, index: int) -> None:
        old = index - self._first
        if old <= 0:
            return
        held = slice(min(old, self._n - self._first), self._n - self._first)
        self._samples, self._recorded = self._samples[held].copy(), self._recorded[held].copy()
        self._first = index
        self._n = max(self._n, index)

    def read(self, end_ns: int, n: int) -> tuple[FloatArray, BoolArray]:
        """The `n` samples that end at `end_ns`, zero and not present where nothing was recorded."""
        segment = self.read_segment(end_ns, n)
        return segment.samples, segment.present

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """As `read`, with the position.

        Positions count from the first recorded sample, as in `AudioRingBuffer`, so that a file and a live
        session are resampled in the same chunks.
        """
        first = round(self._start_ns * self._rate_hz / NS_PER_S)
        position = math.floor((end_ns - self._start_ns) * self._rate_hz / NS_PER_S + _HALF_UP)
        end = first + position
        samples, present = np.zeros(n, np.float32), np.zeros(n, np.bool_)
        low, high = max(self._first, end - n), min(self._n, end)
        if low < high:
            part, held = slice(low - end + n, high - end + n), slice(low - self._first, high - self._first)
            samples[part], present[part] = self._samples[held], self._recorded[held]
        return AudioSegment(samples, present, position, self._n - first, self._generation)


def _with_room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """The array itself, or a copy with room for `n` rows and as many again; new rows are zero."""
    if n <= len(array):
        return array
    larger = np.zeros((2 * n, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


@dataclass(frozen=True, slots=True)
class FeatureWindow:
    """The features of one window, not normalised."""

    end_ns: int
    video: FloatArray
    """(bins, video dim) pooled frame vectors, zero where missing."""
    video_present: BoolArray
    """(bins,) which bins have a face."""
    audio: FloatArray
    """(frames, audio channels)"""
    audio_present: BoolArray
    """(frames,) False where nothing was recorded; silence is recorded."""
    speech: BoolArray
    """(frames,) which frames are speech."""
    expressions: FloatArray | None = None
    """(bins, 8) mean log-probabilities of the expression classifier, zero where missing; None without one."""
    expressions_present: BoolArray | None = None
    """(bins,)"""
    hints: tuple[Hint, ...] = ()
    """What keeps its newest part from being read well."""

    @property
    def has_face(self) -> bool:
        """Whether at least MIN_FACE_SHARE of the bins have a face."""
        return _share(self.video_present) >= MIN_FACE_SHARE

    def has_voice(self, window_s: float) -> bool:
        """Whether at least MIN_SPEECH_S of the window, which lasts `window_s`, is speech."""
        return _share(self.speech) * window_s >= MIN_SPEECH_S


def newest_part(window: FeatureWindow, bins: int, n_bins: int) -> FeatureWindow:
    """The newest `bins` of a window of `n_bins`, without expressions."""
    frames = len(window.audio) * bins // n_bins
    return FeatureWindow(
        window.end_ns,
        window.video[-bins:],
        window.video_present[-bins:],
        window.audio[len(window.audio) - frames :],
        window.audio_present[len(window.audio) - frames :],
        window.speech[len(window.speech) - frames :],
    )


def _share(flags: BoolArray) -> float:
    return int(np.count_nonzero(flags)) / max(1, len(flags))


def centre_window_end_ns(duration_s: float, spec: ModelSpec) -> int:
    """End of the window in the middle of a file, on the grid of bins."""
    bin_ns = to_ns(spec.bin_s)
    return round((duration_s + spec.window_s) / 2 * NS_PER_S / bin_ns) * bin_ns


def no_expressions(spec: ModelSpec) -> FeatureTrack | None:
    """The expressions of people who were not seen, for a model that asks the classifier; else None."""
    return None if spec.pool is None else FeatureTrack.empty(len(EXPRESSIONS))


def extract_window(
    video: FeatureSequence | None,
    audio: AudioBuffer | None,
    end_ns: int,
    spec: ModelSpec,
    extractor: OnlineFeatureExtractor | None = None,
    *,
    expressions: FeatureSequence | None = None,
    qualities: FeatureSequence | None = None,
) -> FeatureWindow:
    """Extract the features of the window that ends at `end_ns`.

    Args:
        video: frame vectors of `spec.frame_dim`; None if there are none.
        audio: the sound, at any rate; None if there is none.
        end_ns: when the window ends.
        spec: the model that the window is for.
        extractor: for `spec.audio`; keeps frames of earlier windows. A new one gives the same window, slower.
        expressions: log-probabilities (8,) of the expression classifier; None if there are none.
        qualities: how well the face can be seen, see `emolive.hints.quality_vector`; None if not measured.
    """
    if video is None:
        bins = np.zeros((spec.n_bins, spec.video_dim), np.float32)
        bins_present = np.zeros(spec.n_bins, np.bool_)
        held_ns = np.full(spec.n_bins, -1)
    else:
        bins, bins_present, held_ns = _video_bins(video, end_ns, spec)
    if audio is None:
        n_frames = spec.audio.n_frames(spec.n_samples)
        frames = np.zeros((n_frames, spec.audio.channels), np.float32)
        absent = np.zeros(n_frames, np.bool_)
        sound = frames, absent, absent
    else:
        features = (extractor or OnlineFeatureExtractor(spec.audio)).read(audio, end_ns, spec.n_samples)
        sound = _plausible_sound(features.frames, features.present, features.speech)
    face = (None, None) if expressions is None else _expression_bins(expressions, end_ns, spec, held_ns)
    window = FeatureWindow(end_ns, bins, bins_present, *sound, *face)
    hints = window_hints(
        end_ns,
        face_present=None if video is None else bins_present,
        qualities=qualities,
        audio=audio,
        has_voice=window.has_voice(spec.window_s),
    )
    return replace(window, hints=hints)


def _video_bins(
    video: FeatureSequence, end_ns: int, spec: ModelSpec
) -> tuple[FloatArray, BoolArray, StampArray]:
    """Pooled vectors (bins, video_dim), which bins have one, and the stamps of held frames (bins,) or -1."""
    window_ns = to_ns(spec.window_s)
    stamps_ns, vectors, present = video.between(end_ns - window_ns - to_ns(HOLD_S), end_ns)
    bins, filled = pool_bins(
        stamps_ns,
        vectors,
        present,
        end_ns,
        window_s=spec.window_s,
        n_bins=spec.n_bins,
        pooling=spec.pooling,
    )
    rows = held_frames(stamps_ns, present, end_ns, window_s=spec.window_s, n_bins=spec.n_bins)
    held = rows >= 0
    bins[held, : vectors.shape[1]] = vectors[rows[held]]
    if spec.pooling == "mean" and held.any():
        bins[held, vectors.shape[1] :] = lone_deviations(stamps_ns, vectors, present, rows[held])
    held_ns = np.full(spec.n_bins, -1)
    held_ns[held] = stamps_ns[rows[held]]
    return bins, filled | held, held_ns


def _plausible_sound(
    frames: FloatArray, present: BoolArray, speech: BoolArray
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Audio features with frames masked that an encoder cannot have meant."""
    usable = plausible_rows(frames)
    if usable is None:
        return frames, present, speech
    return np.where(usable[:, None], frames, np.float32(0)), present & usable, speech & usable


def _expression_bins(
    expressions: FeatureSequence, end_ns: int, spec: ModelSpec, held_ns: StampArray
) -> tuple[FloatArray, BoolArray]:
    """Means (bins, 8) of the classifier's log-probabilities, and which bins (bins,) have any."""
    start_ns = end_ns - to_ns(spec.window_s) - to_ns(HOLD_S)
    stamps_ns, rows, present = expressions.between(start_ns, end_ns)
    means, filled = pool_bins(
        stamps_ns, rows, present, end_ns, window_s=spec.window_s, n_bins=spec.n_bins, pooling="mean"
    )
    means = means[:, : rows.shape[1]]
    for i in np.flatnonzero((held_ns >= 0) & ~filled):
        newest = int(np.searchsorted(stamps_ns, held_ns[i], side="right")) - 1
        if newest >= 0 and held_ns[i] - stamps_ns[newest] < to_ns(spec.bin_s) and present[newest]:
            means[i], filled[i] = rows[newest], True
    return means, filled
