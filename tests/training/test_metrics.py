from __future__ import annotations

import numpy as np
import pytest

from training import metrics

# Class 0 three times (two found), class 1 once (found), class 2 once (not found).
TRUTH = np.array([0, 0, 0, 1, 2])
PROBS = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.1, 0.5, 0.4]])


def test_counts_by_hand() -> None:
    assert metrics.confusion(TRUTH, PROBS).tolist() == [[2, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert metrics.recalls(TRUTH, PROBS) == pytest.approx([2 / 3, 1, 0])
    assert metrics.uar(TRUTH, PROBS) == pytest.approx(5 / 9)
    assert metrics.top_k(TRUTH, PROBS, 1) == pytest.approx(3 / 5)
    assert metrics.top_k(TRUTH, PROBS, 2) == 1.0


def test_a_class_that_never_occurs_does_not_count() -> None:
    assert metrics.uar(TRUTH[:4], PROBS[:4]) == pytest.approx(5 / 6)


def test_calibration_error_by_hand() -> None:
    # Two bins: below .5 nobody; above: .8 + .6 + .7 + .9 + .5 is 3.5 of 5 sure, 3 of 5 right.
    assert metrics.ece(TRUTH, PROBS, bins=2) == pytest.approx(0.1)
    assert metrics.ece(np.array([0, 1]), np.eye(2)) == 0


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 4))
    truth = np.array([rng.choice(4, p=p) for p in metrics.softmax(logits)])
    assert metrics.fit_temperature(truth, 3 * logits) == pytest.approx(3, rel=0.1)


def test_interval_holds_the_figure_and_draws_whole_actors() -> None:
    right = np.repeat([1.0, 0.0, 1.0, 0.0], 50)
    groups = [str(i // 50) for i in range(200)]
    found = metrics.bootstrap(groups, lambda rows: float(right[rows].mean()))
    assert found.low < 0.1
    assert found.high > 0.9


def test_paired_test_by_hand() -> None:
    a = np.array([True] * 6 + [False] * 4)
    b = np.array([False] * 6 + [False] * 4)
    assert metrics.mcnemar(a, b) == pytest.approx(2 / 2**6)
    assert metrics.mcnemar(a, a) == 1.0
