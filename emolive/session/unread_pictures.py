"""Whether the pictures that come are looked at: where they are not, nothing is known of a face."""

from __future__ import annotations

from typing import Literal

from emolive.clock import to_ns
from emolive.hints import RECENT_BINS
from emolive.session.stream import Stream

Unread = Literal["starting", "slow"]
"""Why no picture was looked at: none was yet, or the computer does not keep up."""


def pictures_unread(stream: Stream, end_ns: int, bin_s: float) -> Unread | None:
    """Why none of the newest pictures has been looked at, although there are some; None if one has.

    A camera that pauses is no such case. A drawing never pauses, and a file that is decoded more slowly than
    it plays has more pictures than come, so that the lack of theirs too is the computer's.

    Args:
        stream: of the source.
        end_ns: when the newest window ends.
        bin_s: length of a bin.
    """
    features, frame = stream.features, stream.frame
    if not stream.realtime or not stream.has_video or stream.video_lost or stream.ended.is_set():
        return None
    start_ns = end_ns - to_ns(RECENT_BINS * bin_s)
    if not _has_more(stream) and (frame is None or frame.t_ns <= start_ns):
        return None
    if features is None:
        return "starting"
    looked_at, _, _ = features.buffer.between(start_ns + 1, end_ns)
    return None if len(looked_at) else "slow"


def _has_more(stream: Stream) -> bool:
    """Whether the source has more pictures than it delivers."""
    if stream.is_synthetic:
        return True
    status = stream.statuses.get("camera")
    return status is not None and status.code == "slow"
