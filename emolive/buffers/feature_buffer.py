"""A buffer of feature vectors, addressed by time."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from emolive.clock import to_ns
from emolive.plausibility import is_plausible_vector
from emolive.types import BoolArray, FloatArray, StampArray


class FeatureBuffer:
    """Timestamps and feature vectors of the newest seconds. Thread-safe.

    Args:
        dim: length of a vector.
        seconds: length of the buffer, back from the newest timestamp.

    Raises:
        ValueError: `dim` or `seconds` is not positive.
    """

    def __init__(self, dim: int, seconds: float) -> None:
        if dim <= 0 or seconds <= 0:
            raise ValueError(f"dim and seconds must be positive, not {dim} and {seconds}")
        self.dim = dim
        self._length_ns = to_ns(seconds)
        self._entries: deque[tuple[int, FloatArray | None]] = deque()
        self._lock = threading.Lock()
        self.n_refused = 0
        """Vectors that were no features, and count as none."""

    def append(self, t_ns: int, vector: FloatArray | None) -> bool:
        """Add a vector, or None where there was no face.

        Args:
            t_ns: its timestamp.
            vector: (dim,); one with values that no feature has counts as None.

        Returns:
            False, with nothing added, if the timestamp is not later than the newest.

        Raises:
            ValueError: the vector has another shape.
        """
        if vector is not None and vector.shape != (self.dim,):
            raise ValueError(f"expected a vector of shape ({self.dim},), got {vector.shape}")
        if vector is not None and not is_plausible_vector(vector):
            vector = None
            self.n_refused += 1
        with self._lock:
            entries = self._entries
            if entries and t_ns <= entries[-1][0]:
                return False
            entries.append((t_ns, vector))
            while entries[0][0] < t_ns - self._length_ns:
                entries.popleft()
        return True

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All entries with start_ns <= timestamp <= end_ns, in order.

        Returns:
            Timestamps (n,), vectors (n, dim) that are zero where there was no face, and whether there was one
            (n,). The arrays are copies.
        """
        with self._lock:
            selected = [entry for entry in self._entries if start_ns <= entry[0] <= end_ns]
        vectors = np.zeros((len(selected), self.dim), np.float32)
        present = np.zeros(len(selected), np.bool_)
        for row, (_, vector) in enumerate(selected):
            if vector is not None:
                vectors[row], present[row] = vector, True
        return np.array([t_ns for t_ns, _ in selected], np.int64), vectors, present

    def extend_to(self, seconds: float) -> None:
        """Extend the buffer to at least this length."""
        with self._lock:
            self._length_ns = max(self._length_ns, to_ns(seconds))

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def newest_ns(self) -> int | None:
        """The newest timestamp; None if there is none."""
        with self._lock:
            return self._entries[-1][0] if self._entries else None
