"""Files that wait until the one before has ended. No Qt."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class FileQueue:
    """Sources in the order in which they are played."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._playing = ""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def current(self) -> str:
        """The source taken last; empty before the first."""
        return self._playing

    def replace(self, sources: Iterable[str]) -> str | None:
        """Begin a new queue; returns its first source, which is to be opened at once."""
        self._waiting = deque(sources)
        return self._take()

    def clear(self) -> None:
        """The user opened something else."""
        self._waiting.clear()

    def next_after(self, source: str, *, ended: bool) -> str | None:
        """The next source if `source`, the last one taken, has ended."""
        return self._take() if ended and source == self._playing and self._waiting else None

    def skip(self) -> str | None:
        """The next source, without waiting."""
        return self._take()

    def _take(self) -> str | None:
        if not self._waiting:
            return None
        self._playing = self._waiting.popleft()
        return self._playing
