"""Playback of media files: pacing, loops, the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.capture.media_file import MediaFileSource, iter_media, probe, read_audio
from emolive.clock import now_ns
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame
from tests.helpers.listener import Collector
from tests.helpers.media import FRAMES_MS, RATE_HZ, chirp, write_media
from tests.helpers.numbered_images import number_of


def test_a_film_without_sound(tmp_path: Path) -> None:
    path = write_media(tmp_path / "silent.mp4", frame_ms=FRAMES_MS)
    info = probe(path)
    assert (info.has_video, info.has_audio) == (True, False)
    with pytest.raises(EmoliveError, match=r"silent\.mp4 has no sound"):
        read_audio(path)
    listener = Collector()
    source = MediaFileSource(path, paced=False)
    source.start(listener)
    assert listener.ended.wait(120)
    assert listener.codes_by_source == {"camera": ["live", "ended"], "microphone": ["none"]}


def test_unpaced_delivers_everything_once_and_ends(clip: Path) -> None:
    listener = Collector()
    source = MediaFileSource(clip, paced=False)
    source.start(listener, 5_000)
    assert listener.ended.wait(120)
    assert source.stop(60)
    expected = list(iter_media(clip))
    assert [item.t_ns for item in listener.items] == [item.t_ns + 5_000 for item in expected]
    assert listener.n_ends == 1
    assert listener.codes_by_source == {"camera": ["live", "ended"], "microphone": ["live", "ended"]}


def test_paced_gives_the_same_stamps_and_no_item_before_its_time(clip: Path) -> None:
    early: list[int] = []

    class Watch(Collector):
        def on_item(self, item: Frame | AudioBlock) -> None:
            super().on_item(item)
            if now_ns() < item.t_ns:
                early.append(item.t_ns)

    listener = Watch()
    start_ns = now_ns()
    source = MediaFileSource(clip, paced=True)
    source.start(listener, start_ns)
    assert listener.ended.wait(60)
    assert source.stop(60)
    assert not early
    frames, blocks = listener.frames, listener.blocks
    stamps = {start_ns + ms * 1_000_000 for ms in FRAMES_MS}
    assert {f.t_ns for f in frames} <= stamps
    np.testing.assert_allclose(np.concatenate([b.samples for b in blocks]), chirp(1.2), atol=1e-4)


def test_pictures_that_are_late_are_left_out_but_not_all(clip: Path) -> None:
    listener = Collector()
    source = MediaFileSource(clip, paced=True)
    source.start(listener, 1)
    assert listener.ended.wait(120)
    frames, blocks = listener.frames, listener.blocks
    indices = [f.index for f in frames]
    assert indices[0] == 0
    assert 3 <= len(indices) <= 5
    assert min(np.diff(indices)) >= 6
    assert sum(len(b.samples) for b in blocks) == len(chirp(1.2))


def test_a_loop_goes_on_with_increasing_stamps_and_without_a_hole(clip: Path) -> None:
    listener = Collector(enough_at=220)
    source = MediaFileSource(clip, paced=False, loop=True)
    source.start(listener, 0)
    assert listener.enough.wait(120)
    assert source.stop(60)
    assert listener.n_ends == 0
    frames, blocks = listener.frames, listener.blocks
    assert [number_of(f.image) for f in frames] == [i % 30 for i in range(len(frames))]
    assert [f.index for f in frames] == list(range(len(frames)))
    assert [f.t_ns for f in frames] == [40_000_000 * i for i in range(len(frames))]
    ring = AudioRingBuffer(RATE_HZ, seconds=10)
    for block in blocks:
        ring.write(block.samples, block.t_ns)
    samples, present = ring.read(2 * 1_200_000_000, 2 * len(chirp(1.2)))
    assert present.all()
    np.testing.assert_allclose(samples, np.tile(chirp(1.2), 2), atol=1e-4)


def test_stopping_a_paced_file_reports_no_end(clip: Path) -> None:
    listener = Collector(enough_at=1)
    source = MediaFileSource(clip, paced=True, loop=True)
    source.start(listener)
    assert listener.enough.wait(120)
    assert source.stop(60)
    count = len(listener.items)
    assert listener.n_ends == 0
    assert len(listener.items) == count
    with pytest.raises(RuntimeError):
        source.start(listener)
