"""Work that runs ahead in a thread of its own, as far as there is room."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

DECODED = 16
"""Room for frames and blocks of sound of a file: about a fifth of a second."""


def prefetch(items: Iterable[T], room: int) -> Generator[T, None, None]:
    """The same items in the same order, made while the one before is worked on.

    Whoever stops early closes it (`contextlib.closing`); then no further item is begun. What making an
    item raises comes when the items before it have been taken.

    Args:
        items: is iterated in the thread.
        room: so many items wait at most.
    """
    made: queue.Queue[T | _End] = queue.Queue(room)
    over = threading.Event()

    def put(item: T | _End) -> bool:
        while not over.is_set():
            try:
                made.put(item, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(item):
                    break
        except BaseException as error:  # noqa: BLE001 (raised again where the items are taken)
            put(_End(error))
        else:
            put(_End(None))
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    thread = threading.Thread(target=run, name="emolive-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = made.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        over.set()
        thread.join()


class _End:
    """Behind the last item."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
