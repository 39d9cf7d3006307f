"""The pictures of a file, in the order in which they are shown."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emolive.capture.container import open_media
from emolive.capture.decoded import check_video
from emolive.capture.packets import SkipFrames, decoded, seek
from emolive.capture.picture import PictureConverter
from emolive.capture.tracks import choose_tracks, pts_ns
from emolive.clock import NS_PER_S
from emolive.types import Frame, Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from emolive.capture.media_reader import MediaReader

DECODERS = 2
"""Decoder threads of a video stream."""
_REORDER = 4
"""How many frames are held back to sort them: some real clips (RAVDESS among them) are decoded out of
order."""
_RAW_VIDEO = {"h264", "hevc", "m4v", "mpegvideo", "vc1", "obu", "vvc"}
"""Formats without time stamps; the rate that the codec states is right, that of the format is a guess."""


def iter_video(reader: MediaReader, skip_frames: SkipFrames | None, start_ns: int) -> Iterator[Frame]:
    """The frames of a file; see `MediaReader.video`."""
    with open_media(reader.media) as container:
        stream = choose_tracks(reader.name, container, reader.tracks).video
        assert stream is not None
        # Frame threading: few files have slices, which the default would decode in parallel.
        stream.thread_type = "FRAME"
        stream.codec_context.thread_count = DECODERS
        convert = PictureConverter(stream.sample_aspect_ratio)
        is_raw = container.format.name in _RAW_VIDEO
        rate_hz = (is_raw and stream.codec_context.framerate) or stream.average_rate or 30
        step_ns = round(NS_PER_S / rate_hz)
        clock, t_ns = reader.clock("video"), 0
        if not is_raw:
            t_ns = pts_ns(stream.start_time or 0, stream.time_base) - reader.origin_ns
        t_ns -= step_ns
        seek(container, reader.origin_ns, start_ns)
        for index, (pts, frame) in enumerate(_in_order(decoded(container, stream, reader, skip_frames))):
            t_ns += step_ns
            if pts is not None:
                due_ns = clock.place(pts_ns(pts, frame.time_base) - reader.origin_ns, t_ns)
                # A timestamp that does not increase is a fault: such a frame follows at the nominal rate.
                if index == 0 or due_ns > t_ns - step_ns:
                    t_ns = due_ns
            reader.reached_ns = max(reader.reached_ns, t_ns + step_ns)
            with reader.located():
                check_video(frame)
            yield Frame(t_ns, LazyImage(frame, convert), index)


class LazyImage:
    """A decoded frame, converted to BGR when first called."""

    def __init__(self, frame: VideoFrame, convert: PictureConverter) -> None:
        self._frame: VideoFrame | None = frame
        self._convert = convert
        self._image: Image | None = None
        self.n_bytes = sum(plane.buffer_size for plane in frame.planes)
        """Of the decoded frame."""

    def __call__(self) -> Image:
        """(height, width, 3) BGR, upright."""
        frame = self._frame
        if frame is not None:
            self._image, self._frame = self._convert(frame), None
        assert self._image is not None
        return self._image


def _in_order(frames: Iterator[tuple[Any, VideoFrame]]) -> Iterator[tuple[int | None, VideoFrame]]:
    """Frames in order of time with their stamps, holding back a few.

    Stamps that follow those of decoding at one distance (AVI has no others) say nothing about the order of
    the pictures: that is the decoder's, and gets the stamps in theirs.
    """
    held: list[tuple[int, VideoFrame]] = []
    distance: int | None = None
    are_of_display = False

    def first() -> tuple[int, VideoFrame]:
        stamp = min(pts for pts, _ in held)
        chosen = min(held, key=operator.itemgetter(0)) if are_of_display else held[0]
        held.remove(chosen)
        if not are_of_display:
            # The others keep the stamps that are left.
            left = sorted([chosen[0], *(pts for pts, _ in held)])[1:]
            held[:] = [(pts, frame) for pts, (_, frame) in zip(left, held, strict=True)]
        return stamp, chosen[1]

    for packet, frame in frames:
        if frame.pts is None:
            yield None, frame
            continue
        if packet.pts is not None and packet.dts is not None:
            distance = packet.pts - packet.dts if distance is None else distance
            are_of_display = are_of_display or packet.pts - packet.dts != distance
        held.append((frame.pts, frame))
        if len(held) > _REORDER:
            yield first()
    while held:
        yield first()
