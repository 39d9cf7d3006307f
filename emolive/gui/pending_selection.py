"""The value of a dropdown between a choice and the session's response. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMEOUT_S = 20.0
ERROR_GRACE_S = 1.0
"""An error within this time after the choice is attributed to an earlier choice."""


class PendingSelection:
    """Shows the requested value until it is in force, was refused, or timed out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requested: str | None = None
        self._requested_at_s = 0.0

    def request(self, value: str) -> None:
        """The user chose `value`."""
        self._requested, self._requested_at_s = value, self._clock()

    def clear(self) -> None:
        """The request was refused or does not matter any more."""
        self._requested = None

    def displayed(self, actual: str, *, failed: bool = False) -> str:
        """The value to show while `actual` is in use; `failed`: the session reports an error."""
        if self._requested is not None:
            waited_s = self._clock() - self._requested_at_s
            if self._requested == actual or waited_s > TIMEOUT_S or (failed and waited_s > ERROR_GRACE_S):
                self.clear()
        return actual if self._requested is None else self._requested
