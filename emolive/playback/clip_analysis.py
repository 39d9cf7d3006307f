"""Analyses a file faster than it plays, for one model or several on the same evidence."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.clock import to_ns, to_s
from emolive.errors import ConfigError, EmoliveError, MediaError
from emolive.playback.clip_evidence import ClipEvidence, feature_space, open_evidence
from emolive.playback.clip_track import AnalysisRequest, ClipTrack
from emolive.playback.model_at_work import ModelAtWork, window_results
from emolive.types import FaceObservation, Status
from emolive.vision.survey import FaceChoice

if TYPE_CHECKING:
    from emolive.predictor import Predictor

log = logging.getLogger(__name__)


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
        self._whole = True
        """Nothing is left to analyse with the models in use."""
        self._evidence: ClipEvidence | None = None

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
        """Carry out requests, the newest only; one that is refused leaves what is being analysed at work."""
        work: Iterator[None] = iter(())
        while (request := self._next_request(wait=self._whole)) is not None or not self._closed:
            try:
                if request is not None:
                    work = self._begin(request) or work
                else:
                    next(work)
            except StopIteration:
                self._whole = True
            except MediaError as error:
                self.error = str(error)
                self._whole = True
            except EmoliveError as error:
                self._on_status(Status("model", "error", "refused", str(error)))
            except Exception as error:
                log.exception("the analysis of a file failed")
                self._on_status(Status("model", "error", "failed", f"The analysis failed: {error}."))
                # The same step would fail again.
                self._whole = self._whole or request is None
            self._settle()
        if self._evidence is not None:
            self._evidence.close()

    def _next_request(self, *, wait: bool) -> AnalysisRequest | None:
        """The newest request; None without one, if there is something else to do or it is the end."""
        with self._changed:
            while wait and self._request is None and not self._closed:
                self._changed.wait()
            request, self._request = self._request, None
            return None if self._closed else request

    def _settle(self) -> None:
        """No models are being loaded any more, unless others were asked for meanwhile."""
        with self._changed:
            if self._request is None:
                self.complete = self._whole
                self.idle.set()

    def _interrupted(self) -> bool:
        return self._closed or self._request is not None

    def _begin(self, request: AnalysisRequest) -> Iterator[None] | None:
        """Load the models of a request; returns the analysis, or None if another request has come."""
        self._on_status(Status("model", "info", "loading", "The model is loading."))
        predictors = request.load()
        if self._interrupted():
            return None
        main = predictors[0]
        for other in predictors[1:]:
            if feature_space(other) != feature_space(main):
                raise ConfigError(
                    f"{other.spec.fusion} reads other features than {main.spec.fusion}: choose another."
                )
        models = [ModelAtWork(predictor, request, self._source) for predictor in predictors]
        evidence = self._evidence_for(main, request.faces)
        self._whole = False
        self.track = ClipTrack(tuple(predictor.spec.fusion for predictor in predictors))
        text = f"{main.spec.fusion} runs on {main.device} by {main.runtime.title}."
        self._on_status(Status("model", "ok", "ready", text))
        return self._estimate_all(evidence, models, request)

    def _estimate_all(
        self, evidence: ClipEvidence, models: Sequence[ModelAtWork], request: AnalysisRequest
    ) -> Iterator[None]:
        """Step by step: a window, or a piece of the file."""
        from emolive.audio.online_features import OnlineFeatureExtractor
        from emolive.voice_owner import without_others_voice

        spec, clip, track = models[0].predictor.spec, evidence.clip, self.track
        bin_ns, extractor = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
        end_ns = bin_ns
        hop_ns = request.hop_bins * bin_ns
        changes_ns = [choice.t_ns for choice in request.faces]
        while True:
            if end_ns < evidence.complete_ns and end_ns <= to_ns(clip.duration_s):
                window = clip.window(end_ns, spec, extractor)
                window, foreign_voice = without_others_voice(window, evidence.lips, spec.bin_s)
                changed = bool(changes_ns) and changes_ns[0] < end_ns
                changes_ns = [t_ns for t_ns in changes_ns if t_ns >= end_ns]
                for model in models:
                    if changed:
                        model.start_anew()
                    model.observe(window)
                if end_ns % hop_ns == 0:
                    explaining = request.explaining
                    track.add(
                        window_results(
                            window, models, clip, explaining=explaining, foreign_voice=foreign_voice
                        )
                    )
                self.analyzed_s = to_s(end_ns)
                end_ns += bin_ns
            elif evidence.exhausted:
                self.analyzed_s = max(self.analyzed_s, clip.duration_s)
                return
            else:
                evidence.advance()
            yield

    def _evidence_for(self, predictor: Predictor, faces: tuple[FaceChoice, ...]) -> ClipEvidence:
        """What was decoded already if it is of these faces and fits; else the file from its beginning."""
        before = self._evidence
        if before is not None and (before.space, before.faces) == (feature_space(predictor), faces):
            return before
        if before is not None:
            before.close()
            self._evidence = None
        evidence = open_evidence(
            self._path, predictor, faces, audio=self._audio, av_offset_ns=self._av_offset_ns
        )
        self.observations, self._evidence = evidence.observations, evidence
        return evidence
