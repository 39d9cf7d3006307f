"""The slot whose newest value replaces the previous one."""

from __future__ import annotations

import threading
import time

from emolive.buffers.latest_slot import LatestSlot


def test_the_newest_value_replaces_one_that_was_not_read() -> None:
    slot: LatestSlot[int] = LatestSlot()
    for i in range(5):
        slot.put(i)
    assert (slot.get(), slot.dropped) == (4, 4)
    assert slot.get(timeout_s=0.01) is None


def test_a_reader_wakes_up_for_a_value_and_for_the_end() -> None:
    slot: LatestSlot[int] = LatestSlot()
    values: list[int | None] = []
    reader = threading.Thread(target=lambda: values.extend(slot.get() for _ in range(2)))
    reader.start()
    time.sleep(0.05)
    slot.put(1)
    while not values:
        time.sleep(0.01)
    slot.close()
    reader.join(60)
    assert values == [1, None]


def test_a_writer_that_waits_replaces_nothing() -> None:
    slot: LatestSlot[int] = LatestSlot()
    writer = threading.Thread(target=lambda: [slot.put(i, wait=True) for i in range(50)])
    writer.start()
    assert [slot.get(60) for _ in range(50)] == list(range(50))
    writer.join(60)
    assert slot.dropped == 0


def test_closing_wakes_a_writer_that_waits() -> None:
    slot: LatestSlot[int] = LatestSlot()
    slot.put(1)
    writer = threading.Thread(target=lambda: slot.put(2, wait=True))
    writer.start()
    time.sleep(0.05)
    slot.close()
    writer.join(60)
    assert not writer.is_alive()
    assert [slot.get(), slot.get()] == [1, None]


def test_after_closing_the_last_value_can_be_read_and_no_other_comes() -> None:
    slot: LatestSlot[int] = LatestSlot()
    slot.put(1)
    slot.close()
    slot.put(3)
    assert [slot.get(), slot.get()] == [1, None]
