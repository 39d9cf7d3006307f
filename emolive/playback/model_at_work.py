"""One model on the windows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emolive.playback.clip_track import AnalysisRequest, AnalyzedWindow
from emolive.session.status import baseline_status, stream_statuses
from emolive.snapshot import WindowExplanation
from emolive.types import Estimate, Status

if TYPE_CHECKING:
    from emolive.clip_features import ClipFeatures
    from emolive.predictor import Predictor
    from emolive.time_series import Waveform
    from emolive.windowing import FeatureWindow


class ModelAtWork:
    """One model on a file's windows, in order; gives what `FileAnalyzer.analyze` gives."""

    def __init__(self, predictor: Predictor, request: AnalysisRequest, source: str) -> None:
        from emolive.smoothing import Smoother

        self.predictor = predictor
        self._baseline, self._person, self._source = request.baseline, request.person, source
        self._profile = predictor.new_profile(request.person)
        self._smoother = Smoother.for_spec(predictor.spec, request.smoothing)
        if request.baseline == "neutral":
            self._profile.load()

    def start_anew(self) -> None:
        """Another person is read from now on: forget the running statistics."""
        self._profile.reset()
        self._smoother.reset()

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
        return make_estimate(
            prediction,
            smoothed,
            predictor.spec,
            source=self._source,
            t_ns=window.end_ns,
            hints=window.hints,
        )

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
            fits=profile.neutral_fits(predictor.video_stats),
        )


def window_results(
    window: FeatureWindow,
    models: Sequence[ModelAtWork],
    clip: ClipFeatures,
    *,
    explaining: bool,
    foreign_voice: bool,
) -> AnalyzedWindow:
    """What the models give for a window that they have observed.

    Args:
        window: of the file.
        models: the first one's estimate is displayed.
        clip: the features of the file.
        explaining: explain the first one's estimate.
        foreign_voice: speech of somebody else was left out of the window.
    """
    main = models[0]
    estimates = [model.estimate(window) for model in models]
    found = tuple(estimate for estimate in estimates if estimate is not None)
    statuses = stream_statuses(
        window,
        main.predictor.spec.window_s,
        has_video=clip.video is not None,
        has_audio=clip.audio is not None,
        foreign_voice=foreign_voice,
    )
    explanation = main.explain(window, found[0], clip.audio) if explaining and found else None
    return AnalyzedWindow(window.end_ns, found, (*statuses, main.baseline_status()), explanation)
