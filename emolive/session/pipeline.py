"""The model at work: a stream's newest window becomes an estimate relative to a person's baseline.

What needs torch is imported where a model is used, so that devices are opened before torch is imported.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from emolive.clock import now_ns, to_ns
from emolive.session.calibration import (
    BackgroundRunner,
    Calibration,
    LoadedProfile,
    calibrated_streams,
    load_profile,
    new_profile,
    save_profile,
)
from emolive.session.comparison import Comparison
from emolive.session.status import (
    StatusRegistry,
    baseline_status,
    calibrated_status,
    calibrating_status,
    is_failure,
    loaded_status,
    not_calibrated_status,
    refused_answer_status,
)
from emolive.session.stream import Stream
from emolive.session.stream_window import ReadWindow, answer_stamps, explain_answer, read_window
from emolive.smoothing import Smoother, make_estimate
from emolive.types import Estimate, Status

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.profile import SpeakerStats
    from emolive.session.model_request import LoadedModel


class LivePipeline:
    """The model, the person and the baseline of a session. Not thread-safe: the inference thread owns it.

    Args:
        baseline: none, neutral or running.
        person: under which name the neutral baseline is saved.
        statuses: of the session; gets those of "baseline".
        run_in_background: for access to the disk.
    """

    def __init__(
        self, baseline: str, person: str, statuses: StatusRegistry, run_in_background: BackgroundRunner
    ) -> None:
        self.baseline = baseline
        self.person = person
        self.predictor: Predictor | None = None
        self.stream: Stream | None = None
        self.comparison = Comparison()
        """Other models on the same windows."""
        self.hop_bins = 1
        """Bins between two answers; set by the inference thread."""
        self.smoothing = "fitted"
        """One of `emolive.smoothing.SMOOTHING_MODES`; set by the inference thread."""
        self._statuses = statuses
        self.explaining = False
        """Whether each answer is explained; set by the inference thread."""
        self._failure_shown = False
        """A baseline could not be loaded, measured or saved; the status stays until baseline or person
        change."""
        self._run_in_background = run_in_background
        self._space: Hashable = None
        self._video_space: Hashable = None
        self._neutral: SpeakerStats | None = None
        """Of the person; None while unknown."""
        self._loading: object = None
        """Identifies the newest request for a saved profile; results of older ones are ignored."""

    # --- requests

    def attach(self, stream: Stream) -> None:
        """Read another stream from now on; of the person only the neutral baseline is carried over."""
        self.stream = stream
        self._prepare(stream)

    def set_model(self, loaded: LoadedModel) -> None:
        """Predict with another model. Statistics are carried over if it measures the same features."""
        previous, self.predictor = self.predictor, loaded.predictor
        spec, stream = loaded.predictor.spec, self.stream
        if stream is not None and previous is not None:
            if previous.spec.audio != spec.audio:
                stream.extractor = None
            if previous.spec.labels != spec.labels:
                stream.smoother = None
        same_space = previous is not None and self._space == loaded.space
        self._space, self._video_space = loaded.space, loaded.video_space
        if not same_space:
            if stream is not None:
                stream.profile = stream.calibration = None
            self._neutral = None
            if loaded.profile.profile.name == self.person:
                self._use_profile(loaded.profile)
            else:
                self._load_profile()
        if stream is not None:
            self._prepare(stream)

    def set_baseline(self, mode: str) -> None:
        """Normalise by another mode: none, neutral or running."""
        self._report_baseline(None)
        self.baseline = mode

    def set_person(self, name: str) -> None:
        """Estimate for another person; the saved neutral baseline is loaded in the background."""
        self.person = name
        self._report_baseline(None)
        self._neutral = None
        if self.stream is not None:
            self.stream.profile = self.stream.calibration = None
            self.stream.doubted = ""
            self._prepare(self.stream)
        self._load_profile()

    def start_anew(self) -> None:
        """Another person is in front of the camera: forget the running statistics."""
        if self.stream is not None:
            self.stream.doubted = ""
            if self.stream.profile is not None:
                self.stream.profile.reset()
            if self.stream.smoother is not None:
                self.stream.smoother.reset()

    def start_calibration(self, seconds: float, t_ns: int) -> None:
        """Measure the neutral baseline from the windows that end after `t_ns`, for `seconds`."""
        if self.predictor is not None and self.stream is not None:
            self.stream.calibration = Calibration(self.predictor, self.person, t_ns, seconds)
            self._report_baseline(calibrating_status())

    def finish_stream(self) -> None:
        """No more input comes; a calibration in progress ends with what it has."""
        stream = self.stream
        if stream is not None:
            if self.predictor is not None and stream.calibration is not None:
                self._finish_calibration(stream, self.predictor)
            stream.finished.set()

    def set_smoothing(self, mode: str) -> None:
        """Smooth in another mode from the next answer on; the answers so far stay."""
        self.smoothing = mode
        self.comparison.set_smoothing(mode)
        if self.stream is not None and self.stream.smoother is not None:
            self.stream.smoother.set_mode(mode)

    def set_hop(self, hop_bins: int) -> None:
        """Answer at the end of every so many bins from now on."""
        self.hop_bins = hop_bins

    def set_comparison(self, predictors: Sequence[Predictor]) -> None:
        """Let these models answer too."""
        self.comparison.set_models(predictors)

    # --- estimates

    def predict(self, end_ns: int) -> Estimate | None:
        """The estimate of the window that ends at `end_ns`; None without a model, without face and voice, or
        if no answer is due yet."""
        start_ns = now_ns()
        stream, predictor = self.stream, self.predictor
        if stream is None or predictor is None or stream.profile is None or stream.smoother is None:
            return None
        spec = predictor.spec
        read = read_window(stream, spec, self._video_space, end_ns)
        window = read.window
        stream.profile.update(window, predictor.video_stats, predictor.audio_stats)
        if stream.calibration is not None and stream.calibration.add(window, predictor):
            self._finish_calibration(stream, predictor)
        if round((end_ns - stream.origin_ns) / to_ns(spec.bin_s)) % self.hop_bins:
            # The person was seen and heard all the same.
            return None
        n_refused = predictor.n_refused
        prediction = predictor.predict(window, stream.profile, self.baseline)
        if predictor.n_refused > n_refused:
            stream.answers_refused += 1
            self._statuses.put_passing(refused_answer_status())
        self._report(stream, read, predictor)
        if prediction is None:
            return None
        stream.explanation = (
            explain_answer(stream, window, predictor, self.baseline, prediction.probs)
            if self.explaining
            else None
        )
        smoothed = stream.smoother.update(prediction.probs, end_ns, prediction.age_s)
        stamps = answer_stamps(stream, end_ns, start_ns)
        estimate = make_estimate(
            prediction,
            smoothed,
            spec,
            source=stream.source,
            t_ns=end_ns,
            origin_ns=stream.origin_ns,
            stamps=stamps,
            hints=window.hints,
        )
        stream.estimate = estimate
        stream.estimates += 1
        stream.comparison = self.comparison.estimates(window, stream, predictor, self.baseline, stamps)
        self.comparison.report(self._statuses)
        return estimate

    def set_explaining(self, on: bool) -> None:
        """Explain each answer from now on, or no longer; it costs a second run of the network."""
        self.explaining = on

    def _report(self, stream: Stream, read: ReadWindow, predictor: Predictor) -> None:
        spec, profile = predictor.spec, stream.profile
        stream.statuses.put(*read.statuses(stream, spec.window_s))
        if profile is None or stream.calibration is not None or self._failure_shown:
            return
        self._statuses.put(
            baseline_status(
                self.baseline,
                spec.baselines,
                "this source" if stream.calibrated else self.person,
                face_s=profile.running.video.count / predictor.video_stats.rate_hz,
                calibrated=calibrated_streams(profile, predictor) if self.baseline == "neutral" else (),
                fits=profile.neutral_fits(predictor.video_stats),
            )
        )

    def _report_baseline(self, status: Status | None) -> None:
        """Replace the status of the baseline; None removes it."""
        if status is None:
            self._statuses.drop("baseline")
        else:
            self._statuses.put(status)
        self._failure_shown = is_failure(status)

    # --- the person

    def _prepare(self, stream: Stream) -> None:
        """Give a stream what it lacks of the state that depends on the model."""
        if self.predictor is None:
            return
        from emolive.audio.online_features import OnlineFeatureExtractor

        spec = self.predictor.spec
        stream.require_window(spec.window_s)
        if stream.profile is None:
            # A drawn face is nobody's.
            neutral = None if stream.is_synthetic else self._neutral
            stream.profile, stream.calibrated = new_profile(self.predictor, self.person, neutral), False
        if stream.extractor is None:
            stream.extractor = OnlineFeatureExtractor(spec.audio)
        if stream.smoother is None:
            stream.smoother = Smoother.for_spec(spec, self.smoothing)

    def _load_profile(self) -> None:
        if self.predictor is not None:
            self._loading = request = object()
            self._run_in_background(
                partial(load_profile, self.predictor, self.person),
                lambda loaded: self._use_profile(loaded) if self._loading is request else None,
            )

    def _use_profile(self, loaded: LoadedProfile) -> None:
        self._loading = None
        self._neutral = loaded.profile.neutral
        stream = self.stream
        if stream is not None and stream.profile is not None:
            if stream.is_synthetic or stream.calibrated:
                return
            stream.profile.neutral = self._neutral
        if (status := loaded_status(self.person, loaded.exists, loaded.error)) is not None:
            self._report_baseline(status)

    def _finish_calibration(self, stream: Stream, predictor: Predictor) -> None:
        calibration, stream.calibration = stream.calibration, None
        profile = stream.profile
        if calibration is None or profile is None:
            return
        person = self.person
        result = calibration.result(profile.neutral, predictor, stream.doubted)
        neutral, streams, stream.doubted = result.neutral, result.streams, result.doubted
        if neutral is None:
            self._report_baseline(not_calibrated_status(result.neutrality))
            return
        profile.neutral = neutral
        self.baseline = "neutral"
        self._report_baseline(None)
        if not stream.shows_user:
            stream.calibrated = True
            return
        self._loading = None
        self._neutral = neutral
        self._run_in_background(
            partial(save_profile, new_profile(predictor, person, neutral)),
            lambda error: self._report_baseline(calibrated_status(person, streams, error)),
        )
