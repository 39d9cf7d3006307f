"""Analysis of files while they are decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emolive
from emolive import clip_features
from emolive.errors import MediaError
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import load_predictor
from emolive.types import UNSURE, Estimate, FileSummary, Modality
from tests.helpers.clips import demo_audio, demo_frames, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return write_clip(folder / "clip.mkv", demo_frames(5), demo_audio(5))


@pytest.fixture(scope="module")
def analyzer(random_checkpoint: Any) -> Any:
    with FileAnalyzer(load_predictor("ia", random_checkpoint("ia"), "cpu", "eager")) as instance:
        yield instance


def test_every_window_gives_an_estimate_and_the_file_a_summary(analyzer, clip):
    *estimates, summary = analyzer.analyze(clip)
    assert [round(e.t_s / 0.24) for e in estimates] == list(range(round(estimates[0].t_s / 0.24), 21))
    for estimate in estimates:
        assert type(estimate) is Estimate
        assert estimate.source == str(clip)
        assert estimate.stamps is None
        by_label = dict(zip(estimate.labels, estimate.probs, strict=True))
        assert estimate.confidence == by_label.get(estimate.label, max(estimate.probs))
    assert estimates[-1].modality is Modality.AV
    assert isinstance(summary, FileSummary)


def test_the_summary_covers_the_file_and_names_its_window(analyzer, clip):
    *estimates, summary = analyzer.analyze(clip)
    labels = [e.label for e in estimates]
    assert summary.shares == {label: labels.count(label) / len(labels) for label in set(labels)}
    assert sum(summary.shares.values()) == pytest.approx(1)
    assert summary.window == "centre"
    assert summary.t_s == pytest.approx((5 + 3.6) / 2, abs=0.13)
    assert summary.label == summary.labels[int(np.argmax(summary.probs))] != UNSURE
    assert summary.confidence == max(summary.probs)


def test_estimates_come_while_the_file_is_decoded(analyzer, clip, monkeypatch):
    decoded = []
    iter_media = clip_features.iter_media

    def watched(*args, **kwargs):
        for item in iter_media(*args, **kwargs):
            decoded.append(item.t_ns)
            yield item

    monkeypatch.setattr(clip_features, "iter_media", watched)
    estimates = analyzer.analyze(clip)
    first = next(estimates)
    assert decoded[-1] < first.t_ns + 1_000_000_000
    estimates.close()


def test_the_same_file_again_gives_the_same_estimates(analyzer, clip):
    assert list(analyzer.analyze(clip)) == list(analyzer.analyze(clip))


def test_features_cover_the_file(analyzer, clip):
    features = analyzer.extract_features(clip)
    assert features.duration_s == pytest.approx(5, abs=0.05)
    assert len(features.video.stamps_ns) == pytest.approx(75, abs=2)
    assert features.audio.samples.shape == (features.audio.rate_hz * 5,)


def test_a_calibration_is_used(random_checkpoint, clip):
    predictor = load_predictor("ia", random_checkpoint("ia"), "cpu", "eager")
    with FileAnalyzer(predictor, baseline="neutral") as analyzer:
        assert {e.baseline for e in analyzer.analyze(clip)} == {"none"}
        analyzer.calibrate(clip)
        assert {e.baseline for e in analyzer.analyze(clip)} == {"neutral"}


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (0.2, r"black\.mkv is too short: it lasts 0\.2 s, and \d\.\d s are needed"),
        (2, r"black\.mkv holds neither a face nor a voice"),
    ],
)
def test_a_file_without_face_or_voice(analyzer, tmp_path, seconds, sentence):
    black = [np.zeros_like(demo_frames(0.1)[0])] * round(30 * seconds)
    path = write_clip(tmp_path / "black.mkv", black, None)
    with pytest.raises(MediaError, match=sentence):
        list(analyzer.analyze(path))


def test_the_public_function_gives_the_type_of_a_session(random_checkpoint, clip):
    *estimates, summary = emolive.analyze(clip, clip, checkpoint=random_checkpoint("ia"), device="cpu")
    assert {type(e) for e in (*estimates, summary)} == {Estimate, FileSummary}
    assert all(isinstance(e, emolive.Estimate) for e in estimates)
    assert len([e for e in (*estimates, summary) if isinstance(e, FileSummary)]) == 2
