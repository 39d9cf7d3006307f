"""Models that stay loaded while sources change."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emolive.predictor import Predictor


class ModelShelf:
    """Loads models and keeps them. Thread-safe; a predictor itself is used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._predictors: dict[tuple[object, ...], Predictor] = {}

    def load(self, fusion: str | None, path: Path | None, device: str, backend: str) -> Predictor:
        """As `emolive.predictor.load_predictor`, once for each unchanged file."""
        from emolive.models.factory import shipped_checkpoint
        from emolive.predictor import DEFAULT_FUSION, load_predictor

        file = path or shipped_checkpoint(fusion or DEFAULT_FUSION)
        status = file.stat() if file.is_file() else None
        key = (fusion, file, device, backend, status and (status.st_mtime_ns, status.st_size))
        with self._lock:
            if key not in self._predictors:
                self._predictors[key] = load_predictor(fusion, path, device, backend)
            return self._predictors[key]
