"""From the packets of one stream of a file to decoded frames; what is damaged is reported and left out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from emolive.clock import NS_PER_S

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from emolive.capture.media_reader import MediaReader

SkipMode = Literal["DEFAULT", "NONREF", "NONKEY"]
SkipFrames = Callable[[bool], SkipMode]
"""Which frames the decoder may leave out now: FFmpeg's "DEFAULT", "NONREF" or "NONKEY". Called before each
packet, with whether it is a key frame."""

_JOINT = 4
"""Where recordings were joined a packet is marked as corrupt that is whole; a key frame follows within this
many packets."""


def seek(container: InputContainer, origin_ns: int, start_ns: int) -> None:
    """Continue at a key frame before a time; files that cannot be searched are decoded from the beginning."""
    import av

    margin_ns = NS_PER_S // 2
    if start_ns > margin_ns:
        with contextlib.suppress(av.FFmpegError, OSError):
            container.seek((origin_ns + start_ns - margin_ns) // 1000)


def decoded(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    reader: MediaReader,
    skip_frames: SkipFrames | None = None,
) -> Iterator[Any]:
    """All frames of a stream that can be decoded, in the decoder's order, each with its packet."""
    import av

    packets = container.demux(stream)
    suspected, has_skipped = 0, False
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError, IndexError):
            # IndexError: a damaged container has fewer streams than it announced.
            reader.report_corruption()
            return
        if packet is None:
            if suspected and not reader.is_open_ended:
                reader.report_corruption()
            return
        if packet.is_keyframe and not packet.is_corrupt:
            suspected = 0
        elif packet.is_corrupt or suspected:
            suspected += 1
            if suspected > _JOINT:
                reader.report_corruption()
        if skip_frames is not None and packet.size:
            skip = skip_frames(packet.is_keyframe)
            has_skipped = has_skipped or skip != "DEFAULT"
            stream.codec_context.skip_frame = skip
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            reader.report_corruption()
            continue
        for frame in frames:
            # A frame may refer to one that was skipped.
            if frame.is_corrupt and not has_skipped:
                reader.report_corruption()
            yield packet, frame
