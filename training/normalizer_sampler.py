"""Normalizers of training clips, for every amount of data that a live session may have of a speaker.

`emolive.normalization` defines what a normalizer is. This module decides from which clips of a speaker it is
computed: at random in training (`NormalizerSampler`), as in a session in evaluation (`session_normalizers`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.models.network import STATS, EmotionNet
from emolive.models.runtimes.base import RunnableNet
from emolive.models.spec import ModelSpec
from emolive.network_inputs import load_global_stats as load_stats
from emolive.normalization import GlobalStats, Normalizer, RunningStats, make_normalizer
from preprocessing.annotations import ClipEntry
from preprocessing.splits import normalize_actor_id
from training.bins import ClipBins
from training.encoder_traits import mirror_of
from training.window_dataset import WindowDataset

Stream = Literal["video", "audio"]
STREAMS: tuple[Stream, Stream] = ("video", "audio")
NEUTRAL = "neutral"
RUNNING_CLIPS = (*range(13), 16, 24, 32, 48, -1, -1, -1, -1)
"""Clips of the speaker besides the current one, each as probable as the next; -1 = all."""
MAX_NEUTRAL_CLIPS = 3
CALIBRATION_CLIPS = 2
_RAVDESS_ID = re.compile(r"(?:\d\d-){6}\d\d")
_RAVDESS_CALIBRATION = re.compile(r"0[123]-0[12]-01-01-0[12]-01-\d\d")
"""Speech or song, neutral, normal intensity, first repetition of either statement."""


@dataclass(frozen=True, slots=True)
class GlobalStatsPair:
    """Statistics of both streams over all speakers."""

    video: GlobalStats
    audio: GlobalStats

    def of(self, stream: Stream) -> GlobalStats:
        """The statistics of one stream."""
        return self.video if stream == "video" else self.audio


NormalizerPair = tuple[Normalizer, Normalizer]
"""Of video and audio."""


def compute_stats(
    rows: ClipBins, stream: Stream, clips: Sequence[int], actors: Sequence[str], rate_hz: float
) -> GlobalStats:
    """Mean, standard deviation and within-speaker deviation over the rows of some clips.

    Args:
        rows: the bins of all clips.
        stream: "video" or "audio".
        clips: indices of the clips to use; no other clip leaves a trace.
        actors: of those clips, in the same order.
        rate_hz: rows per second.
    """
    width = rows.width(stream)
    speakers: dict[str, RunningStats] = {}
    for clip, actor in zip(clips, actors, strict=True):
        stats = RunningStats.of(rows.evidence(stream, clip))
        speakers[actor] = speakers.get(actor, RunningStats.zero(width)) + stats
    total = sum(speakers.values(), RunningStats.zero(width))
    variances = [stats.variance for stats in speakers.values() if stats.count]
    if not variances:
        return GlobalStats(
            np.zeros(width, np.float32), np.ones(width, np.float32), np.ones(width, np.float32), rate_hz
        )
    return GlobalStats(
        total.mean.astype(np.float32),
        np.sqrt(total.variance).astype(np.float32),
        np.sqrt(np.mean(variances, axis=0)).astype(np.float32),
        rate_hz,
    )


def compute_global_stats(dataset: WindowDataset, spec: ModelSpec, clips: Sequence[int]) -> GlobalStatsPair:
    """Statistics of both streams over the clips at those indices alone."""
    actors = [normalize_actor_id(dataset.items[clip].actor) for clip in clips]
    return GlobalStatsPair(
        compute_stats(dataset.session, "video", clips, actors, 1 / spec.bin_s),
        compute_stats(dataset.session, "audio", clips, actors, spec.audio.rate_hz / spec.audio.hop_length),
    )


def load_global_stats(net: RunnableNet) -> GlobalStatsPair:
    """The statistics in a network's buffers."""
    return GlobalStatsPair(*load_stats(net))


def store_global_stats(net: EmotionNet, stats: GlobalStatsPair) -> None:
    """Write statistics into a network's buffers."""
    with torch.no_grad():
        for stream in STREAMS:
            for stat in STATS:
                getattr(net, f"{stream}_{stat}").copy_(torch.from_numpy(getattr(stats.of(stream), stat)))


def clip_stats(rows: ClipBins, stream: Stream, clip: int, global_stats: GlobalStats) -> RunningStats:
    """What a clip adds to its speaker's statistics, as `emolive.profile.SpeakerStats.add` counts it."""
    return RunningStats.of(global_stats.clip_outliers(rows.evidence(stream, clip)))


def is_neutral(label: str, neutral: str = NEUTRAL) -> bool:
    """Whether a label is the neutral one, in whatever case it is written."""
    return label.casefold() == neutral.casefold()


def calibration_clips(items: Sequence[ClipEntry], neutral: str = NEUTRAL) -> set[int]:
    """Each actor's clips with the label `neutral` that serve as a calibration.

    In RAVDESS (Livingstone and Russo 2018) those of repetition 1, else the first two, with all their parts.
    """
    chosen: set[int] = set()
    ids: dict[str, set[str]] = {}
    for i, item in enumerate(items):
        if not is_neutral(item.label, neutral):
            continue
        if _RAVDESS_ID.fullmatch(item.id):
            if _RAVDESS_CALIBRATION.fullmatch(item.id):
                chosen.add(i)
        elif item.id in (of_actor := ids.setdefault(item.actor, set())) or len(of_actor) < CALIBRATION_CLIPS:
            of_actor.add(item.id)
            chosen.add(i)
    return chosen


class NormalizerSampler:
    """Draws normalizers for training clips, as if each were playing at some moment of a session.

    Args:
        dataset: holds the clips.
        clips: indices of the training clips.
        global_stats: of the same clips.
        spec: of the model.
    """

    def __init__(
        self, dataset: WindowDataset, clips: Sequence[int], global_stats: GlobalStatsPair, spec: ModelSpec
    ) -> None:
        self._global_stats = global_stats
        self._mirror = mirror_of(spec)
        self._row = {clip: row for row, clip in enumerate(clips)}
        self._sums: dict[Stream, tuple[NDArray[np.float64], ...]] = {}
        for stream in STREAMS:
            stats = [clip_stats(dataset.session, stream, clip, global_stats.of(stream)) for clip in clips]
            self._sums[stream] = (
                np.array([s.count for s in stats]),
                np.stack([s.total for s in stats]),
                np.stack([s.squares for s in stats]),
            )
        actors = np.array([normalize_actor_id(dataset.items[clip].actor) or f"#{clip}" for clip in clips])
        neutral = np.array([is_neutral(dataset.items[clip].label, dataset.neutral) for clip in clips])
        self._rows_of_actor = [np.flatnonzero(actors == actor) for actor in actors]
        self._neutral_rows = [np.flatnonzero((actors == actor) & neutral) for actor in actors]

    def sample(
        self,
        clip: int,
        mode: str,
        rng: np.random.Generator,
        *,
        mirrored: bool = False,
        audio_offset: float = 0.0,
    ) -> NormalizerPair:
        """Normalizers of video and audio for a clip.

        With `mirrored` those of the mirrored speaker; `audio_offset` was added to all of their audio.

        Mode neutral uses one to three of the speaker's other neutral clips; mode running the clip itself, as
        a live session does, and any number of the speaker's others.
        """
        row = self._row[clip]
        rows: NDArray[np.int64]
        if mode == "neutral":
            others = self._neutral_rows[row][self._neutral_rows[row] != row]
            size = min(len(others), int(rng.integers(1, MAX_NEUTRAL_CLIPS + 1)))
            rows = rng.choice(others, size, replace=False) if size else others
        elif mode == "running":
            others = self._rows_of_actor[row][self._rows_of_actor[row] != row]
            size = RUNNING_CLIPS[rng.integers(len(RUNNING_CLIPS))]
            size = len(others) if size < 0 else min(size, len(others))
            rows = np.append(rng.choice(others, size, replace=False) if size else others[:0], row)
        else:
            rows = self._rows_of_actor[row][:0]
        video = self._sum("video", rows)
        if mirrored and self._mirror is not None:
            order, sign = (part.numpy() for part in self._mirror)
            video = RunningStats(video.count, video.total[order] * sign, video.squares[order])
        return (
            make_normalizer(mode, self._global_stats.video, video),
            make_normalizer(mode, self._global_stats.audio, self._sum("audio", rows).shifted(audio_offset)),
        )

    def _sum(self, stream: Stream, rows: NDArray[np.int64]) -> RunningStats:
        count, total, squares = self._sums[stream]
        return RunningStats(float(count[rows].sum()), total[rows].sum(axis=0), squares[rows].sum(axis=0))


def session_normalizers(
    dataset: WindowDataset, clips: Sequence[int], mode: str, global_stats: GlobalStatsPair
) -> list[NormalizerPair]:
    """The normalizers with which clips are evaluated.

    Args:
        dataset: all clips of the speakers in file order; normalizers may use all of them.
        clips: indices of the clips to evaluate.
        mode: "none"; "neutral", from the speaker's calibration clips; "running", from the clips before it in
            file order and itself; "person", a running normalizer from all of the speaker's clips.
        global_stats: of the model.
    """
    calibration = calibration_clips(dataset.items, dataset.neutral)
    names = [normalize_actor_id(item.actor) for item in dataset.items]
    cached: dict[tuple[Stream, int], RunningStats] = {}

    def total(stream: Stream, used: Sequence[int]) -> RunningStats:
        of_all = global_stats.of(stream)
        result = RunningStats.zero(len(of_all.mean))
        for i in used:
            if (stream, i) not in cached:
                cached[stream, i] = clip_stats(dataset.session, stream, i, of_all)
            result = result + cached[stream, i]
        return result

    normalizers: dict[tuple[int, ...], NormalizerPair] = {}
    result: list[NormalizerPair] = []
    for clip in clips:
        actor = names[clip]
        used = [i for i, name in enumerate(names) if name == actor] if actor else [clip]
        if mode == "none":
            used = []
        elif mode == "neutral":
            used = [i for i in used if i in calibration]
        elif mode == "running":
            used = [i for i in used if i <= clip]
        key = tuple(used)
        if key not in normalizers:
            how = "running" if mode == "person" else mode
            normalizers[key] = (
                make_normalizer(how, global_stats.video, total("video", used)),
                make_normalizer(how, global_stats.audio, total("audio", used)),
            )
        result.append(normalizers[key])
    return result
