"""Which frames are accepted for perception."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec
from emolive.vision.frame_sampler import VIDEO_FEATURE_HZ, FrameSampler

BIN_NS = to_ns(0.24)
SPEC = ModelSpec(encoders=("geometry",), landmarker="dlib68", pooling="mean", baselines=("none",))


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.floats(5, 120),
    jitter=st.floats(0, 0.45),
    seed=st.integers(0, 2**16),
    origin_ns=st.integers(0, 10**15),
    pooling=st.sampled_from(["mean", "middle"]),
)
def test_the_first_frame_of_every_slot_is_accepted(rate_hz, jitter, seed, origin_ns, pooling):
    spec = replace(SPEC, pooling=pooling)
    sampler = FrameSampler(spec, origin_ns)
    wobble = np.random.default_rng(seed).uniform(-jitter, jitter, round(4 * rate_hz))
    stamps = origin_ns + np.sort((np.arange(len(wobble)) + wobble) / rate_hz * NS_PER_S).astype(np.int64)
    stamps = np.unique(stamps)
    period_ns = NS_PER_S / VIDEO_FEATURE_HZ if pooling == "mean" else spec.bin_s * NS_PER_S
    start_ns = origin_ns + (-round(period_ns / 4) if pooling == "mean" else BIN_NS // 2)
    slots = [int((t - start_ns) // period_ns) for t in stamps.tolist()]
    accepted = [slot for slot, t in zip(slots, stamps.tolist(), strict=True) if sampler.accept(t)]
    assert sorted(set(accepted) - {-1}) == sorted({slot for slot in slots if slot >= 0})
    if pooling == "mean" or np.diff(stamps).max(initial=0) <= BIN_NS / 2:
        assert len(accepted) == len(set(accepted))


@pytest.mark.parametrize("rate_hz", [1, 2, 3, 4, 5, 6, 7, 8, 8.3, 10, 12, 15, 25, 30])
@pytest.mark.parametrize("late_s", [0.0, 0.013, 0.11])
def test_no_bin_that_has_a_frame_is_left_empty(rate_hz, late_s):
    sampler = FrameSampler(replace(SPEC, pooling="middle"), 0)
    stamps = [round((i / rate_hz + late_s) * NS_PER_S) for i in range(round(8 * rate_hz))]
    accepted = [t for t in stamps if sampler.accept(t)]
    filled, there = ({-(-t // BIN_NS) for t in some} for some in (accepted, stamps))
    # Nothing says how rare frames are before the second one, and the last bin may not be complete.
    assert there - {-(-stamps[0] // BIN_NS), max(there)} <= filled
    if rate_hz > 8.4:
        assert len(accepted) <= 8 / 0.24 + 1


@pytest.mark.parametrize("rate_hz", [15, 24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("jitter_s", [0, 0.005])
def test_a_camera_fast_enough_fills_every_slot(rate_hz, jitter_s):
    sampler = FrameSampler(SPEC, 0)
    wobble = np.random.default_rng(0).uniform(-jitter_s, jitter_s, round(10 * rate_hz))
    n_accepted = sum(sampler.accept(round((i / rate_hz + w) * NS_PER_S)) for i, w in enumerate(wobble))
    assert abs(n_accepted - 10 * VIDEO_FEATURE_HZ) <= 1


def test_the_sampler_asks_only_for_times_that_were_not_yet():
    sampler = FrameSampler(SPEC, 1_000)
    assert sampler.accept(1_000)
    assert not sampler.accept(1_000)
    assert not sampler.accept(500)
