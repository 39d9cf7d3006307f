"""The baselines of persons in training: every amount of evidence that a live session may have.

What a baseline is stands in `emolive.normalization` alone. Here it is decided from which clips of a person it
is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.models.spec import ModelSpec
from emolive.normalization import GlobalStats, Normalizer, RunningStats, make_normalizer
from emolive.types import FloatArray
from preprocessing.annotations import ClipEntry
from preprocessing.splits import normalize_actor_id
from training.window_dataset import SessionRows, WindowDataset

NEUTRAL = "neutral"
STREAMS = ("face", "voice")
RUNNING_SIZES = (*range(13), 16, 24, 32, 48, -1, -1, -1, -1)
"""Clips besides the one at hand, each as likely as the next; -1 is all there are."""
NEUTRAL_CLIPS = 3
_REPETITION_1_NEUTRAL = re.compile(r"0[123]-0[12]-01-01-0[12]-01-\d\d")


@dataclass(frozen=True, slots=True)
class GlobalStatsPair:
    """What a model knows of face and voice in general."""

    face: GlobalStats
    voice: GlobalStats


def population(
    live: SessionRows, stream: str, clips: Sequence[int], actors: Sequence[str], rate_hz: float
) -> GlobalStats:
    """Mean, deviation and deviation within persons over the rows of some clips.

    Args:
        live: the rows.
        stream: "face" or "voice".
        clips: indices of the clips that may be looked at; nobody else leaves a trace.
        actors: of those clips, in the same order.
        rate_hz: rows a second.
    """
    width = (live.face if stream == "face" else live.voice).shape[1]
    persons: dict[str, RunningStats] = {}
    for clip, actor in zip(clips, actors, strict=True):
        moments = RunningStats.of(live.rows(stream, clip))
        persons[actor] = persons.get(actor, RunningStats.zero(width)) + moments
    total = sum(persons.values(), RunningStats.zero(width))
    known = [person.variance for person in persons.values() if person.count]
    if not known:
        return GlobalStats(
            np.zeros(width, np.float32), np.ones(width, np.float32), np.ones(width, np.float32), rate_hz
        )
    within = np.sqrt(np.mean(known, axis=0))
    return GlobalStats(
        total.mean.astype(np.float32),
        np.sqrt(total.variance).astype(np.float32),
        within.astype(np.float32),
        rate_hz,
    )


def populations(windows: WindowDataset, spec: ModelSpec, clips: Sequence[int]) -> GlobalStatsPair:
    """Of both streams, from the clips at those indices alone."""
    actors = [normalize_actor_id(windows.items[clip].actor) for clip in clips]
    return GlobalStatsPair(
        population(windows.live, "face", clips, actors, 1 / spec.bin_s),
        population(windows.live, "voice", clips, actors, spec.audio.rate_hz / spec.audio.hop_length),
    )


def clip_moments(live: SessionRows, stream: str, clip: int, known: GlobalStats) -> RunningStats:
    """What a clip adds to its person's evidence, as `emolive.profile.SpeakerStats.add` counts it."""
    return RunningStats.of(known.clip_outliers(live.rows(stream, clip)))


def mirroring(spec: ModelSpec) -> tuple[NDArray[np.int64], FloatArray] | None:
    """How a pooled bin changes when the picture is flipped: `bins[..., order] * sign`.

    None where the vectors of a flipped picture cannot be had from those of the picture.
    """
    if len(spec.encoders) != 1:
        return None
    # The flip is a signed permutation: the mirrored unit vectors spell it out.
    flipped = spec.encoder_classes[0].mirror(np.eye(spec.frame_dim, dtype=np.float32))
    if flipped is None:
        return None
    order = np.abs(flipped).argmax(axis=0)
    sign = flipped[order, np.arange(spec.frame_dim)]
    if spec.pooling == "mean":
        # A deviation goes where its point goes, and has no sign to lose.
        order = np.concatenate([order, order + spec.frame_dim])
        sign = np.concatenate([sign, np.ones_like(sign)])
    return order, sign.astype(np.float32)


def calibration_clips(items: Sequence[ClipEntry]) -> set[int]:
    """Each actor's neutral clips that stand for a calibration: RAVDESS's repetition 1, or the first two."""
    chosen: set[int] = set()
    seen: dict[str, int] = {}
    for i, item in enumerate(items):
        if item.label != NEUTRAL:
            continue
        if re.fullmatch(r"(?:\d\d-){6}\d\d", item.id):
            if _REPETITION_1_NEUTRAL.fullmatch(item.id):
                chosen.add(i)
        elif seen.setdefault(item.actor, 0) < 2:
            seen[item.actor] += 1
            chosen.add(i)
    return chosen


class NormalizerSampler:
    """Draws baselines for training clips, as if each were playing at some moment of a session.

    Args:
        windows: holds the clips.
        clips: indices of the training clips.
        known: from the same clips.
        spec: which modes, and how a flip goes.
    """

    def __init__(
        self, windows: WindowDataset, clips: Sequence[int], known: GlobalStatsPair, spec: ModelSpec
    ) -> None:
        self._known = known
        self._mirror = mirroring(spec)
        self._row = {clip: row for row, clip in enumerate(clips)}
        self._moments = {
            stream: [clip_moments(windows.live, stream, clip, getattr(known, stream)) for clip in clips]
            for stream in STREAMS
        }
        self._stacked = {
            stream: (
                np.array([m.count for m in moments]),
                np.stack([m.total for m in moments]),
                np.stack([m.squares for m in moments]),
            )
            for stream, moments in self._moments.items()
        }
        actors = np.array([normalize_actor_id(windows.items[clip].actor) or f"#{clip}" for clip in clips])
        neutral = np.array([windows.items[clip].label == NEUTRAL for clip in clips])
        self._mine = [np.flatnonzero(actors == actor) for actor in actors]
        self._neutral = [np.flatnonzero((actors == actor) & neutral) for actor in actors]

    def draw(
        self, clip: int, mode: str, rng: np.random.Generator, *, flipped: bool = False
    ) -> tuple[Normalizer, Normalizer]:
        """Baselines of face and voice for a clip in `mode`; flipped is the face of a mirrored person.

        neutral: one to three of the person's other neutral clips. running: the clip itself, as live,
        and any number of the person's others.
        """
        row = self._row[clip]
        rows: NDArray[np.int64]
        if mode == "neutral":
            others = self._neutral[row][self._neutral[row] != row]
            size = min(len(others), int(rng.integers(1, NEUTRAL_CLIPS + 1)))
            rows = rng.choice(others, size, replace=False) if size else others
        elif mode == "running":
            others = self._mine[row][self._mine[row] != row]
            size = RUNNING_SIZES[rng.integers(len(RUNNING_SIZES))]
            size = len(others) if size < 0 else min(size, len(others))
            rows = np.append(rng.choice(others, size, replace=False) if size else others[:0], row)
        else:
            rows = self._mine[row][:0]
        return (
            make_normalizer(mode, self._known.face, self._sum("face", rows, flipped)),
            make_normalizer(mode, self._known.voice, self._sum("voice", rows, False)),
        )

    def _sum(self, stream: str, rows: NDArray[np.int64], flipped: bool) -> RunningStats:
        count, total, squares = self._stacked[stream]
        moments = RunningStats(float(count[rows].sum()), total[rows].sum(axis=0), squares[rows].sum(axis=0))
        if flipped and self._mirror is not None:
            order, sign = self._mirror
            return RunningStats(moments.count, moments.total[order] * sign, moments.squares[order])
        return moments


def session_baselines(
    windows: WindowDataset, clips: Sequence[int], mode: str, known: GlobalStatsPair
) -> list[tuple[Normalizer, Normalizer]]:
    """The baselines with which clips are evaluated.

    Args:
        windows: all clips of the persons, in file order; baselines may draw on all of them.
        clips: indices of the clips to read.
        mode: "none"; "neutral", from the person's calibration clips; "running", from the clips before it
            in file order and itself; "person", a running baseline from all of the person's clips.
        known: the model's populations.
    """
    calibration = calibration_clips(windows.items)
    names = [normalize_actor_id(item.actor) for item in windows.items]
    moments: dict[tuple[str, int], RunningStats] = {}

    def evidence_of(stream: str, mine: Sequence[int]) -> RunningStats:
        known_of: GlobalStats = getattr(known, stream)
        total = RunningStats.zero(len(known_of.mean))
        for i in mine:
            if (stream, i) not in moments:
                moments[stream, i] = clip_moments(windows.live, stream, i, known_of)
            total = total + moments[stream, i]
        return total

    atomic_write: dict[tuple[int, ...], tuple[Normalizer, Normalizer]] = {}
    drawn: list[tuple[Normalizer, Normalizer]] = []
    for clip in clips:
        actor = names[clip]
        mine = [i for i, name in enumerate(names) if name == actor] if actor else [clip]
        if mode == "none":
            mine = []
        elif mode == "neutral":
            mine = [i for i in mine if i in calibration]
        elif mode == "running":
            mine = [i for i in mine if i <= clip]
        if (who := tuple(mine)) not in atomic_write:
            how = "running" if mode == "person" else mode
            atomic_write[who] = (
                make_normalizer(how, known.face, evidence_of("face", mine)),
                make_normalizer(how, known.voice, evidence_of("voice", mine)),
            )
        drawn.append(atomic_write[who])
    return drawn
