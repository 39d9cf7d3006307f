"""What answers and how: the model, its runtime, the person and the baseline of a session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path

from emolive.clock import now_ns
from emolive.errors import ConfigError
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.plugins import FUSIONS
from emolive.session.comparison import ComparisonLoader
from emolive.session.config import SessionConfig, check_hop
from emolive.session.inference_worker import InferenceWorker
from emolive.session.model_loader import ModelLoader
from emolive.session.model_request import LoadModel
from emolive.session.perception_worker import PerceptionWorker
from emolive.session.status import StatusRegistry
from emolive.session.stream import Stream
from emolive.smoothing import check_smoothing
from emolive.types import Estimate


class ModelControls(ABC):
    """The part of `Session` that owns the models: each request takes effect without a gap.

    Args:
        config: the initial settings.
        load_model: loads a model; by default `emolive.predictor.load_predictor`.

    Raises:
        ConfigError: the config names an unknown baseline, backend, hop or smoothing.
    """

    def __init__(self, config: SessionConfig, load_model: LoadModel | None) -> None:
        _check_baseline(config.baseline)
        check_hop(config.hop_bins)
        check_smoothing(config.smoothing)
        self._running = False
        self._person = config.person
        self._runtime = (config.device, config.backend)
        self._statuses = StatusRegistry()
        """Statuses of model and baseline; those of the source belong to its stream."""
        self._perception = PerceptionWorker(self._statuses, self._out_of_memory)
        self._inference = InferenceWorker(
            config.baseline, config.person, self._statuses, self._publish, self._out_of_memory
        )
        pipeline, post = self._inference.pipeline, self._inference.post
        pipeline.set_hop(config.hop_bins)
        pipeline.set_smoothing(config.smoothing)
        self._loader = ModelLoader(
            config.device,
            config.backend,
            person=lambda: self._person,
            on_face_pipeline=self._perception.set_pipeline,
            on_model=lambda loaded: post(partial(pipeline.set_model, loaded)),
            on_status=self._statuses.put,
            load_model=load_model,
        )
        self._comparison = ComparisonLoader(
            config.device,
            config.backend,
            load_model,
            on_models=lambda models: post(partial(pipeline.set_comparison, models)),
            on_status=self._statuses.put,
        )

    @property
    @abstractmethod
    def _stream(self) -> Stream | None:
        """The present source."""

    @abstractmethod
    def _publish(self, estimate: Estimate, stream: Stream) -> None:
        """Pass an estimate on."""

    @property
    def model_settled(self) -> bool:
        """Whether the newest requested model was loaded or has failed."""
        return self._loader.idle.is_set()

    def set_fusion(self, fusion: str) -> None:
        """Load the shipped model of a fusion in the background; the present model continues until then.

        Raises:
            ConfigError: there is no such fusion.
        """
        self._loader.request(fusion, None)

    def set_checkpoint(self, path: Path) -> None:
        """Load a checkpoint file in the background; the present model continues until then."""
        self._loader.request(None, path)

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        """Let the shipped models of these fusions answer too, on the same evidence, beside the present one.

        They are loaded in the background. Their estimates are published after that of the present model, and
        the newest are in `Snapshot.comparison`.

        Raises:
            ConfigError: there is no such fusion.
        """
        for fusion in fusions:
            FUSIONS.check(fusion)
        self._comparison.load(fusions)

    def set_device(self, device: str) -> None:
        """Compute on another device; the model in use continues until it is loaded there.

        Args:
            device: auto, cpu, cuda or mps.

        Raises:
            DeviceError: this computer has no such device.
        """
        self._set_runtime(device, self._runtime[1])

    def set_backend(self, backend: str) -> None:
        """Run the model by another runtime; the present one continues until the new one is ready.

        Args:
            backend: auto, eager, folded or onnx.

        Raises:
            ConfigError: there is no such backend, or the model does not run on it.
        """
        self._set_runtime(self._runtime[0], backend)

    def set_hop_bins(self, hop_bins: int) -> None:
        """Answer at the end of every so many bins; evidence is gathered in each.

        Raises:
            ConfigError: it is none of `emolive.session.config.HOPS_BINS`.
        """
        check_hop(hop_bins)
        self._inference.post(partial(self._inference.pipeline.set_hop, hop_bins))

    def set_smoothing(self, mode: str) -> None:
        """Smooth the answers in another way from the next one on; nothing is forgotten.

        Raises:
            ConfigError: it is none of `emolive.smoothing.SMOOTHING_MODES`.
        """
        check_smoothing(mode)
        self._inference.post(partial(self._inference.pipeline.set_smoothing, mode))

    def set_baseline(self, mode: str) -> None:
        """Use another normalisation from the next window on.

        Args:
            mode: none, neutral or running.

        Raises:
            ConfigError: there is no such mode.
        """
        _check_baseline(mode)
        self._inference.post(partial(self._inference.pipeline.set_baseline, mode))

    def set_person(self, person: str) -> None:
        """Estimate for another person: load their neutral baseline and reset the running statistics.

        Raises:
            ConfigError: the name is empty.
        """
        person = person.strip()
        if not person:
            raise ConfigError("A person needs a name under which the baseline is saved.")
        self._person = person
        self._inference.post(partial(self._inference.pipeline.set_person, person))

    def calibrate(self, seconds: float = 5.0) -> None:
        """Measure the person's neutral baseline from now on, then save and use it.

        Args:
            seconds: duration, during which the person looks and speaks neutrally.

        Raises:
            ConfigError: calibration is not possible now: no source plays, no model is loaded, the model reads
                raw features, or a file is read faster than real time.
        """
        if seconds <= 0:
            raise ConfigError("A calibration must last some seconds: choose more than 0.")
        stream, predictor = self._stream, self._inference.pipeline.predictor
        if stream is None or not self._running or stream.finished.is_set():
            raise ConfigError("Nothing is playing to calibrate on: choose a camera or a file.")
        if not stream.realtime:
            raise ConfigError("A file that is read faster than real time leaves no time to calibrate.")
        if predictor is None:
            raise ConfigError("The model is still loading: calibrate in a moment.")
        if not predictor.spec.baselines:
            raise ConfigError("This model reads raw features and has no baseline: choose another model.")
        self._inference.post(partial(self._inference.pipeline.start_calibration, seconds, now_ns()))

    def set_explaining(self, on: bool) -> None:
        """Explain each answer from the next window on (`Snapshot.explanation`), or no longer."""
        self._inference.post(partial(self._inference.pipeline.set_explaining, on))

    # --- for the session

    def _load_models(self, config: SessionConfig) -> None:
        self._loader.request(None if config.checkpoint else config.fusion, config.checkpoint)
        if config.comparison:
            self._comparison.load(config.comparison)

    def _when_models_settle(self, call: Callable[[], None]) -> None:
        self._loader.call_when_idle(partial(self._comparison.call_when_idle, call))

    def _window_s(self) -> float:
        predictor = self._inference.pipeline.predictor
        return (predictor.spec if predictor is not None else ModelSpec()).window_s

    def _set_runtime(self, device: str, backend: str) -> None:
        self._loader.set_runtime(device, backend)
        self._runtime = (device, backend)
        self._comparison.set_runtime(device, backend)

    def _out_of_memory(self) -> None:
        predictor = self._inference.pipeline.predictor
        if predictor is not None and predictor.device.type != "cpu":
            self._loader.fall_back_to_cpu()


def _check_baseline(mode: str) -> None:
    if mode not in MODES:
        raise ConfigError(f"There is no baseline {mode}: choose {', '.join(MODES)}.")
