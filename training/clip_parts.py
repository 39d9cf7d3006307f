"""Long clips in parts, so that windows lie over the whole length of a clip and not only in its middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emolive.clip_features import ClipFeatures
from emolive.clock import NS_PER_S, to_s
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from preprocessing.clip_parts import part_spans


@dataclass(frozen=True, slots=True)
class ClipPart:
    """A part of a clip; see `preprocessing.clip_parts`."""

    centre_end_ns: int
    """End of the window in its middle, in the time of the whole clip."""
    features: ClipFeatures
    """What is within it, in its own time."""


def clip_parts(clip: ClipFeatures, spec: ModelSpec) -> Iterator[ClipPart]:
    """The parts of a clip; a short one is its only part.

    A window at a shift may begin before its part or end after it, and shows what is there.
    """
    spans = part_spans(clip.duration_s, spec)
    for span in spans:
        part = clip if len(spans) == 1 else _cut(clip, span.start_ns, span.end_ns)
        yield ClipPart(span.centre_end_ns, part)


def _cut(clip: ClipFeatures, start_ns: int, end_ns: int) -> ClipFeatures:
    video = audio = None
    if clip.video is not None:
        stamps_ns, vectors, present = clip.video.between(start_ns, end_ns - 1)
        video = FeatureTrack(stamps_ns - start_ns, vectors, present)
    if clip.audio is not None:
        rate_hz = clip.audio.rate_hz
        first, last = (round(t_ns * rate_hz / NS_PER_S) for t_ns in (start_ns, end_ns))
        audio = Waveform(np.asarray(clip.audio.samples[first:last]), rate_hz)
    return ClipFeatures(clip.path, video, audio, to_s(end_ns - start_ns))
