from __future__ import annotations

import pytest

from training.evaluate.stream_metrics import Hop, measure, merge_spans
from training.streams import Span

SPANS = (Span(0, 2, "happy"), Span(2, 4, "sad"))


def hops(*labels: str, raw: str = "") -> list[Hop]:
    """Two hops a second."""
    return [Hop((i + 1) / 2, raw or label, label) for i, label in enumerate(labels)]


def test_a_late_answer_costs_right_hops_and_shows_in_the_reaction():
    shown = hops("unsure", "happy", "happy", "happy", "happy", "happy", "sad", "sad")
    result = measure([(SPANS, shown)])
    assert result["n_hops"] == 8
    assert result["hop_uar_shown"] == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert result["end_uar_shown"] == 1
    assert (result["reaction_median_s"], result["reaction_p90_s"]) == (1.0, 1.5)
    assert result["never_right"] == 0
    assert result["unsure"] == pytest.approx(1 / 8)
    assert result["true_changes_per_min"] == pytest.approx(15)
    assert result["label_changes_per_min"] == pytest.approx(30)
    assert [row["shown"] for row in result["by_time"]] == [0, 0.5, 1, 1]
    assert (result["by_time"][1]["from_s"], result["by_time"][1]["to_s"]) == (0.5, 1.0)


def test_what_is_never_right_is_no_number():
    result = measure([(SPANS, hops(*["happy"] * 8))])
    assert result["never_right"] == 0.5
    assert result["reaction_median_s"] == 0.5
    assert result["reaction_p90_s"] is None


def test_the_mean_is_over_classes_and_not_over_hops():
    spans = (Span(0, 1, "happy"), Span(1, 4, "sad"))
    assert measure([(spans, hops(*["sad"] * 8))])["hop_uar_shown"] == 0.5


def test_nothing_displayed_is_wrong_and_no_change_of_label():
    result = measure([(SPANS, hops("", "", "happy", "happy", "", "sad", "sad", "sad"))])
    assert result["hop_uar_shown"] == pytest.approx((2 / 4 + 3 / 4) / 2)
    assert result["label_changes_per_min"] == pytest.approx(15)


def test_two_clips_of_one_emotion_are_no_change():
    spans = (Span(0, 1, "sad"), Span(1, 2, "sad"), Span(2, 3, "happy"))
    assert merge_spans(spans) == (Span(0, 2, "sad"), Span(2, 3, "happy"))
    gap = (Span(0, 1, "sad"), Span(1.5, 2, "sad"))
    assert merge_spans(gap) == gap


def test_no_streams_have_no_measures():
    result = measure([])
    assert result["n_hops"] == 0
    assert result["hop_uar_shown"] is None
    assert result["by_time"] == []
