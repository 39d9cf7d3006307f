"""The recording of a session: when it begins and ends, and what is saved about the session."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emolive.errors import ConfigError
from emolive.recording.folder import default_parent
from emolive.recording.recorder import STOP_S, Recorder, Tracks
from emolive.session.config import SessionConfig
from emolive.session.pipeline import LivePipeline
from emolive.session.stream import Stream
from emolive.snapshot import RecordingState
from emolive.types import Estimate


class SessionRecording:
    """At most one recording at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None

    @property
    def recorder(self) -> Recorder | None:
        """The recorder in use, if one runs."""
        recorder = self._recorder
        return recorder if recorder is not None and recorder.running else None

    def state(self) -> RecordingState | None:
        """Of the newest recording; None before the first."""
        recorder = self._recorder
        return None if recorder is None else recorder.state()

    def start(self, parent: Path | None, stream: Stream, settings: dict[str, Any]) -> Path:
        """Begin to record a stream. Returns the recording's folder.

        Raises:
            ConfigError: a recording runs.
            OutputError: there is no place for it.
        """
        with self._lock:
            if self.recorder is not None:
                raise ConfigError("A recording is running: end it before you begin another one.")
            # A microphone can be opened later, so a live recording always has a place for it.
            tracks = Tracks(stream.has_video, stream.audio_info is not None or stream.is_live)
            self._recorder = Recorder(parent or default_parent(), tracks, settings)
            stream.tap = self._recorder
            return self._recorder.folder

    def stop(self, timeout_s: float = STOP_S) -> RecordingState | None:
        """End the recording and finish its files; None if there never was one."""
        with self._lock:
            return None if self._recorder is None else self._recorder.stop(timeout_s)

    def add(self, estimate: Estimate) -> None:
        """Record an estimate, if a recording runs."""
        if (recorder := self.recorder) is not None:
            recorder.add_estimate(estimate)


def session_settings(config: SessionConfig, stream: Stream, pipeline: LivePipeline) -> dict[str, Any]:
    """The settings of a session as plain values, without passwords."""
    from importlib.metadata import version

    values = json.loads(json.dumps(asdict(config), default=str))
    predictor = pipeline.predictor
    return {
        "emolive": version("emolive"),
        "session": {**values, "source": stream.source},
        "video": None if stream.video_info is None else stream.video_info.name,
        "audio": None if stream.audio_info is None else stream.audio_info.name,
        "is_synthetic": stream.is_synthetic,
        "fusion": config.fusion if predictor is None else predictor.spec.fusion,
        "labels": None if predictor is None else list(predictor.spec.labels),
        "baseline": pipeline.baseline,
    }
