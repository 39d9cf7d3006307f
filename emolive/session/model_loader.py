"""Loads models in the background; the newest request wins, and the model in use continues until then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.models.runtimes.base import check_backend
from emolive.models.spec import FeatureSpace, ModelSpec
from emolive.plugins import FUSIONS
from emolive.session.calibration import LoadedProfile, load_profile
from emolive.types import Status
from emolive.vision.face_pipeline import FacePipeline

if TYPE_CHECKING:
    from emolive.predictor import Predictor

log = logging.getLogger(__name__)

LoadModel = Callable[[str | None, Path | None, str, str], "Predictor"]
"""Loads the model of a fusion or a file for a device and a backend."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model to load: the shipped one of a fusion, or a checkpoint file."""

    fusion: str | None
    path: Path | None

    @property
    def is_onnx(self) -> bool:
        """An exported checkpoint, which only ONNX Runtime runs."""
        return self.path is not None and checkpoint.is_onnx(self.path)

    @property
    def title(self) -> str:
        return self.path.name if self.path is not None else str(self.fusion)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, warmed up, with the saved profile of the person."""

    predictor: Predictor
    space: Hashable
    """Its feature space; models with equal spaces share the speaker's statistics."""
    video_space: Hashable
    """Its video feature space; models with equal ones share the feature buffer."""
    profile: LoadedProfile


class ModelLoader:
    """Runs at most one thread at a time, while there are requests.

    Args:
        device: where models run: auto, cpu, cuda, mps.
        backend: the runtime: auto, or a name from `emolive.models.spec.BACKENDS`.
        person: the name whose profile is loaded with a model.
        on_face_pipeline: gets the face pipeline for a model, its description and its feature space. Called
            before the model, so that frames are perceived while weights are loaded.
        on_model: gets the model.
        on_status: gets statuses of "model".
        load_model: loads a model; by default `emolive.predictor.load_predictor`.

    The callbacks are called from the loader's thread.

    Raises:
        ConfigError: there is no such backend.
    """

    def __init__(
        self,
        device: str,
        backend: str,
        *,
        person: Callable[[], str],
        on_face_pipeline: Callable[[FacePipeline, ModelSpec, Hashable], None],
        on_model: Callable[[LoadedModel], None],
        on_status: Callable[[Status], None],
        load_model: LoadModel | None = None,
    ) -> None:
        check_backend(backend)
        self._load_model = load_model
        self._device = device
        self._backend = backend
        self._fastest: str | None = None
        """The runtime that "auto" measured as fastest; models are similar, so it is measured once."""
        self._person = person
        self._on_face_pipeline, self._on_model, self._on_status = on_face_pipeline, on_model, on_status
        self._lock = threading.Lock()
        self._request: ModelRequest | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._when_idle: list[Callable[[], None]] = []
        self.idle = threading.Event()
        """Set while no request is open: the newest one was loaded or refused."""
        # Used in the loader's thread only.
        self._loaded_any = False
        self._video_space: Hashable = None
        """Of the face pipeline that was handed over last."""

    def request(self, fusion: str | None, path: Path | None) -> None:
        """Load a model in the background.

        Args:
            fusion: load its shipped checkpoint.
            path: load this checkpoint.

        Raises:
            ConfigError: there is no such fusion.
        """
        if fusion is not None:
            FUSIONS.check(fusion)
        request = ModelRequest(fusion, path)
        with self._lock:
            if self._closed:
                return
            self._request = request
            self.idle.clear()
            self._on_status(Status("model", "info", "loading", f"Loading {request.title} …"))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emolive-loader", daemon=True)
                self._thread.start()

    def call_when_idle(self, callback: Callable[[], None]) -> None:
        """Call `callback` once no request is open: now, or later from the loader's thread."""
        with self._lock:
            if not self.idle.is_set():
                self._when_idle.append(callback)
                return
        callback()

    def close(self, timeout_s: float) -> bool:
        """Accept no more requests and end; False if loading did not end in time."""
        with self._lock:
            self._closed = True
            self._request = None
            self._when_idle.clear()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._lock:
                request = self._request
                if request is None:
                    self._thread = None
                    return
            status = self._load(request)
            callbacks: list[Callable[[], None]] = []
            with self._lock:
                if self._request is request:
                    self._request = None
                    if status is not None:
                        self._on_status(status)
                    self.idle.set()
                    callbacks, self._when_idle = self._when_idle, []
            for callback in callbacks:
                callback()

    def _load(self, request: ModelRequest) -> Status | None:
        """Load a model and hand it over. Returns the resulting status, or None if a newer request exists."""
        try:
            # The source is running: frames that are perceived while torch is imported belong to the first
            # window.
            if not self._loaded_any and not request.is_onnx:
                path = request.path or checkpoint.shipped(str(request.fusion))
                self._provide_pipeline(checkpoint.describe(path).spec, None)
            predictor = self._load_predictor(request)
            with self._lock:
                if self._request is not request or self._closed:
                    return None
            video_space = self._provide_pipeline(predictor.spec, predictor)
            profile = load_profile(predictor, self._person())
            space = (predictor.feature_space, _classifier(predictor.spec))
            self._on_model(LoadedModel(predictor, space, video_space, profile))
            self._loaded_any = True
        except EmoliveError as error:
            return Status("model", "error", "refused", str(error))
        except Exception as error:
            if self._closed:
                # Imports fail while the interpreter shuts down.
                return None
            log.exception("loading %s failed", request.title)
            return Status("model", "error", "failed", f"Loading {request.title} failed: {error}.")
        from emolive.models.runtimes.base import AUTO

        backend = predictor.runtime
        if backend.latency_ms:
            self._fastest = backend.name
        if backend.fallback_reason and self._backend != AUTO:
            return Status("model", "warning", "fallback", backend.fallback_reason)
        text = f"{predictor.spec.fusion} runs on {predictor.device} by {backend.title}."
        limits = predictor.spec.limits
        return Status("model", "info" if limits else "ok", "ready", f"{text} {limits}".strip())

    def _load_predictor(self, request: ModelRequest) -> Predictor:
        import torch

        from emolive.predictor import load_predictor

        # Perception and inference use one core each: for networks this small a second thread mostly waits.
        torch.set_num_threads(1)
        backend = self._backend if request.is_onnx or self._fastest is None else self._fastest
        return (self._load_model or load_predictor)(request.fusion, request.path, self._device, backend)

    def _provide_pipeline(self, spec: ModelSpec, predictor: Predictor | None) -> Hashable:
        """Hand over a face pipeline unless the one in use has the same video feature space.

        Returns:
            The video feature space; None without a predictor if an encoder needs the model's weights.
        """
        if predictor is not None:
            video_space: Hashable = (predictor.feature_space.video, _classifier(spec))
        elif spec.learned_encoder is None:
            video_space = (FeatureSpace.of(spec).video, _classifier(spec))
        else:
            return None
        if video_space != self._video_space:
            # Done here because it takes a second, for which no frame should wait.
            pipeline = FacePipeline.for_spec(spec, predictor.encoders() if predictor is not None else None)
            self._on_face_pipeline(pipeline, spec, video_space)
            self._video_space = video_space
        return video_space


def _classifier(spec: ModelSpec) -> str | None:
    """Digest of the expression classifier that runs beside the frame encoders, if there is one."""
    return None if spec.pool is None else spec.pool.classifier
