"""Iterates ahead of the consumer in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

MEDIA_BUFFER_SIZE = 16
"""Frames and audio blocks of a file: about a fifth of a second. A large frame counts as several."""
_PUT_TIMEOUT_S = 0.05


def prefetch(
    iterable: Iterable[T], buffer_size: int, weigh: Callable[[T], int] = lambda _: 1
) -> Generator[T, None, None]:
    """Yield the items of `iterable` in order, while a thread already makes the next ones.

    A consumer that stops early closes the generator (`contextlib.closing`), which ends the thread. An
    exception of the iterable is raised after the items before it were yielded.

    Args:
        iterable: iterated in the thread; closed there if it is a generator.
        buffer_size: how many items wait at most.
        weigh: as how many of them an item counts, at least 1.
    """
    buffer: _WeightedQueue[T | _End] = _WeightedQueue(
        buffer_size, lambda item: 1 if isinstance(item, _End) else max(1, weigh(item))
    )
    cancelled = threading.Event()

    def put(item: T | _End) -> bool:
        while not cancelled.is_set():
            try:
                buffer.put(item, timeout=_PUT_TIMEOUT_S)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        iterator = iter(iterable)
        try:
            for item in iterator:
                if not put(item):
                    break
        except BaseException as error:  # noqa: BLE001 (raised again in the consumer's thread)
            put(_End(error))
        else:
            put(_End(None))
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    thread = threading.Thread(target=run, name="emolive-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = buffer.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        cancelled.set()
        thread.join()


class _WeightedQueue(queue.Queue[T]):
    """A queue that is full when its items together have a weight."""

    def __init__(self, max_weight: int, weigh: Callable[[T], int]) -> None:
        super().__init__(max_weight)
        self._weigh = weigh
        self._weight = 0

    def _qsize(self) -> int:
        return self._weight

    def _put(self, item: T) -> None:
        super()._put(item)
        self._weight += self._weigh(item)

    def _get(self) -> T:
        item = super()._get()
        self._weight -= self._weigh(item)
        return item


class _End:
    """Follows the last item."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
