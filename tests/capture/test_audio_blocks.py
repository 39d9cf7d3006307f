"""Frames of a decoder become blocks of one rate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from emolive.capture.audio_blocks import BlockCutter
from emolive.capture.decode import iter_media
from emolive.clock import NS_PER_S, to_ns
from emolive.paths import data_dir
from emolive.types import AudioBlock
from tests.helpers.sounds import sine

FRAME_S = 0.025


def frames(rate_hz: int, seconds: float, start_s: float = 0.0) -> list[tuple[np.ndarray, int, int]]:
    """A sine of 300 Hz, as (samples, rate, stamp)."""
    sound, n = (
        sine(300, rate_hz, start_s + seconds, 0.5)[round(start_s * rate_hz) :],
        round(FRAME_S * rate_hz),
    )
    starts = range(0, len(sound), n)
    return [(sound[i : i + n], rate_hz, to_ns(start_s) + round(i * NS_PER_S / rate_hz)) for i in starts]


def cut(parts: list[tuple[np.ndarray, int, int]]) -> list[AudioBlock]:
    cutter = BlockCutter(parts[0][1], parts[0][2])
    blocks = [block for part in parts for block in cutter.add(*part)]
    return [*blocks, *cutter.flush()]


def assert_contiguous(blocks: list[AudioBlock]) -> None:
    count = 0
    for block in blocks:
        assert block.t_ns == blocks[0].t_ns + round(count * NS_PER_S / block.rate_hz)
        assert 0 < len(block.samples) <= round(0.02 * block.rate_hz)
        count += len(block.samples)


@pytest.mark.parametrize("rates", [(48_000,), (48_000, 44_100), (44_100, 48_000, 44_100), (22_050, 48_001)])
def test_audio_goes_on_at_the_first_rate(rates):
    blocks = cut([part for i, rate_hz in enumerate(rates) for part in frames(rate_hz, 1.0, float(i))])
    assert {block.rate_hz for block in blocks} == {rates[0]}
    assert_contiguous(blocks)
    actual = np.concatenate([block.samples for block in blocks])
    expected = sine(300, rates[0], len(rates), 0.5)
    assert len(actual) == pytest.approx(len(expected), abs=2)
    n, edge = min(len(actual), len(expected)), round(0.01 * rates[0])
    inside = np.arange(n)
    for change_s in range(1, len(rates) + 1):
        # At a change both signals begin and end abruptly.
        inside = inside[np.abs(inside - change_s * rates[0]) > edge]
    assert_allclose(actual[inside], expected[inside], atol=0.02)


@pytest.mark.parametrize("rates", [(48_000, 48_000), (48_000, 44_100)])
@pytest.mark.parametrize("gap_s", [0.05, 1.0])
def test_a_gap_stays_where_it_is(rates, gap_s):
    blocks = cut(frames(rates[0], 1.0) + frames(rates[1], 1.0, 1.0 + gap_s))
    after = next(block for block in blocks if block.t_ns >= to_ns(1.0 + gap_s) - 10)
    assert after.t_ns == pytest.approx(to_ns(1.0 + gap_s), abs=10)
    assert blocks[-1].t_ns + to_ns(len(blocks[-1].samples) / 48_000) == pytest.approx(
        to_ns(2 + gap_s), abs=50_000
    )


def test_frames_without_a_stamp_follow_each_other():
    cutter = BlockCutter(48_000, to_ns(0.5))
    blocks = [
        block for samples, rate_hz, _ in frames(48_000, 1.0) for block in cutter.add(samples, rate_hz, None)
    ]
    assert blocks[0].t_ns == to_ns(0.5)
    assert_contiguous(blocks)


@pytest.mark.data
def test_a_recorded_change_of_rate():
    path = data_dir().parent / "cases" / "sound_rate_changes.ts"
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer")
    corruptions: list[str] = []
    items = list(iter_media(path, video=False, on_corruption=corruptions.append))
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    assert not corruptions
    assert {block.rate_hz for block in blocks} == {48_000}
    loud_s = [block.t_ns / NS_PER_S for block in blocks if np.abs(block.samples).max() > 0.01]
    assert min(loud_s) < 4 < max(loud_s)
