"""Long clips in parts, so that windows lie over the whole length of a clip and not only in its middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emolive.clock import NS_PER_S, to_ns, to_s
from emolive.file_analyzer import ClipFeatures
from emolive.models.spec import ModelSpec
from emolive.windowing import FeatureTrack, Waveform, centre_window_end_ns


@dataclass(frozen=True, slots=True)
class ClipPart:
    """A part of a clip. It is handled as a clip of its own whose label is that of the whole."""

    centre_end_ns: int
    """End of the window in its middle, in the time of the whole clip."""
    features: ClipFeatures
    """What is within it, in its own time."""


def clip_parts(clip: ClipFeatures, spec: ModelSpec) -> Iterator[ClipPart]:
    """As many equal parts as there are windows in the clip; one for a clip shorter than two windows.

    A window at a shift may begin before its part or end after it, and shows what is there.
    """
    n = max(1, int(clip.duration_s / spec.window_s + 1e-6))
    if n == 1:
        yield ClipPart(centre_window_end_ns(clip.duration_s, spec), clip)
        return
    bin_ns, part_ns = to_ns(spec.bin_s), to_ns(clip.duration_s) / n
    for i in range(n):
        start_ns, end_ns = round(i * part_ns), round((i + 1) * part_ns)
        centre_ns = (start_ns + end_ns + to_ns(spec.window_s)) / 2
        yield ClipPart(round(centre_ns / bin_ns) * bin_ns, _cut(clip, start_ns, end_ns))


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
