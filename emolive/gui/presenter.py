"""Converts snapshots to the states of the widgets. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from emolive.audio.levels import SILENCE_DBFS
from emolive.clock import NS_PER_S
from emolive.gui import strings
from emolive.gui.calibration_guide import CalibrationGuide
from emolive.gui.i18n import tr
from emolive.gui.marks import MarkTracker
from emolive.gui.pending_selection import PendingSelection
from emolive.gui.truth import (
    StatusLog,
    refused_model,
    serious_statuses,
    sound_arrives,
    truthful_statuses,
)
from emolive.gui.video_presenter import VideoPresenter
from emolive.gui.view_state import (
    ControlState,
    EstimateView,
    Message,
    ResultState,
    StatusLine,
    StatusState,
    VideoState,
    WindowState,
)
from emolive.gui.why_presenter import WhyPresenter
from emolive.session.config import SessionConfig
from emolive.snapshot import Snapshot
from emolive.types import Estimate, Status

STALE_S = 1.5
"""An older estimate is not shown as the present."""
FADE_S = 0.8
MIN_INTERVAL_S = 0.1
"""Widgets show new estimates at most this often: more would not be visible and cost CPU time."""

Clock = Callable[[], float]


def estimate_view(estimate: Estimate) -> EstimateView:
    """An estimate for the window. The number is the shown label's own probability, as in its bar.

    The smoother holds a label for a moment when another one becomes likelier. Nothing on the screen may then
    name a smaller bar than the largest alone: both are named, without a number.
    """
    label, rival = estimate.label if estimate.label in estimate.labels else None, None
    if label is None:
        word = caption = tr("unsure")
    else:
        percents = dict(zip(estimate.labels, (round(100 * p) for p in estimate.probs), strict=True))
        word = strings.label_title(label)
        caption = tr("{label} {percent} %", label=word, percent=percents[label])
        largest = estimate.labels[max(range(len(estimate.probs)), key=estimate.probs.__getitem__)]
        if percents[largest] > percents[label]:
            rival = largest
            word = tr("{leader} or {label}", leader=strings.label_title(rival), label=word)
            caption = word
    return EstimateView(
        t_ns=estimate.t_ns,
        labels=estimate.labels,
        probs=estimate.probs,
        label=label,
        caption=caption,
        modality=strings.modality_title(estimate.modality),
        source=estimate.source,
        rival=rival,
        word=word,
    )


class ResultPresenter:
    """Holds the newest estimate and fades it out when no other follows."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._estimate: Estimate | None = None
        self._view: EstimateView | None = None
        self._received_s = float("-inf")
        self._stale_since_s: float | None = None

    def present(self, snapshot: Snapshot) -> ResultState:
        """The state of the results panel and the timeline."""
        now_s = self._clock()
        estimate = snapshot.estimate
        due = now_s - self._received_s >= MIN_INTERVAL_S
        if estimate is not None and estimate is not self._estimate and due:
            self._estimate, self._view = estimate, estimate_view(estimate)
            self._received_s, self._stale_since_s = now_s, None
        waiting = strings.waiting_text(snapshot)
        if self._view is None:
            return ResultState(waiting=waiting, ended=snapshot.ended)
        if (snapshot.ended or snapshot.playback is not None) and estimate is not None:
            # The answer for a position stays while it is paused; the last one of a file stays at its end.
            self._stale_since_s = None
            return ResultState(self._view, 1.0, self._view.t_ns, waiting, ended=snapshot.ended)
        if self._stale_since_s is None and (estimate is None or now_s - self._received_s > STALE_S):
            self._stale_since_s = now_s
        if self._stale_since_s is None:
            return ResultState(self._view, 1.0, self._view.t_ns, waiting)
        presence = max(0.0, 1.0 - (now_s - self._stale_since_s) / FADE_S)
        now_ns = self._view.t_ns + round((now_s - self._received_s) * NS_PER_S)
        # Below 1 from the moment on that it is no longer the present.
        return ResultState(self._view, min(presence, 0.999), now_ns, waiting)


class WindowPresenter:
    """Creates the state of the window from the session's snapshot and config."""

    def __init__(
        self,
        video: VideoPresenter,
        clock: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        self._video = video
        self._clock = clock
        self._result = ResultPresenter(clock)
        self._marks = MarkTracker()
        self._refused: Status | None = None
        self._baseline_code = ""
        self.why = WhyPresenter()
        self.log = StatusLog(wall_clock)
        self.guide = CalibrationGuide(clock)
        self.fusion = PendingSelection(clock)
        self.baseline = PendingSelection(clock)

    def present(self, snapshot: Snapshot, config: SessionConfig) -> WindowState:
        """The state while a session runs."""
        now_s = self._clock()
        result = self._result.present(snapshot)
        marks = self._marks.update(snapshot, config.source, round(now_s * NS_PER_S))
        result = replace(result, marks=marks, why=self.why.present(snapshot, now_s))
        model_failed = any(
            status.source == "model" and status.level in ("warning", "error") for status in snapshot.statuses
        )
        statuses = truthful_statuses(snapshot, self._video.picture_age_s(snapshot, config.source))
        self._say_what_passed(snapshot)
        controls = ControlState(
            fusion=self.fusion.displayed(snapshot.fusion or config.fusion, failed=model_failed),
            baseline=self.baseline.displayed(snapshot.baseline),
            person=snapshot.person,
            calibration=0.0 if self.guide.preparing else snapshot.calibration,
            can_calibrate=True,
            voice_dbfs=snapshot.voice_dbfs
            if sound_arrives(statuses) and not snapshot.ended
            else SILENCE_DBFS,
        )
        video = self._video.present(snapshot, result.current, config.source)
        countdown, sentence = self.guide.countdown(snapshot)
        if countdown:
            video = replace(video, countdown=countdown, banner=sentence)
        return WindowState(
            video=video,
            result=result,
            status=self._status(statuses, snapshot, config),
            controls=controls,
        )

    def present_loading(self, config: SessionConfig) -> WindowState:
        """The state until there is a session."""
        message = Message(tr("Loading the models…"), tr("The first time takes a little longer."), busy=True)
        status = Status("model", "info", "loading", tr("The models are loading."))
        return self._without_session(config, message, StatusState((status,), notice=self.log.notice))

    def present_failure(self, config: SessionConfig, error: str, *, of_source: bool = False) -> WindowState:
        """The state after the session could not start.

        Args:
            config: what it was to start with.
            error: why it did not.
            of_source: because of its camera, microphone, stream or file.
        """
        status = Status("camera" if of_source else "model", "error", "failed", error)
        self.log.update((status,))
        title = tr("There is nothing to watch") if of_source else tr("emolive could not start")
        state = StatusState(
            (status,), StatusLine(error, "error", error), can_retry=True, notice=self.log.notice
        )
        return self._without_session(config, Message(title, error, offers=True), state)

    def clear_requests(self) -> None:
        """A command was refused: show the value in use."""
        self.fusion.clear()
        self.baseline.clear()

    def _status(self, statuses: tuple[Status, ...], snapshot: Snapshot, config: SessionConfig) -> StatusState:
        self.log.update(statuses)
        serious = serious_statuses(statuses)
        line = _status_line(serious, snapshot, config, calibrating=self.guide.preparing)
        return StatusState(statuses, line, others=max(0, len(serious) - 1), notice=self.log.notice)

    def _say_what_passed(self, snapshot: Snapshot) -> None:
        """Sentences about what has happened once."""
        refused = refused_model(snapshot)
        if refused is not None and refused != self._refused:
            self.log.say(strings.status_text(refused), "warning")
        self._refused = refused
        baseline = next((status for status in snapshot.statuses if status.source == "baseline"), None)
        code = "" if baseline is None else baseline.code
        if baseline is not None and code == "calibrated" != self._baseline_code:
            self.log.say(
                tr("{sentence} Answers are now relative to it.", sentence=strings.status_text(baseline)), "ok"
            )
        self._baseline_code = code

    def _without_session(self, config: SessionConfig, message: Message, status: StatusState) -> WindowState:
        return WindowState(
            video=VideoState(message=message),
            result=ResultState(),
            status=status,
            controls=ControlState(config.fusion, config.baseline, config.person),
        )


def _status_line(
    serious: Sequence[Status], snapshot: Snapshot, config: SessionConfig, *, calibrating: bool
) -> StatusLine:
    """The gravest status, else why a drawing plays, else the hint to calibrate where that makes sense."""
    if serious:
        text = strings.status_sentence(serious[0])
        tooltip = "\n".join(strings.status_sentence(status) for status in serious)
        return StatusLine(text, serious[0].level, tooltip)
    if snapshot.is_synthetic:
        if strings.source_kind(config.source) == "auto":
            return StatusLine(strings.why_a_drawing_plays(), "info", strings.why_a_drawing_plays())
        return StatusLine()
    live = strings.source_kind(config.source) in ("auto", "camera", "stream")
    calibrating = calibrating or snapshot.calibration is not None
    uncalibrated = snapshot.baseline != "neutral" and not calibrating
    if live and snapshot.fusion and uncalibrated and not snapshot.ended:
        return StatusLine(strings.calibration_hint(), "info", strings.calibration_hint_reason())
    return StatusLine()
