"""Whether a face is neutral enough for a neutral baseline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emolive.expression_stats import EXPRESSIONS
from emolive.file_analyzer import FileAnalyzer
from emolive.neutrality import MIN_BINS, NEUTRAL, judge_neutrality
from emolive.predictor import load_predictor
from emolive.types import FloatArray

STRANGERS = Path(os.environ.get("EMOLIVE_DATA", "../shared/data")) / "strangers"
CALIBRATION_NS = 5_000_000_000


def bins(
    neutral: float, name: str = "happiness", other: float | None = None, n: int = 20
) -> list[FloatArray]:
    probs = np.full(len(EXPRESSIONS), 1e-3)
    probs[EXPRESSIONS.index(name)] = 1 - neutral if other is None else other
    probs[0] = neutral
    return [np.log(probs).astype(np.float32)] * n


@pytest.mark.parametrize(
    ("faces", "verdict", "looked"),
    [
        (bins(0.9), "neutral", ""),
        (bins(0.46), "neutral", ""),
        (bins(0.1), "expressive", "happy"),
        (bins(0.1, "anger"), "expressive", "angry"),
        (bins(0.35), "doubtful", "happy"),
        (bins(0.2, other=0.4), "doubtful", "happy"),
        (bins(0.1, "sadness"), "doubtful", "sad"),
        (bins(0.1, "contempt"), "doubtful", "contemptuous"),
        (bins(0.9, n=14) + bins(0.05, n=6), "neutral", ""),
        (bins(0.9, n=6) + bins(0.05, n=14), "doubtful", "happy"),
        (bins(0.1, n=MIN_BINS - 1), "neutral", ""),
        ([], "neutral", ""),
    ],
)
def test_clear_expressions_are_told_from_doubtful_ones(
    faces: list[FloatArray], verdict: str, looked: str
) -> None:
    judged = judge_neutrality(faces)
    assert (judged.verdict, judged.looked) == (verdict, looked)


@pytest.fixture(scope="module")
def analyzer() -> Iterator[FileAnalyzer]:
    with FileAnalyzer(load_predictor(None, None, "cpu")) as analyzer:
        yield analyzer


def clips(kind: str) -> list[str]:
    if not (STRANGERS / "truth.json").is_file():
        return []
    return [row["clip"] for row in json.loads((STRANGERS / "truth.json").read_text()) if row["kind"] == kind]


@pytest.mark.slow
@pytest.mark.skipif(not STRANGERS.is_dir(), reason="the clips of strangers are not here")
@pytest.mark.parametrize("kind", ["neutral", "happy"])
def test_neutral_strangers_are_accepted_and_smiling_ones_refused(analyzer: FileAnalyzer, kind: str) -> None:
    """Five seconds from the first face on, as a calibration lasts so long."""
    names = clips(kind)
    assert names
    for name in names:
        clip, _ = analyzer._open(STRANGERS / name)
        with_face = (
            (window.end_ns, window.expressions[-1])
            for window in analyzer._windows(clip)
            if window.expressions is not None
            and window.expressions_present is not None
            and window.expressions_present[-1]
        )
        began_ns, first = next(with_face)
        seen = [first, *(bins for end_ns, bins in with_face if end_ns < began_ns + CALIBRATION_NS)]
        judged = judge_neutrality(seen)
        if kind == "neutral":
            assert judged == NEUTRAL, name
        else:
            assert len(seen) >= MIN_BINS
            assert (judged.verdict, judged.looked) == ("expressive", "happy"), name
