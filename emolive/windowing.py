"""Window extraction: from frame vectors and sound to what a model is given.

The live app, file analysis and training all extract windows here, from ring buffers when live and from a
`FeatureTrack` and a `Waveform` for files, with the same result. The video bins and the sound of a window end
at one instant, so that face and voice stay in step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.audio.resample import AudioBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.expression_stats import EXPRESSIONS
from emolive.hints import Hint, window_hints
from emolive.models.spec import ModelSpec
from emolive.plausibility import plausible_rows
from emolive.pooling import HOLD_S, held_frames, lone_deviations, pool_bins
from emolive.time_series import FeatureSequence, FeatureTrack
from emolive.types import BoolArray, FloatArray, StampArray

MIN_FACE_SHARE = 1 / 4
"""A window with a face in fewer of its bins than this has no face: the shipped models need a second."""
MIN_SPEECH_S = 0.3
"""A window with less speech than this has no voice."""


def shortest_s(spec: ModelSpec) -> float:
    """How long a file must last for a face in it to be read."""
    return MIN_FACE_SHARE * spec.window_s


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
