"""Loads models in the background; the newest wish wins, the running model is never touched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emolive.errors import EmoliveError
from emolive.interpreter import Interpreter, load_interpreter
from emolive.models.backends import AUTO, TITLES, check
from emolive.models.onnx_model import is_onnx
from emolive.models.registry import check_fusion
from emolive.types import Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which model is wanted: the shipped one of a fusion, or a checkpoint by its path."""

    fusion: str | None
    path: Path | None

    @property
    def text(self) -> str:
        return self.path.name if self.path is not None else str(self.fusion)


class ModelLoader:
    """One short-lived thread at a time; answers only for the newest wish."""

    def __init__(
        self,
        device: str,
        backend: str,
        on_ready: Callable[[Interpreter], None],
        on_status: Callable[[Status], None],
    ) -> None:
        """EmoliveError for a backend that does not exist."""
        check(backend)
        self._device = device
        self._backend = backend
        self._measured: str | None = None
        """What "auto" came to: the models are alike, so that it is measured once."""
        self._on_ready, self._on_status = on_ready, on_status
        self._lock = threading.Lock()
        self._wish: Wish | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.settled = threading.Event()
        """Set while no wish is open: the newest one was granted or refused."""

    def want(self, fusion: str | None, path: Path | None) -> None:
        """Load this in the background. EmoliveError for a fusion that does not exist."""
        if fusion is not None:
            check_fusion(fusion)
        wish = Wish(fusion, path)
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

    def _grant(self, wish: Wish) -> Status | None:
        try:
            interpreter = load_interpreter(wish.fusion, wish.path, self._device, self._backend_for(wish))
            with self._lock:
                if self._wish is not wish or self._closed:
                    return None
            self._on_ready(interpreter)
        except EmoliveError as error:
            return Status("model", "error", "refused", str(error))
        except Exception as error:
            log.exception("loading %s failed", wish.text)
            return Status("model", "error", "failed", f"Loading {wish.text} failed: {error}.")
        backend = interpreter.backend
        if backend.took_ms:
            self._measured = backend.name
        if backend.note and self._backend != AUTO:
            return Status("model", "warning", "fallback", backend.note)
        text = f"{interpreter.spec.fusion} answers on {interpreter.device} by {TITLES[backend.name]}."
        return Status("model", "ok", "ready", text)

    def _backend_for(self, wish: Wish) -> str:
        # An exported checkpoint knows but one.
        exported = wish.path is not None and is_onnx(wish.path)
        return self._backend if exported or self._measured is None else self._measured
