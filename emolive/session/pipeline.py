"""Eyes and mind of a session: what is seen and heard becomes estimates."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.models.spec import FeatureSpace, ModelSpec
from emolive.session.perception_stage import PerceptionStage
from emolive.session.stream import StatusRegistry, StreamBuffers
from emolive.smoothing import Smoother
from emolive.types import Estimate, Frame, Status, Timestamps

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.profile import SpeakerProfile
    from emolive.session.active_model import ActiveModel
    from emolive.windowing import FeatureWindow


@dataclass(slots=True)
class Calibration:
    """A neutral baseline in the making."""

    start_ns: int
    end_ns: int
    person: SpeakerProfile
    """Whose neutral statistics grow meanwhile."""

    def progress(self, t_ns: int) -> float:
        return min(1.0, max(0.0, (t_ns - self.start_ns) / max(1, self.end_ns - self.start_ns)))


class LivePipeline:
    """Turns the evidence of a take into estimates.

    `prepare` and `adopt` belong to the loader's thread, `see` to the perception thread and `estimate` to
    the inference thread (one thread does both for an unpaced source); the rest may be called from any.
    """

    def __init__(self, baseline: str, person: str, statuses: StatusRegistry) -> None:
        self.baseline = baseline
        self.person_name = person
        self.statuses = statuses
        self._lock = threading.RLock()
        self._mind: ActiveModel | None = None
        self._eyes: PerceptionStage | None = None
        self._smoother: tuple[StreamBuffers, Smoother] | None = None
        self._calibration: Calibration | None = None
        self.estimates = 0
        self.newest: Estimate | None = None

    @property
    def active_model(self) -> ActiveModel | None:
        return self._mind

    def prepare(self, spec: ModelSpec) -> None:
        """Begin to see for a model that is still to come, so that what is there meanwhile counts."""
        if self._mind is not None or spec.learned_encoder is not None:
            return
        if self._eyes is None or not self._eyes.fit(FeatureSpace.of(spec)):
            perception = PerceptionStage(spec)
            with self._lock:
                self._eyes = perception

    def adopt(self, predictor: Predictor) -> None:
        """Swap in a model that is loaded and warm. Vectors and statistics go on where it measures alike."""
        from emolive.session.active_model import ActiveModel

        # Only here, in the loader's thread, other eyes and another model come in: they stay what they are.
        old, perception, spec = self._mind, self._eyes, predictor.spec
        if perception is None or not perception.fit(predictor.feature_space):
            # They take a second to build, in which nobody else may have to wait for the lock.
            perception = PerceptionStage(spec, predictor)
        with self._lock:
            self._eyes = perception
            self._mind = ActiveModel(predictor, self.person_name, old)
            if not self._mind.inherits:
                self._calibration = None
                self._load_person()
            if old is None or old.spec.labels != spec.labels:
                self._smoother = None

    def close(self) -> None:
        """Let go of the model; nothing is estimated after this."""
        with self._lock:
            perception, self._eyes, self._mind = self._eyes, None, None
        if perception is not None:
            perception.close()

    def begin(self, take: StreamBuffers) -> None:
        """A new source: another face may sit there, so nothing is carried over but the neutral."""
        with self._lock:
            self._smoother = None
            self._calibration = None
            self.newest = None
            if self._eyes is not None:
                self._eyes.reset()
            if self._mind is not None:
                self._mind.person.reset()

    def see(self, take: StreamBuffers, frame: Frame) -> None:
        """Let perception look at a frame, if it is one of those to look at."""
        with self._lock:
            perception = self._eyes
            due = perception is not None and perception.due(take, frame.t_ns)
        if perception is not None and due:
            perception.look(take, frame)

    def estimate(self, take: StreamBuffers, end_ns: int) -> Estimate | None:
        """Read the window that ends at `end_ns`; None without a model or without face and voice."""
        start_ns = now_ns()
        with self._lock:
            active_model = self._mind
        if active_model is None:
            return None
        spec = active_model.spec
        window = active_model.window(take, end_ns)
        self._learn(active_model, window)
        mode = self.baseline
        reading = active_model.read(window, mode)
        self._tell(take, window, spec)
        self._tell_baseline(active_model, mode)
        if reading is None:
            return None
        if self._smoother is None or self._smoother[0] is not take:
            self._smoother = (take, Smoother(spec.labels))
        smoothed = self._smoother[1].update(reading.probs, end_ns)
        rings = (take.features.vectors if take.features else None, take.sound)
        newest = [ring.newest_ns for ring in rings if ring is not None and ring.newest_ns is not None]
        estimate = Estimate(
            t_ns=end_ns,
            t_s=to_s(end_ns - take.origin_ns),
            labels=spec.labels,
            raw_probs=reading.probs,
            probs=smoothed.probs,
            label=smoothed.label,
            confidence=smoothed.confidence,
            modality=reading.modality,
            fusion=spec.fusion,
            baseline=reading.baseline,
            # A file that is read as fast as it can be has stamps from times to come.
            stamps=Timestamps(min(end_ns, start_ns, max(newest, default=end_ns)), start_ns, now_ns()),
        )
        self.estimates += 1
        self.newest = estimate
        return estimate

    def set_person(self, name: str) -> None:
        """Read against another person from now on, with their saved neutral if there is one."""
        with self._lock:
            self.person_name = name
            self._calibration = None
            if self._mind is not None:
                self._mind.person = self._mind.stranger(name)
                self._load_person()

    def calibrate(self, seconds: float, t_ns: int) -> None:
        """Take the evidence from `t_ns` on for `seconds` as neutral. EmoliveError without a model."""
        with self._lock:
            if self._mind is None:
                raise EmoliveError("The model is still loading: calibrate in a moment.")
            if not self._mind.spec.baselines:
                raise EmoliveError("This model reads raw features and knows no baseline.")
            build_model = self._mind.stranger(self.person_name)
            self._calibration = Calibration(t_ns, t_ns + to_ns(seconds), build_model)
        self.statuses.put(
            Status("baseline", "info", "calibrating", "Look and speak neutrally until the bar is full.")
        )

    def end(self) -> None:
        """No more evidence comes: a calibration in the making is judged by what it has."""
        with self._lock:
            calibration, self._calibration = self._calibration, None
            if calibration is not None and self._mind is not None:
                self._finish_calibration(self._mind, calibration)

    def calibration_progress(self, t_ns: int) -> float | None:
        calibration = self._calibration
        return None if calibration is None else calibration.progress(t_ns)

    def _load_person(self) -> None:
        if self._mind is None:
            return
        try:
            found = self._mind.person.load()
        except EmoliveError as error:
            self.statuses.put(Status("baseline", "warning", "refused", str(error)))
            return
        if found:
            text = f"The neutral baseline of {self.person_name} is loaded."
            self.statuses.put(Status("baseline", "ok", "loaded", text))
        else:
            self.statuses.drop("baseline")

    def _learn(self, active_model: ActiveModel, window: FeatureWindow) -> None:
        """Let the person's statistics grow by the newest bin."""
        with self._lock:
            active_model.learn(window)
            calibration = self._calibration
            if calibration is None:
                return
            if window.end_ns > calibration.start_ns:
                active_model.learn_neutral(calibration.person, window)
            if window.end_ns >= calibration.end_ns:
                self.end()

    def _finish_calibration(self, active_model: ActiveModel, calibration: Calibration) -> None:
        build_model = calibration.person
        got = active_model.calibrated(build_model)
        if not got:
            text = "Neither face nor voice was there long enough: the calibration was not taken."
            self.statuses.put(Status("baseline", "warning", "failed", text))
            return
        for stream, title in (("video", "face"), ("audio", "voice")):
            if title in got:
                setattr(active_model.person.neutral, stream, getattr(build_model.neutral, stream))
        self.baseline = "neutral"
        try:
            active_model.person.save()
        except EmoliveError as error:
            text = f"The neutral baseline is in use but not saved. {error}"
            self.statuses.put(Status("baseline", "warning", "unsaved", text))
            return
        text = f"Neutral baseline of {' and '.join(got)} saved for {active_model.person.name}."
        self.statuses.put(Status("baseline", "ok", "calibrated", text))

    def _tell(self, take: StreamBuffers, window: FeatureWindow, spec: ModelSpec) -> None:
        """Say whether there is a face and a voice to read."""
        put = self.statuses.put
        if not take.has_video:
            put(Status("face", "info", "none", "There is no picture: the voice goes on alone."))
        elif window.has_face and window.video_present[-3:].any():
            put(Status("face", "ok", "found", "A face is followed."))
        else:
            put(Status("face", "warning", "missing", "No face is seen: come into the picture."))
        if take.sound is None:
            put(Status("voice", "info", "none", "There is no sound: the face goes on alone."))
        elif window.has_voice(spec.window_s):
            put(Status("voice", "ok", "speech", "Speech is heard."))
        else:
            put(Status("voice", "info", "silent", "Nobody speaks: the face goes on alone."))

    def _tell_baseline(self, active_model: ActiveModel, mode: str) -> None:
        """Say against what the person is read."""
        if self._calibration is not None:
            return
        spec, person = active_model.spec, active_model.person
        if not spec.baselines:
            status = Status("baseline", "info", "raw", "This model reads raw features and knows no baseline.")
        elif mode == "none":
            status = Status("baseline", "info", "none", "Read as anybody: no baseline is in use.")
        elif mode == "running":
            seen_s = person.running.video.count / active_model.predictor.video_stats.rate_hz
            text = f"Read against the {seen_s:.0f} s of this face seen so far."
            status = Status("baseline", "ok", "running", text)
        elif got := active_model.calibrated(person):
            text = f"Read against the neutral {' and '.join(got)} of {person.name}."
            status = Status("baseline", "ok", "neutral", text)
        else:
            text = f"{person.name} is not calibrated yet: read as anybody. Press Calibrate."
            status = Status("baseline", "warning", "uncalibrated", text)
        old = self.statuses.get("baseline")
        # What was refused or could not be saved stays readable until the mode changes.
        if old is None or old.level == "ok" or old.code not in ("refused", "unsaved", "failed"):
            self.statuses.put(status)
