"""The sound of a file, in blocks of one channel and one rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emolive.capture.audio_blocks import BlockCutter
from emolive.capture.channel_mixer import ChannelMixer
from emolive.capture.container import open_media
from emolive.capture.decoded import channels_of
from emolive.capture.packets import decoded, seek
from emolive.capture.tracks import choose_tracks, pts_ns
from emolive.types import AudioBlock

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

    from emolive.capture.media_reader import MediaReader


def iter_audio(reader: MediaReader, start_ns: int) -> Iterator[AudioBlock]:
    """Audio blocks at the rate of the first frame, also if the stream's rate changes."""
    with open_media(reader.media) as container:
        stream = choose_tracks(reader.name, container, reader.tracks).audio
        assert stream is not None
        clock, blocks = reader.clock("audio"), None
        mixer, layout = None, None
        seek(container, reader.origin_ns, start_ns)
        for _, frame in decoded(container, stream, reader):
            with reader.located():
                channels = channels_of(frame)
            due_ns = None
            if frame.pts is not None:
                due_ns = pts_ns(frame.pts, frame.time_base) - reader.origin_ns
                due_ns = clock.place(due_ns, 0 if blocks is None else blocks.end_ns)
            if blocks is None:
                blocks = BlockCutter(frame.sample_rate, due_ns or 0)
            if mixer is None or layout != (frame.layout.name, frame.sample_rate):
                mixer, layout = _mixer(frame), (frame.layout.name, frame.sample_rate)
            samples, refused = mixer(channels)
            if refused is not None:
                reader.report_implausible_sound()
            yield from blocks.add(samples, frame.sample_rate, due_ns)
            reader.reached_ns = max(reader.reached_ns, blocks.end_ns)
        if blocks is not None:
            yield from blocks.flush()


def _mixer(frame: AudioFrame) -> ChannelMixer:
    names = [channel.name for channel in frame.layout.channels]
    return ChannelMixer(frame.layout.nb_channels, frame.sample_rate, names)
