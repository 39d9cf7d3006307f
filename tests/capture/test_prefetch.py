"""Prefetched items are unchanged, and the thread ends with the iterator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from emolive.capture.prefetch import prefetch
from tests.helpers.listener import eventually


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "emolive-prefetch"]


def test_items_keep_their_order_and_the_buffer_is_bounded() -> None:
    begun: list[int] = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            begun.append(i)
            yield i

    with closing(prefetch(numbers(), 3)) as items:
        first = next(items)
        eventually(lambda: len(begun) == 5, "three that wait and one that is held")
        assert [first, *items] == list(range(100))
    assert not threads()


def test_what_goes_wrong_comes_behind_what_went_right() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    items = prefetch(broken(), 8)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="three"):
        next(items)
    assert not threads()


def test_stopping_early_closes_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    with closing(prefetch(endless(), 2)) as items:
        next(items)
    assert closed.is_set()
    assert not threads()
