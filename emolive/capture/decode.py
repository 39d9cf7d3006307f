"""Decodes media files: used alike for playing, file analysis and preprocessing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from emolive.capture.av_offset import audio_shift_ns, shifted, video_shift_ns
from emolive.capture.base import SourceInfo
from emolive.capture.container import Media, media_of, open_media
from emolive.capture.media_reader import MediaReader, OnCorruption, OnNotice
from emolive.capture.timeline import merge
from emolive.capture.tracks import AUTOMATIC, TrackChoice, choose_tracks
from emolive.capture.video_frames import LazyImage
from emolive.clock import NS_PER_S
from emolive.errors import MediaError
from emolive.types import AudioBlock, FloatArray, Frame

Item = TypeVar("Item", Frame, AudioBlock)

MAX_READ_S = 4 * 3600
"""`read_audio` refuses what is longer."""


def probe(path: Media | str, tracks: TrackChoice = AUTOMATIC) -> SourceInfo:
    """Which streams a media file has, and its duration.

    Raises:
        MediaError: it cannot be played at all.
    """
    media = media_of(path)
    with open_media(media) as container:
        chosen = choose_tracks(media.name, container, tracks)
        duration_s = container.duration / 1_000_000 if container.duration else None
    return SourceInfo(
        name=media.name,
        has_video=chosen.video is not None,
        has_audio=chosen.audio is not None,
        live=False,
        duration_s=duration_s,
    )


def iter_media(
    path: Media | str,
    *,
    video: bool = True,
    audio: bool = True,
    on_corruption: OnCorruption | None = None,
    on_notice: OnNotice | None = None,
    tracks: TrackChoice = AUTOMATIC,
    start_ns: int = 0,
    av_offset_ns: int = 0,
) -> Iterator[Frame | AudioBlock]:
    """Decode a file: its frames and audio blocks in the order of their `t_ns`.

    Time 0 is where the earlier of the two streams starts, so that their offset is preserved; it does not
    depend on `video` and `audio`. Stamps that jump are corrected, see `emolive.capture.timeline`. All audio
    before a frame is yielded before the frame. A frame is converted to BGR when its image is first read.
    Audio is one channel (`emolive.audio.downmix`) at the file's own rate.

    Args:
        path: a media file, or one at a network address.
        video: whether to yield frames.
        audio: whether to yield audio blocks.
        on_corruption: called once with a sentence if data cannot be decoded; such data is left out.
        on_notice: called with sentences about what was chosen or corrected.
        tracks: which of several tracks to use.
        start_ns: begin with the frame that is shown at this time and with the sound from there on; the `t_ns`
            are the same as from the beginning. The indices of frames count from 0.
        av_offset_ns: by how much the sound is moved to later times against the picture; may be negative.

    Raises:
        MediaError: the file cannot be opened, or nothing in it can be decoded.
    """
    reader = MediaReader.open(media_of(path), tracks, on_corruption, on_notice)
    # One decoder per stream: a badly interleaved file needs no buffering.
    streams: list[Iterator[Frame | AudioBlock]] = []
    if audio and reader.has_audio:
        shift_ns = audio_shift_ns(av_offset_ns)
        streams.append(_from(start_ns, shifted(reader.audio(start_ns - shift_ns), shift_ns)))
    if video and reader.has_video:
        shift_ns = video_shift_ns(av_offset_ns)
        streams.append(_from(start_ns, shifted(reader.video(start_ns=start_ns - shift_ns), shift_ns)))
    is_empty = True
    for item in merge(streams, reader.on_jump, start_ns):
        is_empty = False
        yield item
    if start_ns:
        return
    if len(streams) == reader.has_audio + reader.has_video:
        reader.check_end()
    if streams and is_empty:
        raise reader.nothing_decoded()


def weight(item: Frame | AudioBlock) -> int:
    """How much memory an item holds, in megabytes: for `prefetch`."""
    source = item.image_source if isinstance(item, Frame) else None
    return source.n_bytes // 1_000_000 if isinstance(source, LazyImage) else 1


def read_audio(path: Media | str, tracks: TrackChoice = AUTOMATIC) -> tuple[FloatArray, int]:
    """Read all audio of a file.

    Returns:
        Samples (n,) float32, zero where there are none, and their rate in Hz. Sample 0 is at time 0 of
        `iter_media`.

    Raises:
        MediaError: the file has no audio, is too long, or cannot be opened.
    """
    media = media_of(path)
    blocks: list[AudioBlock] = []
    for item in iter_media(media, video=False, tracks=tracks):
        if isinstance(item, AudioBlock):
            blocks.append(item)
            if item.t_ns > MAX_READ_S * NS_PER_S:
                raise MediaError(
                    f"{media} is too long: {MAX_READ_S // 3600} h can be read at once, cut it into parts."
                )
    if not blocks:
        raise MediaError(f"{media.name} has no sound: choose a file with an audio track.")
    rate_hz = blocks[0].rate_hz
    starts = [round(block.t_ns * rate_hz / NS_PER_S) for block in blocks]
    samples = np.zeros(starts[-1] + len(blocks[-1].samples), np.float32)
    for start, block in zip(starts, blocks, strict=True):
        samples[start : start + len(block.samples)] = block.samples
    return samples, rate_hz


def _from(start_ns: int, items: Iterator[Item]) -> Iterator[Item]:
    """The items from a time on, with the frame or block that this time is in."""
    previous: Item | None = None
    for item in items:
        if item.t_ns >= start_ns:
            if previous is not None and item.t_ns > start_ns:
                yield previous
            yield item
            yield from items
            return
        previous = item
    if previous is not None and start_ns:
        yield previous
