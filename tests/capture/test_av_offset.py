"""Moving sound against picture, and measuring by how much it has to be moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.capture.av_offset import audio_shift_ns, video_shift_ns
from emolive.capture.decode import iter_media
from emolive.capture.flash_beep import (
    PERIOD_S,
    RATE_HZ,
    SyncMeter,
    beeps,
    find_beeps,
    is_on,
    picture,
    write_clip,
)
from emolive.clock import to_ns
from emolive.session.stream import Stream
from emolive.session.stream_listener import StreamListener
from emolive.types import AudioBlock, Frame

STEP_NS = 40_000_000


@pytest.mark.parametrize("offset_ms", [-120, 0, 80])
def test_only_one_stream_of_a_file_is_moved_and_to_later_times(clip: Path, offset_ms: int) -> None:
    plain = list(iter_media(clip))
    moved = list(iter_media(clip, av_offset_ns=offset_ms * 1_000_000))
    assert [item.t_ns for item in moved] == sorted(item.t_ns for item in moved)
    for kind, by_ms in ((Frame, max(-offset_ms, 0)), (AudioBlock, max(offset_ms, 0))):
        before = [item.t_ns for item in plain if isinstance(item, kind)]
        assert [item.t_ns for item in moved if isinstance(item, kind)] == [
            t_ns + by_ms * 1_000_000 for t_ns in before
        ]


@pytest.mark.parametrize("offset_ns", [-to_ns(0.1), 0, to_ns(0.1)])
def test_a_session_moves_what_its_sources_deliver(offset_ns: int) -> None:
    stream = Stream("demo", None, None, realtime=True, has_video=True, window_s=3.6)
    stream.av_offset_ns = offset_ns
    listener = StreamListener(stream)
    listener.on_frame(Frame(to_ns(1), np.zeros((48, 64, 3), np.uint8), 0))
    assert stream.frame is not None
    assert stream.frame.t_ns == to_ns(1) + video_shift_ns(offset_ns)
    listener.on_audio(AudioBlock(to_ns(1), np.zeros(960, np.float32), 48_000))
    assert stream.audio is not None
    assert stream.audio.newest_ns == to_ns(1.02) + audio_shift_ns(offset_ns)


def meter(late_s: float, seconds: float = 8.0) -> SyncMeter:
    """A meter that saw flashes `late_s` after it heard the beeps, at 25 pictures a second."""
    result = SyncMeter(seconds)
    sound = beeps(seconds)
    for first in range(0, len(sound), 960):
        t_ns = to_ns(first / RATE_HZ)
        result.on_audio(AudioBlock(t_ns, sound[first : first + 960], RATE_HZ))
        if t_ns % STEP_NS == 0:
            image = picture(t_ns / 1e9 - late_s, (64, 48))
            result.on_frame(Frame(t_ns, image, t_ns // STEP_NS))
    return result


@pytest.mark.parametrize("late_s", [0.0, 0.2, -0.3])
def test_the_offset_is_measured(late_s: float) -> None:
    result = meter(late_s).result()
    assert len(result.offsets_ms) >= 4
    assert result.frame_period_ms == 40
    assert abs(result.p50_ms - 1000 * late_s) <= 25, "half a frame and some milliseconds"
    assert result.p95_ms >= abs(result.p50_ms) - 20


def test_without_flashes_or_beeps_there_are_no_pairs() -> None:
    silent = SyncMeter(2.0)
    for index in range(50):
        silent.on_frame(Frame(index * STEP_NS, picture(0.0, (64, 48)), index))
    assert silent.result().offsets_ms == ()
    noise = np.random.default_rng(1).normal(0, 0.05, 2 * RATE_HZ).astype(np.float32)
    assert len(find_beeps(noise, np.ones(len(noise), np.bool_), RATE_HZ)) == 0


def test_beeps_are_found_in_noise() -> None:
    sound = beeps(6.0)
    noisy = sound + np.random.default_rng(1).normal(0, 0.01, len(sound)).astype(np.float32)
    found = find_beeps(noisy, np.ones(len(noisy), np.bool_), RATE_HZ)
    np.testing.assert_allclose(found / RATE_HZ, [PERIOD_S * (i + 0.5) for i in range(4)], atol=0.002)


def test_the_clip_shows_a_flash_at_each_beep(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, 3.0)
    items = list(iter_media(path))
    lit = [round(item.t_ns / 1e9, 2) for item in items if isinstance(item, Frame) and item.image.mean() > 128]
    assert lit == [round(i / 25, 2) for i in range(75) if is_on(i / 25)]
    sound = np.concatenate([item.samples for item in items if isinstance(item, AudioBlock)])
    found = find_beeps(sound, np.ones(len(sound), np.bool_), RATE_HZ) / RATE_HZ
    np.testing.assert_allclose(found, [0.75, 2.25], atol=0.03)
