"""A wish that the session has not yet fulfilled."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 20.0
GRACE_S = 1.0
"""So long a fault that was there before the wish is not taken for its answer."""


class PendingSelection:
    """Lets a dropdown show what was asked for until it is in force or has failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wanted: str | None = None
        self._since_s = 0.0

    def want(self, value: str) -> None:
        self._wanted, self._since_s = value, self._clock()

    def settle(self) -> None:
        """Forget the wish: it was fulfilled or refused."""
        self._wanted = None

    def shown(self, actual: str, *, failed: bool = False) -> str:
        """What the dropdown shows while `actual` is in force."""
        if self._wanted is not None:
            waited_s = self._clock() - self._since_s
            if self._wanted == actual or waited_s > PATIENCE_S or (failed and waited_s > GRACE_S):
                self.settle()
        return actual if self._wanted is None else self._wanted
