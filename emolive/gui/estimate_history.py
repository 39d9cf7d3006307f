"""The estimates of the last minutes, as curves of a chosen span. No Qt."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from emolive.clock import NS_PER_S, to_ns

KEPT_S = 1800.0
"""Older estimates are forgotten."""
GAP_S = 1.2
"""Estimates further apart than this are not connected."""
MOST_POINTS = 400
"""A curve of more is thinned: the screen has no room for them."""


class EstimateHistory:
    """Probabilities by time, of one set of labels."""

    def __init__(self, n_labels: int = 0) -> None:
        self._n_labels = n_labels
        self._times_ns: list[int] = []
        self._rows: list[tuple[float, ...]] = []
        self._breaks_ns: list[int] = []
        """Times from which on another source was estimated."""

    def __len__(self) -> int:
        return len(self._times_ns)

    @property
    def first_ns(self) -> int | None:
        """Time of the oldest estimate."""
        return self._times_ns[0] if self._times_ns else None

    @property
    def last_ns(self) -> int | None:
        """Time of the newest estimate."""
        return self._times_ns[-1] if self._times_ns else None

    def clear(self, n_labels: int) -> None:
        """Forget everything; rows have `n_labels` values from now on."""
        self.__init__(n_labels)  # type: ignore[misc]

    def add(self, t_ns: int, probs: Sequence[float], *, new_source: bool = False) -> None:
        """Append an estimate.

        Args:
            t_ns: its time. One that is older than the last starts everything again.
            probs: one for each label.
            new_source: it is of another source than the last one.
        """
        if self._times_ns and t_ns < self._times_ns[-1]:
            self.clear(self._n_labels)
        if new_source and self._times_ns:
            self._breaks_ns.append(t_ns)
        self._times_ns.append(t_ns)
        self._rows.append(tuple(probs))
        if t_ns - self._times_ns[0] > to_ns(1.1 * KEPT_S):
            self._forget_before(t_ns - to_ns(KEPT_S))

    def at(self, t_ns: int) -> tuple[int, tuple[float, ...]] | None:
        """The estimate that was in force at a time: its time and probabilities; None within a gap."""
        index = bisect_right(self._times_ns, t_ns) - 1
        if index < 0 or t_ns - self._times_ns[index] > to_ns(GAP_S):
            return None
        return self._times_ns[index], self._rows[index]

    def series(self, end_ns: int, span_s: float) -> tuple[np.ndarray, np.ndarray]:
        """The curves of the span that ends at `end_ns`.

        Returns:
            Times (n,) in seconds relative to `end_ns`, and probabilities (n, labels). A row of NaN is a gap:
            there was no estimate, or another source begins.
        """
        first = bisect_left(self._times_ns, end_ns - to_ns(span_s + 2))
        last = bisect_right(self._times_ns, end_ns + to_ns(2))
        stride = max(1, (last - first) // MOST_POINTS)
        times: list[float] = []
        rows: list[tuple[float, ...]] = []
        gap = (float("nan"),) * self._n_labels
        previous_ns: int | None = None
        limit_ns = to_ns(GAP_S) + (stride - 1) * to_ns(0.3)
        for index in range(first - first % stride if stride > 1 else first, last, stride):
            t_ns = self._times_ns[index]
            t_s = (t_ns - end_ns) / NS_PER_S
            if previous_ns is not None and (
                t_ns - previous_ns > limit_ns or self._has_break(previous_ns, t_ns)
            ):
                times.append(t_s)
                rows.append(gap)
            times.append(t_s)
            rows.append(self._rows[index])
            previous_ns = t_ns
        return np.array(times), np.array(rows).reshape(len(times), self._n_labels)

    def _has_break(self, after_ns: int, until_ns: int) -> bool:
        return any(after_ns < t_ns <= until_ns for t_ns in self._breaks_ns)

    def _forget_before(self, t_ns: int) -> None:
        kept = bisect_left(self._times_ns, t_ns)
        del self._times_ns[:kept]
        del self._rows[:kept]
        self._breaks_ns = [time_ns for time_ns in self._breaks_ns if time_ns >= t_ns]
