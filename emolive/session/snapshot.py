"""Builds the snapshots of a session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from emolive.clock import now_ns, to_s
from emolive.session.pipeline import LivePipeline
from emolive.session.status import StatusRegistry, answer_status, latency_status
from emolive.session.stream import Stream
from emolive.snapshot import RecordingState, Snapshot
from emolive.types import Estimate, Status

STALE_BINS = 6
"""After this many bins without a new estimate, snapshots no longer contain the last one."""


def build_snapshot(
    person: str,
    statuses: StatusRegistry,
    pipeline: LivePipeline,
    stream: Stream | None,
    *,
    running: bool,
) -> Snapshot:
    """The state of a session as one immutable value; waits for no thread.

    Args:
        person: the name under which the neutral baseline is saved.
        statuses: those of model and baseline.
        pipeline: the model and baseline in use.
        stream: the present source; None before it is opened.
        running: whether the session was started and not stopped.
    """
    predictor = pipeline.predictor
    snapshot = Snapshot(
        statuses=statuses.all(),
        fusion=predictor.spec.fusion if predictor is not None else "",
        checkpoint=predictor.checkpoint.path if predictor is not None else None,
        baseline=pipeline.baseline,
        person=person,
        running=running,
    )
    if stream is None:
        return snapshot
    estimate = _recent_estimate(stream, predictor.spec.bin_s if predictor is not None else None)
    ages = () if estimate is None else (answer_status(estimate),)
    if estimate is not None and stream.realtime:
        # What is read faster or slower than it plays has no latency.
        ages = (latency_status(estimate), *ages)
    calibration = stream.calibration
    return replace(
        snapshot,
        frame=stream.frame,
        frame_age_s=stream.age_s(stream.frame_arrived_ns, stream.video_info),
        audio_age_s=stream.age_s(stream.audio_arrived_ns, stream.audio_info),
        video_lost=stream.video_lost,
        audio_lost=stream.audio_lost,
        observation=None if stream.video_lost else stream.observation,
        estimate=estimate,
        statuses=(*snapshot.statuses, *stream.statuses.all(), *ages),
        counters=stream.counters,
        calibration=calibration.progress(now_ns()) if calibration is not None else None,
        is_synthetic=stream.is_synthetic,
        ended=stream.ended.is_set(),
        voice_dbfs=stream.level_dbfs,
        comparison=stream.comparison if estimate is not None else (),
        explanation=stream.explanation if estimate is not None else None,
    )


def with_outputs(snapshot: Snapshot, recording: RecordingState | None, rows: Iterable[Status]) -> Snapshot:
    """A snapshot with the state of what is written, and lasting errors where that is no longer possible.

    Args:
        snapshot: of what is read.
        recording: the recording that runs, or the last one.
        rows: the statuses of the subscriptions.
    """
    statuses = [*snapshot.statuses, *rows]
    if recording is not None and recording.problem:
        statuses.append(Status("recording", "error", "unwritten", recording.problem))
    return replace(snapshot, recording=recording, statuses=tuple(statuses))


def _recent_estimate(stream: Stream, bin_s: float | None) -> Estimate | None:
    """The stream's newest estimate, unless it is too old to be shown."""
    estimate = stream.estimate
    if estimate is None or bin_s is None or stream.finished.is_set() or not stream.realtime:
        return estimate
    age_s = to_s(now_ns() - estimate.t_ns)
    return estimate if age_s <= STALE_BINS * bin_s else None
