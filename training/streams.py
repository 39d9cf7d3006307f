"""Streams: the clips of one person one after another without a gap, as a live session would meet them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.audio.resample import ResampledReader
from emolive.clip_features import ClipFeatures
from emolive.clock import NS_PER_S, to_ns
from emolive.errors import MediaError
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import BoolArray, FloatArray
from preprocessing.annotations import ClipEntry
from preprocessing.splits import normalize_actor_id


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a stream in which one emotion is expressed."""

    from_s: float
    to_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Stream:
    """The features of a stream and what is true in it."""

    name: str
    spans: tuple[Span, ...]
    """In order, without gaps in a stream of clips."""
    video: FeatureTrack | None
    audio: Waveform | None
    duration_s: float
    expressions: FeatureTrack | None = None
    """Log-probabilities of the expression classifier; None for a stream without pixels."""


def clip_order(
    items: Sequence[ClipEntry], excluded: Iterable[int], seed: int
) -> Iterator[tuple[str, list[int]]]:
    """The order in which the clips of each actor follow each other.

    Args:
        items: all clips.
        excluded: indices of clips that are in no stream.
        seed: each seed is another order.

    Yields:
        Each actor and the indices of their clips in random order, which depends on the clips' ids and on the
        seed alone.
    """
    left_out = set(excluded)
    of_actor: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        if i not in left_out:
            of_actor.setdefault(normalize_actor_id(item.actor), []).append(i)
    for number, actor in enumerate(sorted(of_actor)):
        clips = sorted(of_actor[actor], key=lambda i: items[i].id)
        order = np.random.default_rng([seed, number]).permutation(len(clips))
        yield actor, [clips[k] for k in order]


def join_clips(name: str, clips: Sequence[tuple[str, ClipFeatures]], spec: ModelSpec) -> Stream:
    """One stream of several clips.

    Args:
        name: of the stream.
        clips: label and features of each clip. A clip lasts as long as its sound, if it has any.
        spec: of the model that reads the stream.

    Raises:
        MediaError: some clips have sound and others have none.
    """
    rates = {clip.audio.rate_hz for _, clip in clips if clip.audio is not None}
    if rates and any(clip.audio is None for _, clip in clips):
        raise MediaError(f"Some clips of {name} have sound and others have none: they make no stream.")
    rate_hz = rates.pop() if len(rates) == 1 else spec.audio.rate_hz
    spans: list[Span] = []
    stamps: list[NDArray[np.int64]] = []
    vectors: list[FloatArray] = []
    present: list[BoolArray] = []
    sounds: list[FloatArray] = []
    start_s = 0.0
    for label, clip in clips:
        duration_s = clip.duration_s
        if clip.audio is not None:
            sound = _at_rate(clip.audio, rate_hz)
            sounds.append(sound)
            duration_s = len(sound) / rate_hz
        if clip.video is not None:
            inside = clip.video.stamps_ns < to_ns(duration_s)
            stamps.append(clip.video.stamps_ns[inside] + to_ns(start_s))
            vectors.append(clip.video.vectors[inside])
            present.append(clip.video.present[inside])
        spans.append(Span(start_s, start_s + duration_s, label))
        start_s += duration_s
    video = (
        FeatureTrack(np.concatenate(stamps), np.concatenate(vectors), np.concatenate(present))
        if stamps
        else None
    )
    audio = Waveform(np.concatenate(sounds), rate_hz) if sounds else None
    return Stream(name, tuple(spans), video, audio, start_s)


def _at_rate(waveform: Waveform, rate_hz: int) -> FloatArray:
    if waveform.rate_hz == rate_hz:
        return waveform.samples
    n = round(len(waveform.samples) * rate_hz / waveform.rate_hz)
    end_ns = round(n * NS_PER_S / rate_hz)
    return ResampledReader(rate_hz).read(waveform, end_ns, n).samples
