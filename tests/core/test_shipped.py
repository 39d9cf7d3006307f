"""The models that ship: they are there, say what they are, and answer on real faces and voices."""

from __future__ import annotations

import pytest

from emolive import settings
from emolive.interpreter import load_interpreter
from emolive.models import checkpoint
from emolive.models.spec import EMOTIONS
from emolive.offline import Analyzer

FUSIONS = ("lt", "it", "ia")


@pytest.fixture(scope="module", params=FUSIONS)
def interpreter(request):
    return load_interpreter(request.param, None, "cpu")


def test_it_loads_and_is_what_its_name_says(interpreter):
    spec = interpreter.spec
    assert interpreter.checkpoint.path == checkpoint.shipped(spec.fusion)
    assert spec.labels == EMOTIONS
    assert (spec.tracker, spec.bin_s) == ("dlib68", pytest.approx(0.24))
    assert "running" in spec.baselines


def test_it_says_what_it_was_trained_on_how_good_it_is_and_under_which_licence(interpreter):
    told = checkpoint.describe(interpreter.checkpoint.path).provenance
    for wanted in ("data", "figures", "licence"):
        assert told.get(wanted), f"{interpreter.spec.fusion} does not tell its {wanted}: {sorted(told)}"


def test_it_knows_what_faces_and_voices_are_like(interpreter):
    for population in (interpreter.face, interpreter.voice):
        assert (population.std > 0).all()
        assert (population.within > 0).all()
        assert population.mean.any()


def test_a_model_card_stands_beside_them():
    cards = [path for path in (settings.assets_dir() / "models").iterdir() if path.suffix == ".md"]
    assert cards
    text = "\n".join(card.read_text() for card in cards)
    assert "RAVDESS" in text
    assert "CC BY-NC-SA" in text


@pytest.mark.data
def test_it_answers_on_real_clips(interpreter, real_clips):
    with Analyzer(interpreter) as analyzer:
        for clip in real_clips:
            *rows, summary = analyzer.rows(clip)
            assert len(rows) > 5
            assert summary["modality"] in ("av", "v")
            # Trained weights have a mind: random ones give everything about an eighth.
            assert max(row["confidence"] for row in rows) > 0.3


@pytest.mark.data
def test_they_do_not_say_the_same_of_different_clips(interpreter, real_clips):
    with Analyzer(interpreter) as analyzer:
        said = [list(analyzer.rows(clip))[-1]["probs"] for clip in real_clips[:2]]
    assert max(abs(said[0][label] - said[1][label]) for label in EMOTIONS) > 0.02
