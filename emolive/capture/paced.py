"""Plays the streams of a file at their time, each decoded in a thread of its own.

A video that is decoded more slowly than it plays must not hold back the sound: its decoder leaves frames out.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from emolive.capture.packets import SkipMode
from emolive.capture.timeline import MAX_GAP_NS, OnJump
from emolive.clock import NS_PER_S, now_ns, to_ns, to_s
from emolive.types import AudioBlock, Frame

Item = Frame | AudioBlock

LATE_NS = to_ns(0.2)
"""A frame this late is dropped, and the decoder leaves out frames that no other refers to."""
MAX_DROP_NS = to_ns(0.25)
"""At least one frame in this time is delivered, however late: a window needs it even then."""
_LOST_NS = to_ns(2.0)
"""With frames this late the decoder goes on at the next key frame."""
_STARVED_NS = to_ns(3.0)
"""A network that delivers everything this late has stopped for a while: the rest is played later."""
_AHEAD_NS = to_ns(0.3)
"""Decoders are at most this far ahead."""
_MAX_WAITING = 32
_POLL_S = 0.02


class DecoderPolicy:
    """Decides which frames the decoder of a stream leaves out, from how late its frames are.

    Args:
        on_slow: called once, when frames have to be left out.
    """

    def __init__(self, on_slow: Callable[[], None]) -> None:
        self._on_slow: Callable[[], None] | None = on_slow
        self._skip: Literal["DEFAULT", "NONREF", "KEY"] = "DEFAULT"
        self._delivered_ns: int | None = None

    def __call__(self, is_keyframe: bool) -> SkipMode:
        """As `emolive.capture.decode.SkipFrames`."""
        if self._skip == "KEY":
            # What lies before the next key frame refers to frames that were left out.
            if not is_keyframe or self._late_ns > LATE_NS:
                return "NONKEY"
            self._skip = "NONREF"
        return self._skip

    _late_ns = 0

    def accept(self, t_ns: int, late_ns: int) -> bool:
        """Whether a decoded frame is delivered.

        Args:
            t_ns: its time.
            late_ns: how late it is; negative if it is early.
        """
        self._late_ns = late_ns
        if late_ns > _LOST_NS:
            self._skip = "KEY"
        elif late_ns > LATE_NS and self._skip == "DEFAULT":
            self._skip = "NONREF"
        elif late_ns < 0 and self._skip == "NONREF":
            self._skip = "DEFAULT"
        if late_ns > LATE_NS:
            if self._on_slow is not None and late_ns > 2 * LATE_NS:
                self._on_slow()
                self._on_slow = None
            if self._delivered_ns is not None and 0 <= t_ns - self._delivered_ns < MAX_DROP_NS:
                return False
        self._delivered_ns = t_ns
        return True


class Player:
    """Delivers the items of some streams in the order of their time, each when it is due.

    Args:
        streams: each in the order of its time.
        start_ns: the clock's time of the streams' time 0.
        deliver: called with each item and its time by the clock.
        on_jump: called for each gap that all streams have in common and that was taken out.
        stopping: ends the player.
        may_starve: the streams come from a network: after a pause they are played later.
        policy: decides which frames are delivered.
    """

    def __init__(
        self,
        streams: list[Iterator[Item]],
        start_ns: int,
        deliver: Callable[[Item, int], None],
        on_jump: OnJump,
        stopping: threading.Event,
        *,
        may_starve: bool,
        policy: DecoderPolicy,
    ) -> None:
        self._changed = threading.Condition()
        self._start_ns = start_ns
        self._deliver, self._on_jump, self._stopping = deliver, on_jump, stopping
        self._may_starve, self._policy = may_starve, policy
        self._skipped_ns = self._end_ns = 0
        self._feeds = [_Feed(stream, self) for stream in streams]
        self.error: BaseException | None = None

    def due_ns(self, item: Item) -> int:
        """When an item is due by the clock."""
        return self._start_ns + item.t_ns - self._skipped_ns

    def run(self) -> bool:
        """Play to the end.

        Returns:
            False if it was stopped before.

        Raises:
            Exception: what a stream raised.
        """
        for feed in self._feeds:
            feed.thread.start()
        try:
            return self._run()
        finally:
            for feed in self._feeds:
                feed.close()
            for feed in self._feeds:
                feed.thread.join()

    def _run(self) -> bool:
        while not self._stopping.is_set():
            with self._changed:
                feed = self._next()
                if feed is None:
                    if all(feed.is_done and not feed.waiting for feed in self._feeds):
                        break
                    self._changed.wait(_POLL_S)
                    continue
                item = feed.waiting[0]
                due_ns = self.due_ns(item)
                early_ns = due_ns - now_ns()
                if early_ns > 0:
                    # Another stream may deliver something earlier meanwhile.
                    self._changed.wait(min(_POLL_S, to_s(early_ns)))
                    continue
                feed.waiting.popleft()
                self._changed.notify_all()
            self._deliver(item, due_ns)
            self._end_ns = max(self._end_ns, item.t_ns + _length_ns(item))
        error = next((feed.error for feed in self._feeds if feed.error is not None), None)
        if error is not None:
            raise error
        return not self._stopping.is_set()

    def _next(self) -> _Feed | None:
        """The stream with the next item; None if it is not known yet."""
        ready = [feed for feed in self._feeds if feed.waiting]
        if not ready:
            return None
        feed = min(ready, key=lambda feed: feed.waiting[0].t_ns)
        item = feed.waiting[0]
        gap_ns = item.t_ns - self._end_ns
        if gap_ns > MAX_GAP_NS:
            if any(not feed.waiting and not feed.is_done for feed in self._feeds):
                return None
            self._on_jump(self._end_ns - self._skipped_ns, gap_ns)
            self._skipped_ns += gap_ns
            self._end_ns = item.t_ns
        if self._may_starve and now_ns() - max(self.due_ns(f.waiting[0]) for f in ready) > _STARVED_NS:
            self._start_ns += now_ns() - self.due_ns(item)
        return feed

    def offer(self, feed: _Feed, item: Item) -> bool:
        """Take an item from a stream's thread, once there is room; False if the player has ended."""
        if isinstance(item, Frame):
            due_ns = self.due_ns(item)
            if not self._policy.accept(due_ns, now_ns() - due_ns):
                return not feed.is_closed
            # Converted here, where neither the sound nor the reader of the frame waits for it.
            item = replace(item, image_source=item.image)
        with self._changed:
            while not feed.is_closed and feed.is_full(item):
                self._changed.wait(_POLL_S)
            feed.waiting.append(item)
            self._changed.notify_all()
        return not feed.is_closed

    def finish(self, feed: _Feed) -> None:
        """A stream's thread has delivered everything."""
        with self._changed:
            feed.is_done = True
            self._changed.notify_all()


class _Feed:
    """A stream and the thread that decodes it."""

    def __init__(self, stream: Iterator[Item], player: Player) -> None:
        self.waiting: deque[Item] = deque()
        self.is_done = self.is_closed = False
        self.error: Exception | None = None
        self._stream, self._player = stream, player
        self.thread = threading.Thread(target=self._run, name="emolive-decode", daemon=True)

    def is_full(self, item: Item) -> bool:
        if not self.waiting:
            return False
        return len(self.waiting) >= _MAX_WAITING or item.t_ns - self.waiting[0].t_ns > _AHEAD_NS

    def close(self) -> None:
        self.is_closed = True

    def _run(self) -> None:
        try:
            for item in self._stream:
                if not self._player.offer(self, item):
                    break
        except Exception as error:  # noqa: BLE001 (raised again in the player's thread)
            self.error = error
        finally:
            close = getattr(self._stream, "close", None)
            if close is not None:
                close()
            self._player.finish(self)


def _length_ns(item: Item) -> int:
    return len(item.samples) * NS_PER_S // item.rate_hz if isinstance(item, AudioBlock) else NS_PER_S // 30
