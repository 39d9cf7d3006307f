"""Loads models in the background; the newest request wins, and the model in use continues until then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.device import choose_device
from emolive.errors import ConfigError, EmoliveError
from emolive.faults import is_out_of_memory, log_fault, one_line
from emolive.models.feature_space import FeatureSpace
from emolive.models.io import checkpoint
from emolive.models.runtimes.base import AUTO, ONNX, check_backend
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS
from emolive.session.calibration import load_profile
from emolive.session.model_request import ONNX_ONLY, LoadedModel, LoadModel, ModelRequest
from emolive.supervision import Supervised
from emolive.types import Status
from emolive.vision.face_pipeline import FacePipeline

if TYPE_CHECKING:
    from emolive.predictor import Predictor

log = logging.getLogger(__name__)


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
        self._closed = threading.Event()
        self._loaded: ModelRequest | None = None
        """Of the model that was handed over last."""
        self._before: tuple[str, str] | None = None
        """Device and backend of the model in use, while it is being loaded for others."""
        self._fell_back = False
        """The device asked for has too little memory."""
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
            self._post(request)

    def set_runtime(self, device: str, backend: str) -> None:
        """Load the model in use, or the one that is being loaded, for another device and runtime.

        The model in use continues until then; if it cannot run there, it goes on as it was.

        Raises:
            ConfigError: there is no such backend, or the model does not run on it.
            DeviceError: this computer has no such device.
        """
        check_backend(backend)
        if device != "auto":
            choose_device(device)
        with self._lock:
            request = self._request or self._loaded
            if request is not None and request.is_onnx and backend not in (AUTO, ONNX):
                raise ConfigError(ONNX_ONLY.format(name=request.title))
            self._before = self._before or (self._device, self._backend)
            self._device, self._backend = device, backend
            self._fastest, self._fell_back = None, False
            if request is not None:
                # A new object, so that loading for the old runtime is given up.
                self._post(replace(request))

    def fall_back_to_cpu(self) -> None:
        """Load the model in use once more, on the CPU: its device has no memory left."""
        with self._lock:
            if self._fell_back:
                return
            self._fell_back = True
            self._device, self._fastest = "cpu", None
            if self._request is None and self._loaded is not None:
                self._post(self._loaded)

    def _post(self, request: ModelRequest) -> None:
        """Under the lock: make this the newest request."""
        if self._closed.is_set():
            return
        self._request = request
        self.idle.clear()
        self._on_status(Status("model", "info", "loading", f"Loading {request.title} …"))
        if self._thread is None:
            loop = Supervised("emolive-loader", self._run, self._closed, lambda error, _: self._failed(error))
            self._thread = threading.Thread(target=loop.run, name="emolive-loader", daemon=True)
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
            self._closed.set()
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
                try:
                    callback()
                except Exception as error:
                    log_fault(log, "a file could not be started", error)

    def _failed(self, error: BaseException) -> None:
        """The thread is started again; a request that it was at work on is open still."""
        self._on_status(Status("model", "error", "failed", f"Loading failed: {one_line(error)}."))

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
                if self._request is not request or self._closed.is_set():
                    return None
            video_space = self._provide_pipeline(predictor.spec, predictor)
            profile = load_profile(predictor, self._person())
            space = (predictor.feature_space, _classifier(predictor.spec))
            self._on_model(LoadedModel(predictor, space, video_space, profile))
            self._loaded, self._loaded_any, self._before = request, True, None
        except EmoliveError as error:
            self._restore_runtime()
            return Status("model", "error", "refused", str(error))
        except Exception as error:
            if self._closed.is_set():
                # Imports fail while the interpreter shuts down.
                return None
            log_fault(log, f"loading {request.title} failed", error)
            self._restore_runtime()
            text = f"Loading {request.title} failed: {one_line(error)}."
            return Status("model", "error", "failed", text)
        return self._loaded_status(predictor)

    def _restore_runtime(self) -> None:
        """Load the next model for the device and backend of the one in use: others have just failed."""
        with self._lock:
            if self._before is not None and self._loaded is not None:
                (self._device, self._backend), self._fastest = self._before, None
            self._before = None

    def _loaded_status(self, predictor: Predictor) -> Status:
        runtime, fusion = predictor.runtime, predictor.spec.fusion
        if runtime.latency_ms:
            self._fastest = runtime.name
        if self._fell_back:
            text = f"The compute device has too little memory: {fusion} runs on the CPU."
            return Status("model", "warning", "fallback", text)
        if runtime.fallback_reason and self._backend != AUTO:
            return Status("model", "warning", "fallback", runtime.fallback_reason)
        text = f"{fusion} runs on {predictor.device} by {runtime.title}."
        limits = predictor.spec.limits
        return Status("model", "info" if limits else "ok", "ready", f"{text} {limits}".strip())

    def _load_predictor(self, request: ModelRequest) -> Predictor:
        import torch

        from emolive.predictor import load_predictor

        # Perception and inference use one core each: for networks this small a second thread mostly waits.
        torch.set_num_threads(1)
        backend = self._backend if request.is_onnx or self._fastest is None else self._fastest
        load = self._load_model or load_predictor
        try:
            return load(request.fusion, request.path, self._device, backend)
        except Exception as error:
            if self._device == "cpu" or not is_out_of_memory(error):
                raise
            self._device, self._fell_back = "cpu", True
        return load(request.fusion, request.path, "cpu", backend)

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
