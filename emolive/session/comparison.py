"""Several models on the same evidence: side by side with the one that answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError
from emolive.session.status import StatusRegistry
from emolive.smoothing import Smoother, make_estimate
from emolive.types import Estimate, Status, Timestamps

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.session.model_request import LoadModel
    from emolive.session.stream import Stream
    from emolive.windowing import FeatureWindow

log = logging.getLogger(__name__)

LIMIT = 3
"""Models beside the one that answers."""


class Comparison:
    """The other models at work. Owned by the inference thread."""

    def __init__(self) -> None:
        self._models: list[tuple[Predictor, Smoother]] = []
        self.left_out: tuple[str, ...] = ()
        """Fusions whose models read other features than the one that answers."""
        self._stream: Stream | None = None
        self._smoothing = "fitted"

    def set_models(self, predictors: Sequence[Predictor]) -> None:
        """Let these models answer from the next window on."""
        self._models = [
            (predictor, Smoother.for_spec(predictor.spec, self._smoothing)) for predictor in predictors
        ]

    def set_smoothing(self, mode: str) -> None:
        """Smooth in another mode from the next answer on."""
        self._smoothing = mode
        for _, smoother in self._models:
            smoother.set_mode(mode)

    def estimates(
        self, window: FeatureWindow, stream: Stream, main: Predictor, baseline: str, stamps: Timestamps
    ) -> tuple[Estimate, ...]:
        """The estimates of the other models for the window that `main` has answered for.

        A model of the same fusion as `main`, and one that reads other features, is left out.
        """
        if stream is not self._stream:
            self._stream = stream
            for _, smoother in self._models:
                smoother.reset()
        found: list[Estimate] = []
        others = [model for model in self._models if model[0].spec.fusion != main.spec.fusion]
        fitting = [model for model in others if model[0].feature_space == main.feature_space]
        self.left_out = tuple(model[0].spec.fusion for model in others if model not in fitting)
        for predictor, smoother in fitting:
            if stream.profile is None:
                continue
            prediction = predictor.predict(window, stream.profile, baseline)
            if prediction is not None:
                found.append(
                    make_estimate(
                        prediction,
                        smoother.update(prediction.probs, window.end_ns, prediction.age_s),
                        predictor.spec,
                        source=stream.source,
                        t_ns=window.end_ns,
                        origin_ns=stream.origin_ns,
                        stamps=stamps,
                        hints=window.hints,
                    )
                )
        return tuple(found)

    def report(self, statuses: StatusRegistry) -> None:
        """Say which models are left out, or no longer."""
        status = statuses.get("comparison")
        if self.left_out:
            names = " and ".join(self.left_out)
            text = f"{names} cannot be compared with this model: other features are read."
            statuses.put(Status("comparison", "info", "left_out", text))
        elif status is not None and status.code == "left_out":
            statuses.drop("comparison")


class ComparisonLoader:
    """Loads the models that are compared, in a thread of its own.

    Args:
        device: where they run.
        backend: their runtime.
        load_model: loads one; by default `emolive.predictor.load_predictor`.
        on_models: gets all of them, in the loader's thread.
        on_status: gets the status of "comparison" if one cannot be loaded.
    """

    def __init__(
        self,
        device: str,
        backend: str,
        load_model: LoadModel | None,
        *,
        on_models: Callable[[Sequence[Predictor]], None],
        on_status: Callable[[Status], None],
    ) -> None:
        self._device, self._backend, self._load_model = device, backend, load_model
        self._on_models, self._on_status = on_models, on_status
        self._executor = ThreadPoolExecutor(1, "emolive-compare")
        self._wanted: list[str] = []
        """Of the newest call; loading for an older one is given up."""
        self._newest: Future[None] | None = None

    def call_when_idle(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the models are loaded: now, or later from the loader's thread."""
        if self._newest is None:
            callback()
        else:
            self._newest.add_done_callback(lambda _: callback())

    def load(self, fusions: tuple[str, ...]) -> None:
        """Load the shipped models of these fusions; the newest call counts."""
        self._wanted = list(fusions[:LIMIT])
        self._newest = self._executor.submit(self._load, self._wanted)

    def set_runtime(self, device: str, backend: str) -> None:
        """Load the models once more, for another device and runtime."""
        self._device, self._backend = device, backend
        if self._wanted:
            self.load(tuple(self._wanted))

    def close(self, timeout_s: float) -> bool:
        """End the thread."""
        del timeout_s
        self._executor.shutdown(wait=False, cancel_futures=True)
        return True

    def _load(self, fusions: list[str]) -> None:
        from emolive.predictor import load_predictor

        load = self._load_model or load_predictor
        models = []
        for fusion in fusions:
            if fusions is not self._wanted:
                return
            try:
                models.append(load(fusion, None, self._device, self._backend))
            except EmoliveError as error:
                self._on_status(Status("comparison", "warning", "refused", str(error)))
            except Exception as error:
                log.exception("loading %s failed", fusion)
                self._on_status(
                    Status("comparison", "warning", "failed", f"Loading {fusion} failed: {error}.")
                )
        if fusions is self._wanted:
            self._on_models(models)
