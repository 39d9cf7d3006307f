from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import MediaError
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.training.dataset_of_clips import SPEC
from training.bins import Bins, windows
from training.clip_reader import ClipReader
from training.normalizer_sampler import calibration_clips
from training.stream_windows import MIN_BINS, StreamWindows
from training.streams import clip_order, join_clips
from training.window_dataset import WindowDataset


def test_the_order_depends_on_ids_and_seed_alone():
    items = [ClipEntry(f"c{i}", "", "a.wav", "happy", "1" if i < 6 else "2", "") for i in range(12)]
    (_, first), (_, second) = clip_order(items, {0}, 0)
    assert sorted(first) == [1, 2, 3, 4, 5]
    assert sorted(second) == [6, 7, 8, 9, 10, 11]
    backwards = dict(clip_order(items[::-1], {11}, 0))
    assert [items[::-1][i].id for i in backwards["1"]] == [items[i].id for i in first]
    assert dict(clip_order(items, {0}, 1))["1"] != first


def test_a_stream_is_its_clips_without_a_gap(clips: Path):
    entries = annotations.read(clips)
    reader = ClipReader(entries, SPEC)
    parts = [(entries.items[i].label, reader.read(entries.items[i])) for i in (4, 1)]
    stream = join_clips("1", parts, SPEC)
    first, second = (clip for _, clip in parts)
    assert [span.label for span in stream.spans] == [label for label, _ in parts]
    assert stream.spans[0].to_s == stream.spans[1].from_s == pytest.approx(3.6)
    assert stream.duration_s == pytest.approx(7.2)
    assert stream.audio is not None
    assert np.array_equal(stream.audio.samples, np.concatenate([first.audio.samples, second.audio.samples]))
    # The last window shows the second clip alone.
    *_, last = windows(stream, SPEC)
    *_, alone = windows(second, SPEC)
    assert np.allclose(last.video, alone.video, atol=1e-5)
    assert (last.speech == alone.speech).mean() > 0.95


def test_clips_of_several_rates_make_one_stream(clips: Path):
    entries = annotations.read(clips)
    clip = ClipReader(entries, SPEC).read(entries.items[0])
    assert clip.audio is not None
    from emolive.time_series import Waveform

    other = replace(clip, audio=Waveform(clip.audio.samples[::2], clip.audio.rate_hz // 2))
    stream = join_clips("1", [("a", clip), ("b", other)], SPEC)
    assert stream.duration_s == pytest.approx(7.2, abs=0.001)
    with pytest.raises(MediaError, match="others have none"):
        join_clips("1", [("a", clip), ("b", replace(clip, audio=None))], SPEC)


def test_bins_are_the_newest_of_each_window(clips: Path):
    entries = annotations.read(clips)
    clip = ClipReader(entries, SPEC).read(entries.items[0])
    bins = Bins.of(clip, SPEC)
    *_, last = windows(clip, SPEC)
    assert np.array_equal(bins.video[-SPEC.n_bins :], last.video)
    assert np.array_equal(np.concatenate(bins.audio[-SPEC.n_bins :]), last.audio)
    assert len(Bins.of(replace(clip, duration_s=0.1), SPEC).video) == 0


def test_training_windows_end_in_their_clip_and_begin_in_another_of_the_actor(dataset: WindowDataset):
    clip, rng = 5, np.random.default_rng(0)
    sampler = StreamWindows(dataset, range(len(dataset.items)), SPEC)
    session = dataset.session
    rows = {
        row.tobytes(): other
        for other in range(len(dataset.items))
        for row in session.bins.video[session.of_clip(other)]
    }
    shortened = mixed = 0
    for _ in range(60):
        window = sampler.draw(clip, rng)
        present = window.video_present.nonzero()[0]
        sources = [rows[window.video[i].tobytes()] for i in present]
        assert sources[-MIN_BINS:] == [clip] * MIN_BINS
        assert {dataset.items[i].actor for i in sources} == {dataset.items[clip].actor}
        shortened += len(present) < SPEC.n_bins
        mixed += len(set(sources)) > 1
        per_bin = len(window.audio) // SPEC.n_bins
        assert window.audio_present.reshape(SPEC.n_bins, per_bin).any(axis=1)[present].all()
    assert 15 < shortened < 45
    assert mixed > 15


def test_calibration_clips_are_in_no_stream(dataset: WindowDataset):
    excluded = calibration_clips(dataset.items)
    assert excluded
    assert not excluded & {i for _, clips in clip_order(dataset.items, excluded, 0) for i in clips}
