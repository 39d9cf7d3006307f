"""Converts snapshots to the states of the widgets. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from emolive.clock import NS_PER_S
from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.pending_selection import PendingSelection
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
from emolive.session.config import SessionConfig
from emolive.types import Estimate, Severity, Snapshot, Status

STALE_S = 1.5
"""An older estimate is not shown as the present."""
FADE_S = 0.8
MIN_INTERVAL_S = 0.1
"""Widgets show new estimates at most this often: more would not be visible and cost CPU time."""

_SEVERITIES: tuple[Severity, ...] = ("ok", "info", "warning", "error")

Clock = Callable[[], float]


def estimate_view(estimate: Estimate) -> EstimateView:
    """An estimate for the window. The number is the shown label's own probability, as in its bar."""
    label = estimate.label if estimate.label in estimate.labels else None
    if label is None:
        caption = tr("unsure")
    else:
        percent = round(100 * estimate.probs[estimate.labels.index(label)])
        caption = tr("{label} {percent} %", label=strings.label_title(label), percent=percent)
    return EstimateView(
        t_ns=estimate.t_ns,
        labels=estimate.labels,
        probs=estimate.probs,
        label=label,
        caption=caption,
        modality=strings.modality_title(estimate.modality),
    )


def most_severe(statuses: Iterable[Status]) -> Status | None:
    """The first error, else the first warning."""
    serious = [status for status in statuses if status.level in ("warning", "error")]
    return max(serious, key=lambda status: _SEVERITIES.index(status.level), default=None)


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
            return ResultState(waiting=waiting)
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

    def __init__(self, video: VideoPresenter, clock: Clock = time.monotonic) -> None:
        self._video = video
        self._result = ResultPresenter(clock)
        self.fusion = PendingSelection(clock)
        self.baseline = PendingSelection(clock)

    def present(self, snapshot: Snapshot, config: SessionConfig) -> WindowState:
        """The state while a session runs."""
        result = self._result.present(snapshot)
        model_failed = any(
            status.source == "model" and status.level in ("warning", "error") for status in snapshot.statuses
        )
        controls = ControlState(
            fusion=self.fusion.displayed(snapshot.fusion or config.fusion, failed=model_failed),
            baseline=self.baseline.displayed(snapshot.baseline),
            person=snapshot.person,
            calibration=snapshot.calibration,
            can_calibrate=True,
            voice_dbfs=snapshot.voice_dbfs,
        )
        return WindowState(
            video=self._video.present(snapshot, result.current, config.source),
            result=result,
            status=StatusState(snapshot.statuses, _status_line(snapshot, config)),
            controls=controls,
        )

    def present_loading(self, config: SessionConfig) -> WindowState:
        """The state until there is a session."""
        message = Message(tr("Loading the models…"), tr("The first time takes a little longer."), busy=True)
        status = Status("model", "info", "loading", tr("The models are loading."))
        return self._without_session(config, message, StatusState((status,)))

    def present_failure(self, config: SessionConfig, error: str) -> WindowState:
        """The state after the session could not start because of `error`."""
        status = Status("model", "error", "failed", error)
        line = StatusLine(error, "error", error)
        message = Message(tr("emolive could not start"), error)
        return self._without_session(config, message, StatusState((status,), line, can_retry=True))

    def clear_requests(self) -> None:
        """A command was refused: show the value in use."""
        self.fusion.clear()
        self.baseline.clear()

    def _without_session(self, config: SessionConfig, message: Message, status: StatusState) -> WindowState:
        return WindowState(
            video=VideoState(message=message),
            result=ResultState(),
            status=status,
            controls=ControlState(config.fusion, config.baseline, config.person),
        )


def _status_line(snapshot: Snapshot, config: SessionConfig) -> StatusLine:
    """The gravest status, else the hint to calibrate where that makes sense."""
    status = most_severe(snapshot.statuses)
    if status is not None:
        text = strings.status_sentence(status)
        return StatusLine(text, status.level, text)
    live = strings.source_kind(config.source) in ("auto", "camera", "stream") and not snapshot.is_synthetic
    if live and snapshot.fusion and snapshot.baseline != "neutral":
        return StatusLine(strings.calibration_hint(), "info", strings.calibration_hint_reason())
    return StatusLine()
