"""The newest feature vectors of a source, found by time."""

from __future__ import annotations

import threading

import numpy as np

from emolive.types import BoolArray, FloatArray, StampArray


class FeatureBuffer:
    """The newest `capacity` pairs of a stamp and a vector (dim,), or None where there was no face."""

    def __init__(self, capacity: int, dim: int) -> None:
        if capacity <= 0 or dim <= 0:
            raise ValueError(f"capacity and dim must be positive, not {capacity} and {dim}")
        self.capacity = capacity
        self.dim = dim
        self._stamps = np.zeros(2 * capacity, np.int64)
        self._vectors = np.zeros((2 * capacity, dim), np.float32)
        self.has_signal = np.zeros(2 * capacity, np.bool_)
        self._lock = threading.Lock()
        self._count = 0

    def append(self, t_ns: int, vector: FloatArray | None) -> bool:
        """Add a pair; False (and nothing added) if its stamp is not later than the newest.

        Raises ValueError for a vector that is not (dim,).
        """
        if vector is not None and vector.shape != (self.dim,):
            raise ValueError(f"expected a vector of shape ({self.dim},), got {vector.shape}")
        with self._lock:
            if self._count and t_ns <= self._stamps[(self._count - 1) % self.capacity]:
                return False
            at = self._count % self.capacity
            for i in (at, at + self.capacity):
                self._stamps[i] = t_ns
                self._vectors[i] = 0 if vector is None else vector
                self.has_signal[i] = vector is not None
            self._count += 1
        return True

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """Return all pairs with start_ns <= stamp <= end_ns in order: (n,), (n, dim), present (n,).

        A vector that is not present is zero. The arrays are the caller's own.
        """
        with self._lock:
            low = max(0, self._count - self.capacity) % self.capacity
            held = slice(low, low + min(self._count, self.capacity))
            stamps = self._stamps[held]
            first = int(np.searchsorted(stamps, start_ns, side="left"))
            last = int(np.searchsorted(stamps, end_ns, side="right"))
            part = slice(first, max(first, last))
            return stamps[part].copy(), self._vectors[held][part].copy(), self.has_signal[held][part].copy()

    def __len__(self) -> int:
        with self._lock:
            return min(self._count, self.capacity)

    @property
    def newest_ns(self) -> int | None:
        """The newest stamp; None while there is none."""
        with self._lock:
            return int(self._stamps[(self._count - 1) % self.capacity]) if self._count else None

    def clear(self) -> None:
        """Forget everything, so that earlier stamps are accepted again."""
        with self._lock:
            self._count = 0
