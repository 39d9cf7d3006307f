"""Analyses a file faster than it plays, for one model or several on the same evidence."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.clock import to_ns, to_s
from emolive.errors import ConfigError, EmoliveError, MediaError
from emolive.session.status import baseline_status, stream_statuses
from emolive.types import Estimate, FaceObservation, Frame, Status, WindowExplanation

if TYPE_CHECKING:
    from emolive.file_analyzer import ClipFeatures
    from emolive.predictor import Predictor
    from emolive.vision.face_pipeline import FacePipeline
    from emolive.windowing import FeatureWindow, Waveform

log = logging.getLogger(__name__)

LoadModels = Callable[[], "Sequence[Predictor]"]


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """How a file is to be analysed."""

    load: LoadModels
    """Returns the models, in the analysis thread; the first one's estimates are the displayed ones. All must
    read the same features."""
    baseline: str
    """none, neutral or running."""
    person: str
    """Whose saved neutral baseline is used."""
    explaining: bool = False
    """Explain each estimate, which costs a second run of the network."""
    hop_bins: int = 1
    """Bins between two estimates."""
    smoothing: str = "fitted"
    """One of `emolive.smoothing.SMOOTHING_MODES`."""


@dataclass(frozen=True, slots=True)
class AnalyzedWindow:
    """The results for one window."""

    t_ns: int
    """Its end in the file."""
    estimates: tuple[Estimate, ...]
    """One for each model; empty if there is neither face nor voice."""
    statuses: tuple[Status, ...]
    """Of face, voice and baseline."""
    explanation: WindowExplanation | None = None
    """Of the first model's estimate, if it was asked for."""


@dataclass(slots=True)
class ClipTrack:
    """The results of one choice of models. The analysis appends; any thread reads."""

    fusions: tuple[str, ...]
    """Of the models, in the order of the estimates."""
    windows: list[AnalyzedWindow] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    """Those of the first model."""

    def add(self, window: AnalyzedWindow) -> None:
        """Append the results for the next window."""
        # First, so that whoever finds the window finds the estimate too.
        self.estimates.extend(window.estimates[:1])
        self.windows.append(window)

    def window_at(self, t_ns: int) -> AnalyzedWindow | None:
        """The newest window that has ended at a time in the file."""
        index = bisect_right(self.windows, t_ns, key=lambda window: window.t_ns)
        return self.windows[index - 1] if index else None


@dataclass(slots=True)
class _Evidence:
    """What was decoded of the file so far, for models that read the same."""

    space: Hashable
    clip: ClipFeatures
    pipeline: FacePipeline
    times: Generator[int, None, None]
    complete_ns: int = 0
    """Everything before this is there."""
    exhausted: bool = False

    def advance(self) -> None:
        """Decode a little more."""
        try:
            self.complete_ns = next(self.times)
        except StopIteration:
            self.exhausted = True

    def close(self) -> None:
        self.times.close()
        self.pipeline.close()


class _SurveyingPipeline:
    """A face pipeline whose observations also have the faces that are not read."""

    def __init__(self, pipeline: FacePipeline) -> None:
        from emolive.vision.survey import FaceSurvey

        self._pipeline = pipeline
        self._survey = FaceSurvey(pipeline.tracker)

    def reset(self) -> None:
        self._pipeline.reset()
        self._survey.reset()

    def process(self, frame: Frame) -> FaceObservation:
        return self._survey.add_to(self._pipeline.process(frame), frame)


class _ModelAtWork:
    """One model on a file's windows, in order; gives what `FileAnalyzer.analyze` gives."""

    def __init__(self, predictor: Predictor, request: AnalysisRequest, source: str) -> None:
        from emolive.smoothing import Smoother

        self.predictor = predictor
        self._baseline, self._person, self._source = request.baseline, request.person, source
        self._profile = predictor.new_profile(request.person)
        self._smoother = Smoother.for_spec(predictor.spec, request.smoothing)
        if request.baseline == "neutral":
            self._profile.load()

    def observe(self, window: FeatureWindow) -> None:
        """Learn from the newest bin of a window."""
        self._profile.update(window, self.predictor.video_stats, self.predictor.audio_stats)

    def estimate(self, window: FeatureWindow) -> Estimate | None:
        """The estimate of a window that was observed."""
        from emolive.smoothing import make_estimate

        predictor = self.predictor
        prediction = predictor.predict(window, self._profile, self._baseline)
        if prediction is None:
            return None
        smoothed = self._smoother.update(prediction.probs, window.end_ns, prediction.age_s)
        return make_estimate(prediction, smoothed, predictor.spec, source=self._source, t_ns=window.end_ns)

    def explain(
        self, window: FeatureWindow, estimate: Estimate, audio: Waveform | None
    ) -> WindowExplanation | None:
        from emolive.explanation import PITCH_WINDOW_S, explain_window, pitch

        pitch_hz = None
        if audio is not None:
            samples, _ = audio.read(window.end_ns, round(PITCH_WINDOW_S * audio.rate_hz))
            pitch_hz = pitch(samples, audio.rate_hz)
        probs = estimate.raw_probs
        return explain_window(self.predictor, window, self._profile, self._baseline, probs, pitch_hz=pitch_hz)

    def baseline_status(self) -> Status:
        from emolive.session.calibration import calibrated_streams

        predictor, profile = self.predictor, self._profile
        neutral = self._baseline == "neutral"
        return baseline_status(
            self._baseline,
            predictor.spec.baselines,
            self._person,
            face_s=profile.running.video.count / predictor.video_stats.rate_hz,
            calibrated=calibrated_streams(profile, predictor) if neutral else (),
        )


class ClipAnalysis(threading.Thread):
    """Decodes a file once and keeps its features, so that other models are fast.

    Args:
        path: a media file.
        source: the name that estimates carry.
        audio: whether its sound is read.
        av_offset_ns: by how much the sound is moved to later times against the picture.
        on_status: gets the status of "model".
    """

    def __init__(
        self,
        path: Path,
        source: str,
        *,
        audio: bool,
        av_offset_ns: int = 0,
        on_status: Callable[[Status], None],
    ) -> None:
        super().__init__(name="emolive-analysis", daemon=True)
        self._path, self._source = path, source
        self._audio, self._av_offset_ns = audio, av_offset_ns
        self._on_status = on_status
        self.track = ClipTrack(())
        """The results for the models in use."""
        self.observations: list[FaceObservation] = []
        """Faces in order of time, without their vectors."""
        self.analyzed_s = 0.0
        self.complete = False
        """The whole file is analysed with the models in use."""
        self.error = ""
        """Why the file cannot be analysed."""
        self.idle = threading.Event()
        """Set while no models are being loaded."""
        self._request: AnalysisRequest | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._evidence: _Evidence | None = None

    # --- any thread

    def request(self, request: AnalysisRequest) -> None:
        """Analyse like this from now on; the newest request counts."""
        with self._changed:
            self._request = request
            self.complete = False
            self.idle.clear()
            self._changed.notify_all()

    def observation_at(self, t_ns: int) -> FaceObservation | None:
        """What was seen in the newest processed frame at a time in the file."""
        index = bisect_right(self.observations, t_ns, key=lambda observation: observation.t_ns)
        return self.observations[index - 1] if index else None

    def close(self, timeout_s: float) -> bool:
        """End the thread; False if that took too long."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self.ident is not None:
            self.join(timeout_s)
        return not self.is_alive()

    # --- the analysis thread

    def run(self) -> None:
        """Carry out requests, the newest only."""
        while True:
            request = self._next_request()
            if request is None:
                break
            try:
                self._analyze(request)
            except MediaError as error:
                self.error = str(error)
                self.complete = True
            except EmoliveError as error:
                self._on_status(Status("model", "error", "refused", str(error)))
            except Exception as error:
                log.exception("the analysis of a file failed")
                self._on_status(Status("model", "error", "failed", f"The analysis failed: {error}."))
            if self._request is None:
                self.idle.set()
        if self._evidence is not None:
            self._evidence.close()

    def _next_request(self) -> AnalysisRequest | None:
        """Wait for a request; None at the end."""
        with self._changed:
            while self._request is None and not self._closed:
                self._changed.wait()
            request, self._request = self._request, None
            return None if self._closed else request

    def _interrupted(self) -> bool:
        return self._closed or self._request is not None

    def _analyze(self, request: AnalysisRequest) -> None:
        self._on_status(Status("model", "info", "loading", "The model is loading."))
        predictors = request.load()
        if self._interrupted():
            return
        main = predictors[0]
        for other in predictors[1:]:
            if _space(other) != _space(main):
                raise ConfigError(
                    f"{other.spec.fusion} reads other features than {main.spec.fusion}: choose another."
                )
        models = [_ModelAtWork(predictor, request, self._source) for predictor in predictors]
        evidence = self._evidence_for(main)
        self.track = ClipTrack(tuple(predictor.spec.fusion for predictor in predictors))
        text = f"{main.spec.fusion} runs on {main.device} by {main.runtime.title}."
        self._on_status(Status("model", "ok", "ready", text))
        self.idle.set()
        self._estimate_all(evidence, models, request)

    def _estimate_all(
        self, evidence: _Evidence, models: Sequence[_ModelAtWork], request: AnalysisRequest
    ) -> None:
        from emolive.audio.online_features import OnlineFeatureExtractor
        from emolive.windowing import extract_window

        spec, clip, track = models[0].predictor.spec, evidence.clip, self.track
        bin_ns, extractor = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
        end_ns = bin_ns
        hop_ns = request.hop_bins * bin_ns
        while not self._interrupted():
            if end_ns < evidence.complete_ns and end_ns <= to_ns(clip.duration_s):
                window = extract_window(
                    clip.video, clip.audio, end_ns, spec, extractor, expressions=clip.expressions
                )
                for model in models:
                    model.observe(window)
                if end_ns % hop_ns == 0:
                    track.add(_results(window, models, clip, explaining=request.explaining))
                self.analyzed_s = to_s(end_ns)
                end_ns += bin_ns
            elif evidence.exhausted:
                self.analyzed_s = max(self.analyzed_s, clip.duration_s)
                self.complete = True
                return
            else:
                evidence.advance()

    def _evidence_for(self, predictor: Predictor) -> _Evidence:
        """What was decoded already, if a model reads that; else the file from its beginning."""
        from emolive.file_analyzer import decode_into, open_clip
        from emolive.vision.face_pipeline import FacePipeline
        from emolive.vision.frame_sampler import FrameSampler

        space = _space(predictor)
        if self._evidence is not None and self._evidence.space == space:
            return self._evidence
        if self._evidence is not None:
            self._evidence.close()
            self._evidence = None
        spec = predictor.spec
        clip = open_clip(self._path, spec.frame_dim)
        pipeline = FacePipeline.for_spec(spec, predictor.encoders())
        surveying = _SurveyingPipeline(pipeline)
        observations: list[FaceObservation] = []
        self.observations = observations
        times = decode_into(
            clip,
            surveying,
            FrameSampler(spec, 0),
            None,
            lambda seen: observations.append(replace(seen, features=None, expression=None)),
            audio=self._audio,
            av_offset_ns=self._av_offset_ns,
        )
        self._evidence = _Evidence(space, clip, pipeline, times)
        return self._evidence


def _results(
    window: FeatureWindow, models: Sequence[_ModelAtWork], clip: ClipFeatures, *, explaining: bool
) -> AnalyzedWindow:
    main = models[0]
    estimates = [model.estimate(window) for model in models]
    found = tuple(estimate for estimate in estimates if estimate is not None)
    statuses = stream_statuses(
        window,
        main.predictor.spec.window_s,
        has_video=clip.video is not None,
        has_audio=clip.audio is not None,
    )
    explanation = main.explain(window, found[0], clip.audio) if explaining and found else None
    return AnalyzedWindow(window.end_ns, found, (*statuses, main.baseline_status()), explanation)


def _space(predictor: Predictor) -> Hashable:
    """What a model's windows are made of."""
    pool = predictor.spec.pool
    return predictor.feature_space, None if pool is None else pool.classifier
