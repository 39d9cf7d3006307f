"""Loads models in the background; the newest wish wins, the running model is never touched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.models.runtimes.base import check_backend
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS
from emolive.types import Status

if TYPE_CHECKING:
    from emolive.predictor import Predictor

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model is wanted: the shipped one of a fusion, or a checkpoint by its path."""

    fusion: str | None
    path: Path | None

    @property
    def exported(self) -> bool:
        """It runs on ONNX Runtime alone, and is described in its own way."""
        return self.path is not None and checkpoint.is_onnx(self.path)

    @property
    def text(self) -> str:
        return self.path.name if self.path is not None else str(self.fusion)


class ModelLoader:
    """One short-lived thread at a time; answers only for the newest wish."""

    def __init__(
        self,
        device: str,
        backend: str,
        *,
        on_known: Callable[[ModelSpec], None],
        on_ready: Callable[[Predictor], None],
        on_status: Callable[[Status], None],
    ) -> None:
        """`on_known` is told what is coming before anything large is loaded, `on_ready` gets it.

        EmoliveError for a backend that does not exist.
        """
        check_backend(backend)
        self._device = device
        self._backend = backend
        self._measured: str | None = None
        """What "auto" came to: the models are alike, so that it is measured once."""
        self._on_known, self._on_ready, self._on_status = on_known, on_ready, on_status
        self._lock = threading.Lock()
        self._wish: ModelRequest | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.settled = threading.Event()
        """Set while no wish is open: the newest one was granted or refused."""

    def want(self, fusion: str | None, path: Path | None) -> None:
        """Load this in the background. EmoliveError for a fusion that does not exist."""
        if fusion is not None:
            FUSIONS.check(fusion)
        wish = ModelRequest(fusion, path)
        with self._lock:
            if self._closed:
                return
            self._wish = wish
            self.settled.clear()
            self._on_status(Status("model", "info", "loading", f"Loading {wish.text} …"))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emolive-loader", daemon=True)
                self._thread.start()

    def close(self, timeout_s: float) -> bool:
        with self._lock:
            self._closed = True
            self._wish = None
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._lock:
                wish = self._wish
                if wish is None:
                    self._thread = None
                    return
            status = self._grant(wish)
            with self._lock:
                if self._wish is wish:
                    self._wish = None
                    if status is not None:
                        self._on_status(status)
                    self.settled.set()

    def _grant(self, wish: ModelRequest) -> Status | None:
        try:
            # The camera runs already: what is seen while torch comes in is part of the first window.
            if not wish.exported:
                path = wish.path or checkpoint.shipped(str(wish.fusion))
                self._on_known(checkpoint.describe(path).spec)
            predictor = self._load(wish)
            with self._lock:
                if self._wish is not wish or self._closed:
                    return None
            self._on_ready(predictor)
        except EmoliveError as error:
            return Status("model", "error", "refused", str(error))
        except Exception as error:
            if self._closed:
                # Python takes away what is being imported when it ends.
                return None
            log.exception("loading %s failed", wish.text)
            return Status("model", "error", "failed", f"Loading {wish.text} failed: {error}.")
        from emolive.models.runtimes.base import AUTO

        backend = predictor.runtime
        if backend.latency_ms:
            self._measured = backend.name
        if backend.fallback_reason and self._backend != AUTO:
            return Status("model", "warning", "fallback", backend.fallback_reason)
        text = f"{predictor.spec.fusion} answers on {predictor.device} by {backend.title}."
        return Status("model", "ok", "ready", text)

    def _load(self, wish: ModelRequest) -> Predictor:
        import torch

        from emolive.predictor import load_predictor

        # Perception and inference keep to one core each: for nets this small two threads only wait.
        torch.set_num_threads(1)
        # An exported checkpoint knows but one backend.
        backend = self._backend if wish.exported or self._measured is None else self._measured
        return load_predictor(wish.fusion, wish.path, self._device, backend)
