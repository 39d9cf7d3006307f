from __future__ import annotations

from pathlib import Path

import numpy as np

from emolive.profile import SpeakerStats
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.windowing import extract_window
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.training.dataset_of_clips import SPEC, N
from training.clip_reader import ClipReader
from training.normalizer_sampler import (
    STREAMS,
    NormalizerSampler,
    calibration_clips,
    clip_stats,
    compute_global_stats,
    session_normalizers,
)
from training.window_dataset import WindowDataset


def test_session_rows_are_those_of_a_live_session(dataset: WindowDataset, clips: Path) -> None:
    entries = annotations.read(clips)
    clip = ClipReader(entries, SPEC).read(entries.items[3])
    stats = compute_global_stats(dataset, SPEC, range(N))
    live = SpeakerStats.none(SPEC)
    for hop in range(1, int(clip.duration_s / SPEC.bin_s) + 1):
        window = extract_window(clip.video, clip.audio, hop * 240_000_000, SPEC)
        live.add(window, SPEC, stats.video, stats.audio)
    for stream in STREAMS:
        ours = clip_stats(dataset.session, stream, 3, stats.of(stream))
        live_rows = getattr(live, stream)
        assert ours.count == live_rows.count > 10
        assert np.allclose(ours.total, live_rows.total)
        assert np.allclose(ours.squares, live_rows.squares)


def test_actors_that_are_held_out_leave_no_trace_in_the_statistics(dataset: WindowDataset) -> None:
    of_actor = [i for i, item in enumerate(dataset.items) if item.actor == "1"]
    before = compute_global_stats(dataset, SPEC, of_actor)
    others = slice(dataset.session.offsets[of_actor[-1] + 1], None)
    stored = dataset.session.bins.video[others].copy()
    dataset.session.bins.video[others] += 100
    after = compute_global_stats(dataset, SPEC, of_actor)
    dataset.session.bins.video[others] = stored
    assert np.array_equal(before.video.mean, after.video.mean)
    assert np.array_equal(before.video.within_speaker_std, after.video.within_speaker_std)


def test_a_running_normalizer_uses_the_clip_itself_and_a_neutral_one_does_not(dataset: WindowDataset) -> None:
    stats = compute_global_stats(dataset, SPEC, range(N))
    alone = NormalizerSampler(dataset, [0], stats, SPEC)
    running, _ = alone.sample(0, "running", np.random.default_rng(0))
    in_session, _ = session_normalizers(dataset, [0], "running", stats)[0]
    assert np.allclose(running.shift, in_session.shift)
    neutral, _ = alone.sample(0, "neutral", np.random.default_rng(0))
    assert dataset.items[0].label == "neutral"
    assert neutral.mode == "none"


def test_a_mirrored_speaker_has_mirrored_statistics(dataset: WindowDataset) -> None:
    stats = compute_global_stats(dataset, SPEC, range(N))
    sampler = NormalizerSampler(dataset, list(range(N)), stats, SPEC)
    plain, _ = sampler.sample(3, "neutral", np.random.default_rng(5))
    mirrored, _ = sampler.sample(3, "neutral", np.random.default_rng(5), mirrored=True)
    n = LandmarkEncoder.dim
    assert np.allclose(mirrored.shift[:n], LandmarkEncoder.mirror(plain.shift[:n]), atol=1e-6)
    assert np.allclose(mirrored.shift[n:], np.abs(LandmarkEncoder.mirror(plain.shift[n:])), atol=1e-6)
    assert np.array_equal(plain.scale, mirrored.scale)


def test_calibration_clips_are_ravdess_repetition_1_or_the_first_two() -> None:
    names = ["01-01-01-01-01-01-07", "01-01-01-01-01-02-07", "01-01-01-01-02-01-07", "01-01-03-01-01-01-07"]
    labels = ["neutral", "neutral", "neutral", "happy"]
    ravdess = [ClipEntry(n, "v", "", label, "07", "") for n, label in zip(names, labels, strict=True)]
    assert calibration_clips(ravdess) == {0, 2}
    others = [ClipEntry(f"x{i}", "v", "", "neutral", "a", "") for i in range(4)]
    assert calibration_clips(others) == {0, 1}
