"""Whose voice is heard where several faces are seen: that of the face that is read, or nobody's.

A single face is taken to be the one that speaks. Where there are others, a bin's speech counts only if the
lips of the read face move in it; otherwise it is left out like sound that was not recorded, so that it can
reach neither the answer nor the person's statistics.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emolive.clock import to_ns
from emolive.vision.lips import LipTrack
from emolive.windowing import FeatureWindow

AROUND_S = 0.36
"""Lips are watched for this long before and behind a bin too: a sound may begin with closed lips."""
OTHERS_S = 1.2
"""Other faces count for this long after they were seen: they are searched for from time to time."""


def without_others_voice(window: FeatureWindow, lips: LipTrack, bin_s: float) -> tuple[FeatureWindow, bool]:
    """The window with the voice of the read face only.

    Args:
        window: from `emolive.windowing.extract_window`.
        lips: of the face that is read.
        bin_s: length of a bin.

    Returns:
        The window, and whether speech was left out.
    """
    n_bins, n_frames, bin_ns = len(window.video_present), len(window.speech), to_ns(bin_s)
    start_ns = window.end_ns - n_bins * bin_ns
    if not n_frames or lips.is_alone(start_ns - to_ns(OTHERS_S), window.end_ns):
        return window, False
    around_ns, own = to_ns(AROUND_S), np.ones(n_bins, np.bool_)
    for index in range(n_bins):
        bin_start_ns = start_ns + index * bin_ns
        if not lips.is_alone(bin_start_ns - to_ns(OTHERS_S), bin_start_ns + bin_ns):
            # Not beyond the window's end: live, nothing is known of that yet.
            until_ns = min(bin_start_ns + bin_ns + around_ns, window.end_ns)
            own[index] = lips.speaks(bin_start_ns - around_ns, until_ns)
    own_frames = own[np.arange(n_frames) * n_bins // n_frames]
    foreign = window.speech & ~own_frames
    if not foreign.any():
        return window, False
    changed = replace(
        window, audio_present=window.audio_present & ~foreign, speech=window.speech & own_frames
    )
    return changed, True
