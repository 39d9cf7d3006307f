"""The ring buffers against a reference model (a dictionary or a list)."""

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
    """Samples whose value is their index (exact in float32 below 2**24)."""
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
def test_read_returns_the_samples_of_that_time(
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
    stored = {i: value for i, value in model.items() if i >= at - ring.capacity}
    for _ in range(5):
        end = data.draw(st.integers(-100, at + 6000))
        n = data.draw(st.integers(0, 12000))
        samples, present = ring.read(stamp(end, rate_hz), n)
        expected = [stored.get(i, 0.0) for i in range(end - n, end)]
        assert samples.tolist() == expected
        assert present.tolist() == [i in stored for i in range(end - n, end)]
    newest = ring.newest_ns
    assert newest is not None
    assert abs(newest - stamp(at, rate_hz)) <= 1 + NS_PER_S // rate_hz


@settings(max_examples=60, deadline=None)
@given(rate_hz=RATES, total=st.integers(1, 40_000), data=st.data())
def test_block_boundaries_have_no_effect(rate_hz: int, total: int, data: st.DataObject) -> None:
    one_block = AudioRingBuffer(rate_hz, seconds=1.0)
    cut = AudioRingBuffer(rate_hz, seconds=1.0)
    one_block.write(ramp(0, total), START_NS)
    at = 0
    while at < total:
        n = data.draw(st.integers(1, 9000))
        cut.write(ramp(at, min(n, total - at)), stamp(at, rate_hz))
        at += n
    for hop_ns in (0, 50_000_000, 250_000_000, 333_333_333, data.draw(st.integers(0, NS_PER_S))):
        a, b = one_block.read(START_NS + hop_ns, 3000), cut.read(START_NS + hop_ns, 3000)
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


def place_of(ring: AudioRingBuffer, value: float, t_ns: int) -> int:
    """How many samples later than `t_ns` a ramp's sample is found."""
    samples, _ = ring.read(t_ns + NS_PER_S // 4, ring.rate_hz // 2)
    (at,) = np.flatnonzero(samples == value)
    return int(at) - ring.rate_hz // 4


@pytest.mark.parametrize("jitter_ms", [0.0, 3.0])
@pytest.mark.parametrize("lost_ms", [20, 45, 90])
def test_a_short_loss_leaves_a_gap_where_it_was(lost_ms: int, jitter_ms: float) -> None:
    rng, rate_hz, n = np.random.default_rng(3), 48_000, 960
    ring = AudioRingBuffer(rate_hz, seconds=6.0)
    at, found = 0, []
    for i in range(200):
        if i and i % 50 == 0:
            found.append(at)
            at += lost_ms * rate_hz // 1000
        ring.write(ramp(at, n), stamp(at, rate_hz) + round(rng.uniform(-1, 1) * jitter_ms * 1e6))
        at += n
    reach = round((1.5 * jitter_ms + 1) * 1e-3 * rate_hz)
    for start in found:
        for index in (start - 480, start + lost_ms * 48 + 480):
            assert abs(place_of(ring, index + 1, stamp(index, rate_hz))) <= reach
    _, present = ring.read(stamp(at, rate_hz), at)
    missing = np.count_nonzero(~present[rate_hz // 10 :])
    assert abs(missing - 3 * lost_ms * 48) <= 8 * reach


def test_a_loss_that_the_device_reports_is_placed_at_once() -> None:
    ring, n = AudioRingBuffer(48_000, seconds=2.0), 960
    for i in range(10):
        ring.write(ramp(i * n, n), stamp(i * n, 48_000))
    at = 10 * n + 2400
    ring.write(ramp(at, n), stamp(at, 48_000), lost_before=True)
    samples, present = ring.read(stamp(at + n, 48_000), n + 2400 + n)
    np.testing.assert_array_equal(samples[-n:], ramp(at, n))
    assert present.tolist() == [True] * n + [False] * 2400 + [True] * n


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_stored(odd: float) -> None:
    ring = AudioRingBuffer(8000, seconds=1.0)
    samples = ramp(0, 100)
    samples[[10, 60]] = odd
    ring.write(samples, START_NS)
    read, present = ring.read(stamp(100, 8000), 100)
    assert np.flatnonzero(~present).tolist() == [10, 60]
    assert np.isfinite(read).all()
    assert np.isnan(samples[10]) or np.isinf(samples[10]), "the caller's array is left as it is"


def test_audio_that_restarts_earlier_resets_the_clock() -> None:
    ring = AudioRingBuffer(8000, seconds=1.0)
    ring.write(ramp(0, 4000), stamp(100_000, 8000))
    ring.write(ramp(0, 1000), stamp(0, 8000))
    samples, present = ring.read(stamp(1000, 8000), 1500)
    assert present.tolist() == [False] * 500 + [True] * 1000
    np.testing.assert_array_equal(samples[500:], ramp(0, 1000))


def test_a_vector_that_is_not_finite_counts_as_no_face() -> None:
    buffer = FeatureBuffer(2, seconds=1.0)
    assert buffer.append(START_NS, np.array([1.0, np.nan], np.float32))
    assert buffer.append(START_NS + 1, np.array([1.0, 2.0], np.float32))
    _, vectors, present = buffer.between(START_NS, START_NS + 1)
    assert present.tolist() == [False, True]
    assert np.isfinite(vectors).all()
    assert buffer.n_refused == 1


def test_an_empty_ring_has_nothing() -> None:
    ring = AudioRingBuffer(16000, seconds=1.0)
    ring.write(np.zeros(0, np.float32), START_NS)
    assert ring.newest_ns is None
    samples, present = ring.read(START_NS, 10)
    assert not samples.any()
    assert not present.any()


@settings(max_examples=40, deadline=None)
@given(written=st.integers(1, 30_000), longer_s=st.floats(0.3, 3), more=st.integers(0, 30_000))
def test_an_extended_ring_keeps_its_samples(written: int, longer_s: float, more: int) -> None:
    rate_hz = 8000
    ring = AudioRingBuffer(rate_hz, seconds=1.0)
    ring.write(ramp(0, written), START_NS)
    ring.extend_to(longer_s)
    capacity = max(8000, round(rate_hz * longer_s))
    assert ring.capacity == capacity
    if more:
        ring.write(ramp(written, more), stamp(written, rate_hz))
    oldest = max(0, written - 8000, written + more - capacity)
    if more > capacity:
        oldest = written + more - capacity
    samples, present = ring.read(stamp(written + more, rate_hz), capacity)
    n = written + more - oldest
    assert present.sum() == n
    assert present[-n:].all()
    np.testing.assert_array_equal(samples[-n:], ramp(oldest, n))


def test_a_reader_sees_complete_blocks_while_another_thread_writes() -> None:
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
    length=st.integers(1, 60),
    pairs=st.lists(st.tuples(st.integers(-20, 200), st.booleans()), max_size=40),
    start=st.integers(-30, 210),
    span=st.integers(-5, 100),
)
def test_vectors_between_two_stamps(
    length: int, pairs: list[tuple[int, bool]], start: int, span: int
) -> None:
    buffer = FeatureBuffer(dim=3, seconds=length / NS_PER_S)
    model: list[tuple[int, bool]] = []
    for t_ns, present in pairs:
        added = buffer.append(t_ns, np.full(3, t_ns, np.float32) if present else None)
        assert added == (not model or t_ns > model[-1][0])
        if added:
            model.append((t_ns, present))
    if model:
        model = [(t_ns, present) for t_ns, present in model if t_ns >= model[-1][0] - length]
    expected = [(t_ns, present) for t_ns, present in model if start <= t_ns <= start + span]
    stamps, vectors, present_flags = buffer.between(start, start + span)
    assert stamps.tolist() == [t for t, _ in expected]
    assert present_flags.tolist() == [present for _, present in expected]
    assert vectors.shape == (len(expected), 3)
    assert vectors[:, 0].tolist() == [t if present else 0 for t, present in expected]
    assert buffer.newest_ns == (model[-1][0] if model else None)
    assert len(buffer) == len(model)


def test_a_feature_buffer_that_is_extended_keeps_more_from_then_on() -> None:
    buffer = FeatureBuffer(dim=1, seconds=1.0)
    for second in range(3):
        buffer.append(second * NS_PER_S, np.zeros(1, np.float32))
    assert len(buffer) == 2
    buffer.extend_to(10.0)
    buffer.extend_to(2.0)
    for second in range(3, 9):
        buffer.append(second * NS_PER_S, np.zeros(1, np.float32))
    assert len(buffer) == 8


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        FeatureBuffer(dim=3, seconds=4).append(0, np.zeros(2, np.float32))


@pytest.mark.parametrize("bad", [(0, 1.0), (16000, 0.0)])
def test_an_audio_ring_needs_a_rate_and_a_length(bad: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        AudioRingBuffer(*bad)


@pytest.mark.parametrize("bad", [(0, 1.0), (3, 0.0)])
def test_a_feature_buffer_needs_a_width_and_a_length(bad: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        FeatureBuffer(*bad)
