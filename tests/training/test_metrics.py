from __future__ import annotations

import numpy as np
import pytest

from training import metrics

# Class 0 three times (two right), class 1 once (right), class 2 once (wrong).
TRUTH = np.array([0, 0, 0, 1, 2])
PROBS = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.1, 0.5, 0.4]])


def test_counts_by_hand() -> None:
    assert metrics.confusion_matrix(TRUTH, PROBS).tolist() == [[2, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert metrics.class_recalls(TRUTH, PROBS) == pytest.approx([2 / 3, 1, 0])
    assert metrics.unweighted_average_recall(TRUTH, PROBS) == pytest.approx(5 / 9)
    assert metrics.accuracy(TRUTH, PROBS) == pytest.approx(3 / 5)
    assert metrics.accuracy(TRUTH, PROBS, top_k=2) == 1.0


def test_a_class_without_samples_does_not_count() -> None:
    assert metrics.unweighted_average_recall(TRUTH[:4], PROBS[:4]) == pytest.approx(5 / 6)
    assert np.isnan(metrics.class_recalls(TRUTH[:4], PROBS[:4])[2])


def test_no_samples_give_nan() -> None:
    for figure in (metrics.accuracy, metrics.unweighted_average_recall, metrics.calibration_error):
        assert np.isnan(figure(TRUTH[:0], PROBS[:0]))


def test_calibration_error_by_hand() -> None:
    # Two bins: none below .5; above, .8 + .6 + .7 + .9 + .5 is 3.5 of 5 confident, 3 of 5 right.
    assert metrics.calibration_error(TRUTH, PROBS, bins=2) == pytest.approx(0.1)
    assert metrics.calibration_error(np.array([0, 1]), np.eye(2)) == 0


@pytest.mark.parametrize("n", [7, 60, 500])
def test_torchmetrics_gives_the_figures_of_their_definitions(n: int) -> None:
    rng = np.random.default_rng(n)
    classes = 8
    probs = metrics.softmax(rng.normal(0, 2, (n, classes)))
    truth = rng.integers(classes, size=n)
    predicted = probs.argmax(axis=1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    present = counts.sum(axis=1) > 0
    recalls = np.diag(counts)[present] / counts.sum(axis=1)[present]
    ranked = np.argsort(-probs, axis=1)
    assert (metrics.confusion_matrix(truth, probs) == counts).all()
    assert metrics.unweighted_average_recall(truth, probs) == pytest.approx(recalls.mean())
    for k in (1, 5):
        right = (ranked[:, :k] == truth[:, None]).any(axis=1)
        assert metrics.accuracy(truth, probs, top_k=k) == pytest.approx(right.mean())
    bins = metrics.reliability_bins(truth, probs)
    error = sum(share * abs(accuracy - confidence) for share, accuracy, confidence in bins)
    assert metrics.calibration_error(truth, probs) == pytest.approx(error, abs=1e-6)


def test_intervals_are_those_of_a_bootstrap_over_clips_of_drawn_actors() -> None:
    rng = np.random.default_rng(0)
    probs, truth = metrics.softmax(rng.normal(0, 2, (90, 4))), rng.integers(4, size=90)
    actors = [str(actor) for actor in rng.integers(6, size=90)]
    intervals = metrics.bootstrap_intervals(truth, probs, actors, rounds=200)
    names = sorted(set(actors))
    rows_of = {name: np.flatnonzero(np.asarray(actors) == name) for name in names}
    draws = np.random.default_rng(0)
    rounds = []
    for _ in range(200):
        rows = np.concatenate([rows_of[names[i]] for i in draws.integers(len(names), size=len(names))])
        one = truth[rows], probs[rows]
        rounds.append((metrics.accuracy(*one), metrics.unweighted_average_recall(*one)))
    for interval, values in zip(intervals, zip(*rounds, strict=True), strict=True):
        assert [interval.low, interval.high] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-6)


def test_an_interval_resamples_actors() -> None:
    probs = np.repeat(np.eye(2), 100, axis=0)
    truth = np.repeat([0, 1, 1, 0], 50)
    top1, _ = metrics.bootstrap_intervals(truth, probs, [str(i // 50) for i in range(200)])
    assert top1.low < 0.1
    assert top1.high > 0.9


def test_the_temperature_is_recovered() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 4))
    truth = np.array([rng.choice(4, p=p) for p in metrics.softmax(logits)])
    assert metrics.fit_temperature(truth, 3 * logits) == pytest.approx(3, rel=0.1)


def test_mcnemar_by_hand() -> None:
    a = np.array([True] * 6 + [False] * 4)
    b = np.array([False] * 6 + [False] * 4)
    assert metrics.mcnemar(a, b) == pytest.approx(2 / 2**6)
    assert metrics.mcnemar(a, a) == 1.0
