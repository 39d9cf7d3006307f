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
    assert accepted == sorted({slot for slot in slots if slot >= 0})


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
