"""Models that stay loaded while sources change."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emolive.predictor import Predictor

Key = tuple[object, ...]


class ModelShelf:
    """Keeps loaded models for the sessions that follow one another. Thread-safe.

    A predictor is not: each belongs to one loan at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[Key, list[Predictor]] = {}

    def borrow(self) -> ModelLoan:
        """The models of one session."""
        return ModelLoan(self)

    def take(self, key: Key) -> Predictor | None:
        """A model that no session uses, if there is one."""
        with self._lock:
            free = self._free.get(key)
            return free.pop() if free else None

    def put(self, key: Key, predictor: Predictor) -> None:
        """A session no longer uses a model."""
        with self._lock:
            self._free.setdefault(key, []).append(predictor)


class ModelLoan:
    """Loads models for one session, each once."""

    def __init__(self, shelf: ModelShelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._predictors: dict[Key, Predictor] = {}

    def load(self, fusion: str | None, path: Path | None, device: str, backend: str) -> Predictor:
        """As `emolive.predictor.load_predictor`; a file that has changed is read again."""
        from emolive.models.factory import shipped_checkpoint
        from emolive.predictor import DEFAULT_FUSION, load_predictor

        file = path or shipped_checkpoint(fusion or DEFAULT_FUSION)
        status = file.stat() if file.is_file() else None
        key = (fusion, file, device, backend, status and (status.st_mtime_ns, status.st_size))
        with self._lock:
            if key not in self._predictors:
                free = self._shelf.take(key)
                self._predictors[key] = free or load_predictor(fusion, path, device, backend)
            return self._predictors[key]

    def give_back(self) -> None:
        """The session's threads have ended: its models are free for another one."""
        with self._lock:
            predictors, self._predictors = self._predictors, {}
        for key, predictor in predictors.items():
            self._shelf.put(key, predictor)
