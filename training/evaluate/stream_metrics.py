"""Measures of what an audience sees of a stream: how often the displayed label is right, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.types import UNSURE
from training.streams import Span

STEP_S = 0.5
"""Resolution of the shares by the time since a change."""
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Hop:
    """The answer for one window of a stream."""

    t_s: float
    """End of the window."""
    raw: str
    """The likeliest label of this window alone; "" where there was nothing to read."""
    shown: str
    """The displayed label, or UNSURE; "" where nothing was displayed."""


def merge_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans that follow each other with one label make one: nothing changes between them."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].label == span.label and span.from_s <= merged[-1].to_s + _TOLERANCE_S:
            merged[-1] = Span(merged[-1].from_s, span.to_s, span.label)
        else:
            merged.append(span)
    return tuple(merged)


def measure(streams: Sequence[tuple[Sequence[Span], Sequence[Hop]]]) -> dict[str, Any]:
    """The measures over streams.

    Args:
        streams: the spans of each stream, in order, and a hop for each of its windows.

    Returns:
        `hop_uar_raw`, `hop_uar_shown`: mean over classes of the share of hops whose label is right; a hop
        without a label, or with UNSURE, is wrong. `by_time`: the same by seconds since the change.
        `end_uar_shown`: of the last hop of each span. `reaction_median_s`, `reaction_p90_s`: from a change
        to the first hop that shows the right label; None where that is never. `never_right`: share of the
        spans. `unsure`: share of the hops. `label_changes_per_min`, `true_changes_per_min`: of the
        displayed and of the true label. `n_hops`.
    """
    truth: list[str] = []
    raw: list[str] = []
    shown: list[str] = []
    since_s: list[float] = []
    is_last: list[bool] = []
    reactions_s: list[float] = []
    changes = true_changes = 0
    minutes = 0.0
    for unmerged, hops in streams:
        spans = merge_spans(unmerged)
        true_changes += max(0, len(spans) - 1)
        minutes += sum(span.to_s - span.from_s for span in spans) / 60
        displayed = [hop.shown for hop in hops if hop.shown]
        changes += sum(a != b for a, b in pairwise(displayed))
        for span in spans:
            inside = [hop for hop in hops if span.from_s + _TOLERANCE_S < hop.t_s <= span.to_s + _TOLERANCE_S]
            if not inside:
                continue
            right = [hop.t_s - span.from_s for hop in inside if hop.shown == span.label]
            reactions_s.append(right[0] if right else np.inf)
            truth += [span.label] * len(inside)
            raw += [hop.raw for hop in inside]
            shown += [hop.shown for hop in inside]
            since_s += [hop.t_s - span.from_s for hop in inside]
            is_last += [False] * (len(inside) - 1) + [True]
    true, since, last = np.array(truth), np.array(since_s), np.array(is_last, bool)
    right_raw, right_shown = np.array(raw) == true, np.array(shown) == true
    return {
        "hop_uar_shown": _mean_recall(true, right_shown),
        "hop_uar_raw": _mean_recall(true, right_raw),
        "by_time": _by_time(true, since, right_raw, right_shown),
        "end_uar_shown": _mean_recall(true[last], right_shown[last]),
        "reaction_median_s": _quantile(reactions_s, 0.5),
        "reaction_p90_s": _quantile(reactions_s, 0.9),
        "never_right": float(np.mean(np.isinf(reactions_s))) if reactions_s else None,
        "unsure": float(np.mean(np.array(shown) == UNSURE)) if shown else None,
        "label_changes_per_min": changes / minutes if minutes else None,
        "true_changes_per_min": true_changes / minutes if minutes else None,
        "n_hops": len(true),
    }


def _mean_recall(truth: NDArray[np.str_], is_right: NDArray[np.bool_]) -> float | None:
    labels = np.unique(truth)
    return float(np.mean([is_right[truth == label].mean() for label in labels])) if len(labels) else None


def _by_time(
    truth: NDArray[np.str_],
    since_s: NDArray[np.floating],
    right_raw: NDArray[np.bool_],
    right_shown: NDArray[np.bool_],
) -> list[dict[str, float | None]]:
    rows: list[dict[str, float | None]] = []
    for step in range(int(np.ceil(since_s.max() / STEP_S - _TOLERANCE_S)) if len(since_s) else 0):
        low, high = step * STEP_S, (step + 1) * STEP_S
        # A hop at the edge belongs to the step that it ends.
        inside = (since_s > low + _TOLERANCE_S) & (since_s <= high + _TOLERANCE_S)
        if inside.any():
            rows.append(
                {
                    "from_s": low,
                    "to_s": high,
                    "raw": _mean_recall(truth[inside], right_raw[inside]),
                    "shown": _mean_recall(truth[inside], right_shown[inside]),
                }
            )
    return rows


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that is not exceeded by `share` of them; None if that is infinite."""
    if not values:
        return None
    value = float(np.quantile(values, share, method="inverted_cdf"))
    return value if np.isfinite(value) else None
