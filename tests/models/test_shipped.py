"""The shipped models: provenance, and estimates on real clips."""

from __future__ import annotations

import pytest

from emolive import paths
from emolive.file_analyzer import FileAnalyzer
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS
from emolive.predictor import load_predictor

FUSIONS = ("lt", "it", "ia")


@pytest.fixture(scope="module", params=FUSIONS)
def predictor(request):
    return load_predictor(request.param, None, "cpu")


def test_it_loads_and_its_spec_matches_its_name(predictor):
    spec = predictor.spec
    assert predictor.checkpoint.path == checkpoint.shipped(spec.fusion)
    assert spec.labels == EMOTIONS
    assert (spec.landmarker, spec.bin_s) == ("dlib68", pytest.approx(0.24))
    assert "running" in spec.baselines


def test_provenance_has_data_figures_and_licence(predictor):
    provenance = checkpoint.describe(predictor.checkpoint.path).provenance
    for key in ("data", "figures", "licence"):
        assert provenance.get(key), f"{predictor.spec.fusion} lacks {key}: {sorted(provenance)}"


def test_it_knows_what_faces_and_voices_are_like(predictor):
    for population in (predictor.video_stats, predictor.audio_stats):
        assert (population.std > 0).all()
        assert (population.within_speaker_std > 0).all()
        assert population.mean.any()


def test_a_model_card_stands_beside_them():
    cards = [path for path in (paths.assets_dir() / "models").iterdir() if path.suffix == ".md"]
    assert cards
    text = "\n".join(card.read_text() for card in cards)
    assert "RAVDESS" in text
    assert "CC BY-NC-SA" in text


@pytest.mark.data
def test_it_answers_on_real_clips(predictor, real_clips):
    with FileAnalyzer(predictor) as analyzer:
        for clip in real_clips:
            *estimates, summary = analyzer.analyze(clip)
            assert len(estimates) > 5
            assert summary.modality in ("av", "v")
            # Trained weights are decisive; random ones give every class about an eighth.
            assert max(estimate.confidence for estimate in estimates) > 0.3


@pytest.mark.data
def test_estimates_of_different_clips_differ(predictor, real_clips):
    with FileAnalyzer(predictor) as analyzer:
        first, second = (list(analyzer.analyze(clip))[-1].probs for clip in real_clips[:2])
    assert max(abs(a - b) for a, b in zip(first, second, strict=True)) > 0.02
