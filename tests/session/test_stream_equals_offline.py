"""Estimates of a session on a file, paced or not, equal those of the file analysis."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from emolive.file_analyzer import FileAnalyzer
from emolive.models.factory import shipped_checkpoint
from emolive.models.io import checkpoint
from emolive.models.io.chumachenko2022 import convert_checkpoint
from emolive.predictor import load_predictor
from emolive.types import Estimate
from tests.helpers.clips import demo_frames, write_clip
from tests.helpers.slow_clock import in_real_time

FUSIONS = ("lt", "it", "ia")
TOLERANCE = 1e-6
"""The features are equal bit for bit; sums in the network depend on the memory layout of its inputs."""


@pytest.fixture(scope="module")
def offline():
    """(checkpoint, file) → the estimates of the file by bin, each computed once."""
    cache = {}

    def estimates(model: Path, path: Path, baseline: str = "running") -> dict[int, Estimate]:
        key = (model, path, baseline)
        if key not in cache:
            with FileAnalyzer(load_predictor(None, model, "cpu", "eager"), baseline=baseline) as analyzer:
                *rows, _summary = analyzer.analyze(path)
            cache[key] = {round(e.t_s / 0.24): e for e in rows}
        return cache[key]

    return estimates


def assert_equal(estimates, expected) -> None:
    assert expected
    streamed = {round(e.t_s / 0.24): e for e in estimates}
    assert streamed.keys() == expected.keys()
    for hop, estimate in streamed.items():
        offline = expected[hop]
        assert type(estimate) is type(offline)
        assert estimate.t_s == pytest.approx(offline.t_s, abs=1e-3)
        assert (estimate.modality, estimate.baseline) == (offline.modality, offline.baseline)
        assert (estimate.label, estimate.hints) == (offline.label, offline.hints)
        assert estimate.probs == pytest.approx(offline.probs, abs=TOLERANCE)


def streamed(watch, path, model, **config):
    """The estimates of a session that reads a file as fast as it goes."""
    watched = watch(path, checkpoint=model, paced=False, **config)
    estimates = watched.until_finished()
    counters = watched.session.snapshot().counters
    assert (counters.frames_dropped, counters.estimates_skipped) == (0, 0)
    return estimates


def assert_equal_live(watch, path, model, expected) -> None:
    """A session that plays a file, on a computer that keeps up with it."""

    def attempt() -> None:
        watched = watch(path, checkpoint=model, paced=True)
        assert_equal(watched.until_finished(), expected)
        assert watched.session.stop(60)

    in_real_time(attempt)


@pytest.mark.data
@pytest.mark.parametrize("fusion", FUSIONS)
def test_real_clips_as_fast_as_they_go(watch, offline, random_checkpoint, real_clips, fusion):
    """Each clip with one of the fusions: what lies before the network is the same for all."""
    model = random_checkpoint(fusion)
    for path in real_clips[FUSIONS.index(fusion) :: len(FUSIONS)]:
        assert_equal(streamed(watch, path, model), offline(model, path))


@pytest.mark.data
@pytest.mark.parametrize("fusion", FUSIONS)
def test_real_clips_live(watch, offline, random_checkpoint, real_clips, fusion):
    """Each clip with one of the fusions."""
    model = random_checkpoint(fusion)
    for path in real_clips[FUSIONS.index(fusion) :: len(FUSIONS)]:
        assert_equal_live(watch, path, model, offline(model, path))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_drawn_clip_as_fast_as_it_goes(watch, offline, random_checkpoint, clips, fusion):
    model = random_checkpoint(fusion)
    estimates = streamed(watch, clips["full"], model)
    assert_equal(estimates, offline(model, clips["full"]))
    assert estimates[-1].modality == "av"


@pytest.mark.parametrize("name", ["video_only", "audio_only", "late_audio", "absent_face"])
def test_odd_clips_as_fast_as_they_go(watch, offline, random_checkpoint, clips, name):
    """No audio, no video, audio that starts late, a face that is absent for some time."""
    model = random_checkpoint("lt")
    assert_equal(streamed(watch, clips[name], model), offline(model, clips[name]))


def test_sound_that_begins_late_live(watch, offline, random_checkpoint, clips):
    model = random_checkpoint("lt")
    assert_equal_live(watch, clips["late_audio"], model, offline(model, clips["late_audio"]))


def test_without_a_baseline_too(watch, offline, random_checkpoint, clips):
    model = random_checkpoint("ia")
    estimates = streamed(watch, clips["full"], model, baseline="none")
    assert_equal(estimates, offline(model, clips["full"], "none"))


def test_hints_about_the_picture_too(watch, offline, tmp_path):
    """With a shipped model, since others do not measure the quality of a face."""
    dim = [(frame * 0.1).astype(np.uint8) for frame in demo_frames(2.5)]
    path = write_clip(tmp_path / "dim.mkv", dim, None)
    model = shipped_checkpoint("ia")
    rows = offline(model, path)
    assert any("dark" in estimate.hints for estimate in rows.values())
    assert_equal(streamed(watch, path, model), rows)


@pytest.mark.data
def test_the_published_form_on_pixels(watch, offline, parity, real_clips, tmp_path):
    model = tmp_path / "ia.safetensors"
    checkpoint.save(model, convert_checkpoint(parity / "ia_1head.pth"), provenance={})
    rows = offline(model, real_clips[0])
    assert_equal(streamed(watch, real_clips[0], model), rows)
    assert {estimate.baseline for estimate in rows.values()} == {"none"}


def test_a_renamed_file_gives_the_same_estimates(watch, clips, random_checkpoint, tmp_path):
    copy = shutil.copy(clips["audio_only"], tmp_path / "käthe & co.mkv")
    first = streamed(watch, clips["audio_only"], random_checkpoint("ia"))
    again = streamed(watch, copy, random_checkpoint("ia"))
    assert [e.probs for e in first] == [e.probs for e in again]
