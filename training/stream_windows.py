"""Training windows as they occur in a stream: they end anywhere, and their beginning may be another clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emolive.models.spec import ModelSpec
from emolive.types import BoolArray, FloatArray
from preprocessing.splits import normalize_actor_id
from training.bins import frames_per_bin
from training.window_dataset import WindowDataset

MIN_BINS = 3
"""A window shows at least so many bins of the clip whose label it has, and a shortened one keeps so many."""


class StreamWindow(NamedTuple):
    """A window of a stream. T bins, S audio frames."""

    video: FloatArray
    """(T, video_dim)"""
    video_present: BoolArray
    """(T,)"""
    audio: FloatArray
    """(S, channels)"""
    audio_present: BoolArray
    """(S,)"""


class StreamWindows:
    """Draws windows of streams in which the clips of an actor follow each other in random order.

    Half of the windows are shortened, as at the beginning of a session: their older part is missing.

    Args:
        dataset: holds the bins of the clips.
        clips: the training clips; no others precede a clip.
        spec: of the model.
    """

    def __init__(self, dataset: WindowDataset, clips: Sequence[int], spec: ModelSpec) -> None:
        self._session = dataset.session
        self._n_bins, self._n_frames = spec.n_bins, frames_per_bin(spec)
        actors = [normalize_actor_id(dataset.items[clip].actor) or f"#{clip}" for clip in clips]
        of_actor: dict[str, list[int]] = {}
        for actor, clip in zip(actors, clips, strict=True):
            of_actor.setdefault(actor, []).append(clip)
        self._others = {
            clip: np.array([other for other in of_actor[actor] if other != clip], np.int64)
            for actor, clip in zip(actors, clips, strict=True)
        }

    def draw(self, clip: int, rng: np.random.Generator) -> StreamWindow:
        """A window that ends within a clip, at least MIN_BINS after its beginning if the clip is so long."""
        session, n = self._session, self._n_bins
        count = session.count(clip)
        newest = int(rng.integers(min(MIN_BINS, count), count + 1))
        start = int(session.offsets[clip])
        places: list[NDArray[np.int64]] = [np.arange(start, start + newest)[-n:]]
        missing = n - len(places[0])
        others = self._others[clip]
        while missing > 0 and len(others):
            other = int(others[rng.integers(len(others))])
            before = np.arange(session.offsets[other], session.offsets[other + 1])[-missing:]
            if not len(before):
                break
            places.insert(0, before)
            missing -= len(before)
        rows = np.concatenate(places)
        if rng.random() < 0.5:
            rows = rows[-int(rng.integers(MIN_BINS, n)) :]
        bins = session.bins
        return StreamWindow(
            _padded(bins.video[rows], n),
            _padded(bins.video_present[rows], n),
            _padded(np.concatenate(bins.audio[rows]), n * self._n_frames),
            _padded(np.concatenate(bins.audio_present[rows]), n * self._n_frames),
        )


def _padded(values: NDArray[Any], n: int) -> NDArray[Any]:
    """(k, ...) → (n, ...) with zeros in front."""
    result = np.zeros((n, *values.shape[1:]), values.dtype)
    result[n - len(values) :] = values
    return result
