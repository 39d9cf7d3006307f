"""Callbacks that get each new estimate."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from emolive.types import Estimate

log = logging.getLogger(__name__)


class Publisher:
    """Calls subscribed callbacks. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each estimate until the subscription is closed."""
        subscription = Subscription(callback, self)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; no effect if it has ended."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, estimate: Estimate) -> None:
        """Call all callbacks, in the order of subscription. What one of them raises is logged."""
        for subscription in self._subscriptions:
            try:
                subscription.callback(estimate)
            except Exception:
                log.exception("a subscriber failed")


class Subscription:
    """A callback that gets estimates until this is closed; also a context manager.

    Made by `Session.subscribe`.
    """

    def __init__(self, callback: Callable[[Estimate], None], publisher: Publisher) -> None:
        self.callback = callback
        self._publisher = publisher

    def close(self) -> None:
        """End it; the callback may still run for an estimate that is just being published."""
        self._publisher.unsubscribe(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
