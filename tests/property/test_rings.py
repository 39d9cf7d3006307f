"""The rings against a model that is nothing but a dictionary."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.clock import NS_PER_S

RATES = st.sampled_from([8000, 16000, 22050, 44100, 48000])
START_NS = 7_000_000_123


def ramp(first: int, n: int) -> np.ndarray:
    """Samples that tell their own number (exact in float32 below 2**24)."""
    return np.arange(first + 1, first + 1 + n, dtype=np.float32)


def stamp(index: int, rate_hz: int) -> int:
    return START_NS + round(index * NS_PER_S / rate_hz)


@st.composite
def pieces(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Blocks as (gap before it, length), in samples; a gap is none or long enough to be one."""
    gap = st.one_of(st.just(0), st.just(0), st.integers(5000, 9000))
    return draw(st.lists(st.tuples(gap, st.integers(1, 3000)), min_size=1, max_size=30))


@settings(max_examples=60, deadline=None)
@given(rate_hz=RATES, blocks=pieces(), data=st.data())
def test_reads_what_was_written_at_that_time(
    rate_hz: int, blocks: list[tuple[int, int]], data: st.DataObject
) -> None:
    ring = AudioRingBuffer(rate_hz, seconds=0.5)
    model: dict[int, float] = {}
    at = 0
    for i, (gap, n) in enumerate(blocks):
        at += gap if i else 0
        samples = ramp(at, n)
        ring.write(samples, stamp(at, rate_hz))
        model.update(enumerate(samples.tolist(), start=at))
        at += n
    kept = {i: value for i, value in model.items() if i >= at - ring.capacity}
    for _ in range(5):
        end = data.draw(st.integers(-100, at + 6000))
        n = data.draw(st.integers(0, 12000))
        samples, present = ring.read(stamp(end, rate_hz), n)
        expected = [kept.get(i, 0.0) for i in range(end - n, end)]
        assert samples.tolist() == expected
        assert present.tolist() == [i in kept for i in range(end - n, end)]
    newest = ring.newest_ns
    assert newest is not None
    assert abs(newest - stamp(at, rate_hz)) <= 1 + NS_PER_S // rate_hz


@settings(max_examples=60, deadline=None)
@given(rate_hz=RATES, total=st.integers(1, 40_000), data=st.data())
def test_how_the_sound_is_cut_into_blocks_does_not_matter(
    rate_hz: int, total: int, data: st.DataObject
) -> None:
    atomic_write = AudioRingBuffer(rate_hz, seconds=1.0)
    cut = AudioRingBuffer(rate_hz, seconds=1.0)
    atomic_write.write(ramp(0, total), START_NS)
    at = 0
    while at < total:
        n = data.draw(st.integers(1, 9000))
        cut.write(ramp(at, min(n, total - at)), stamp(at, rate_hz))
        at += n
    for hop_ns in (0, 50_000_000, 250_000_000, 333_333_333, data.draw(st.integers(0, NS_PER_S))):
        a, b = atomic_write.read(START_NS + hop_ns, 3000), cut.read(START_NS + hop_ns, 3000)
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


@settings(max_examples=30, deadline=None)
@given(rate_hz=RATES, seed=st.integers(0, 2**32 - 1), drift_ppm=st.floats(-200, 200))
def test_jitter_and_drift_of_the_stamps_are_evened_out(rate_hz: int, seed: int, drift_ppm: float) -> None:
    rng = np.random.default_rng(seed)
    ring = AudioRingBuffer(rate_hz, seconds=2.0)
    n = rate_hz // 50
    true_rate_hz = rate_hz * (1 + drift_ppm * 1e-6)
    for i in range(400):
        late_ns = int(rng.uniform(-3e6, 3e6)) + (int(80e6) if rng.random() < 0.05 else 0)
        ring.write(ramp(i * n, n), START_NS + round(i * n * NS_PER_S / true_rate_hz) + late_ns)
    end = 400 * n - n // 2
    samples, present = ring.read(START_NS + round(end * NS_PER_S / true_rate_hz), n)
    assert present.all()
    assert abs(samples[-1] - end) < 0.003 * rate_hz
    np.testing.assert_array_equal(np.diff(samples), 1)


def test_one_very_late_stamp_does_not_displace_what_follows() -> None:
    ring = AudioRingBuffer(48000, seconds=2.0)
    for i in range(60):
        late_ns = 150_000_000 if i == 30 else 0
        ring.write(ramp(i * 960, 960), stamp(i * 960, 48000) + late_ns)
    samples, present = ring.read(stamp(60 * 960, 48000), 28 * 960)
    assert present.all()
    np.testing.assert_array_equal(samples, ramp(32 * 960, 28 * 960))


def test_a_sound_that_starts_over_much_earlier_is_taken_from_there() -> None:
    ring = AudioRingBuffer(8000, seconds=1.0)
    ring.write(ramp(0, 4000), stamp(100_000, 8000))
    ring.write(ramp(0, 1000), stamp(0, 8000))
    samples, present = ring.read(stamp(1000, 8000), 1500)
    assert present.tolist() == [False] * 500 + [True] * 1000
    np.testing.assert_array_equal(samples[500:], ramp(0, 1000))


def test_an_empty_or_cleared_ring_has_nothing() -> None:
    ring = AudioRingBuffer(16000, seconds=1.0)
    ring.write(np.zeros(0, np.float32), START_NS)
    assert ring.newest_ns is None
    ring.write(ramp(0, 20_000), START_NS)
    ring.clear()
    samples, present = ring.read(START_NS, 10)
    assert not samples.any()
    assert not present.any()
    ring.write(ramp(0, 10), START_NS - NS_PER_S)
    assert ring.read(stamp(10, 16000) - NS_PER_S, 10)[0].tolist() == ramp(0, 10).tolist()


def test_a_reader_sees_whole_blocks_while_another_thread_writes() -> None:
    rate_hz, n = 48000, 960
    ring = AudioRingBuffer(rate_hz, seconds=0.5)
    stop = threading.Event()

    def write() -> None:
        for i in range(4000):
            ring.write(ramp(i * n, n), stamp(i * n, rate_hz))
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    windows = 0
    while not stop.is_set() or windows == 0:
        newest = ring.newest_ns
        if newest is None:
            continue
        samples, present = ring.read(newest, 5000)
        held = samples[present]
        np.testing.assert_array_equal(np.diff(held), 1)
        windows += 1
    writer.join()


@settings(max_examples=80, deadline=None)
@given(
    capacity=st.integers(1, 12),
    pairs=st.lists(st.tuples(st.integers(-20, 200), st.booleans()), max_size=40),
    start=st.integers(-30, 210),
    length=st.integers(-5, 100),
)
def test_vectors_between_two_stamps(
    capacity: int, pairs: list[tuple[int, bool]], start: int, length: int
) -> None:
    ring = FeatureBuffer(capacity, dim=3)
    model: list[tuple[int, bool]] = []
    for t_ns, there in pairs:
        taken = ring.append(t_ns, np.full(3, t_ns, np.float32) if there else None)
        assert taken == (not model or t_ns > model[-1][0])
        if taken:
            model.append((t_ns, there))
    model = model[-capacity:]
    wanted = [(t, there) for t, there in model if start <= t <= start + length]
    stamps, vectors, present = ring.between(start, start + length)
    assert stamps.tolist() == [t for t, _ in wanted]
    assert present.tolist() == [there for _, there in wanted]
    assert vectors.shape == (len(wanted), 3)
    assert vectors[:, 0].tolist() == [t if there else 0 for t, there in wanted]
    assert ring.newest_ns == (model[-1][0] if model else None)
    assert len(ring) == len(model)
    ring.clear()
    assert ring.newest_ns is None
    assert len(ring.between(-1000, 1000)[0]) == 0


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        FeatureBuffer(4, dim=3).append(0, np.zeros(2, np.float32))


@pytest.mark.parametrize("bad", [(0, 1.0), (16000, 0.0)])
def test_an_audio_ring_needs_a_rate_and_a_length(bad: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        AudioRingBuffer(*bad)


def test_a_vector_ring_needs_a_capacity() -> None:
    with pytest.raises(ValueError, match="positive"):
        FeatureBuffer(0, dim=3)
