"""A file in the window: the calls of a live session over a player and an analysis that runs ahead."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.audio.levels import SILENCE_DBFS
from emolive.capture.decode import probe
from emolive.capture.source_spec import parse_source
from emolive.clock import now_ns, seconds_until, to_ns, to_s
from emolive.errors import ConfigError
from emolive.playback.clip_analysis import ClipAnalysis
from emolive.playback.clip_controls import ClipControls
from emolive.playback.clip_track import AnalyzedWindow
from emolive.playback.clock import PlaybackClock
from emolive.playback.models import ModelLoan, ModelShelf
from emolive.playback.passed_windows import STALE_S, WindowPublisher
from emolive.playback.player import Player
from emolive.playback.source_statuses import at_present, source_statuses
from emolive.playback.speaker import Speaker
from emolive.session.config import SessionConfig
from emolive.session.status import StatusRegistry
from emolive.session.subscription import Publisher, Subscription
from emolive.snapshot import Counters, PlaybackState, RecordingState, Snapshot
from emolive.types import Estimate, Status

if TYPE_CHECKING:
    pass

CALIBRATION_REFUSED = "A file says nothing about you: open the camera to calibrate."
RECORDING_REFUSED = "A file is playing: only a camera, a stream or the demo is recorded."


class PlayerSession(ClipControls):
    """Plays one file and shows the estimates of its position. The calls are those of `Session`.

    Nothing is learned from a file: it cannot be calibrated on.

    Args:
        config: `source` is a media file or a recording's folder.
        models: loads the models.
        speaker: makes what plays the sound; by default the loudspeakers.

    Raises:
        MediaError: the file cannot be played.
    """

    def __init__(
        self,
        config: SessionConfig,
        models: ModelLoan | None = None,
        *,
        speaker: Callable[[PlaybackClock], Speaker] = Speaker,
    ) -> None:
        spec = parse_source(config.source)
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        path = Path(os.path.expanduser(spec.value))  # noqa: PTH111
        self._info = probe(path)
        self._has_audio = self._info.has_audio and config.mic != "none"
        statuses = StatusRegistry()
        self._publisher = Publisher()
        clock, av_offset_ns = PlaybackClock(), round(config.av_offset_ms * 1e6)
        player = Player(
            path,
            self._info.duration_s or 0.0,
            loop=config.loop,
            audio=self._has_audio,
            av_offset_ns=av_offset_ns,
            clock=clock,
            speaker=speaker(clock),
        )
        analysis = ClipAnalysis(
            path,
            spec.redacted,
            audio=self._has_audio,
            av_offset_ns=av_offset_ns,
            on_status=statuses.put,
        )
        super().__init__(config, models or ModelShelf().borrow(), player, analysis, statuses)
        self._running = False
        self._passed = WindowPublisher(
            clock,
            track=lambda: analysis.track,
            complete=lambda: analysis.complete,
            duration_s=lambda: player.duration_s,
            ended=lambda: player.ended,
            publish=self._publish,
        )
        statuses.put(*source_statuses(self._info, has_audio=self._has_audio))

    # --- as in Session

    def start(self) -> None:
        """Begin to play and to analyse."""
        if not self._running:
            self._running = True
            self._request()
            self._analysis.start()
            self._player.start()
            self._passed.start()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads; False if one did not end in time."""
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._running = False
        self._passed.close()
        ended = self._player.close(timeout_s)
        ended = self._analysis.close(seconds_until(deadline_ns, 0.05)) and ended
        if self._passed.ident is not None:
            self._passed.join(seconds_until(deadline_ns, 0.05))
        ended = self._publisher.close(seconds_until(deadline_ns, 0.05)) and ended
        return ended and not self._passed.is_alive()

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each estimate that the position has passed, as soon as it is there."""
        return self._publisher.subscribe(callback)

    def snapshot(self) -> Snapshot:
        """The frame, face and estimate at the position."""
        player, analysis = self._player, self._analysis
        position_ns = player.clock.position_ns()
        track = analysis.track
        window = self._window_at(position_ns)
        estimate = window.estimates[0] if window is not None and window.estimates else None
        frame = player.frame
        observation = None if frame is None else analysis.observation_at(frame.t_ns)
        duration_s = max(player.duration_s, analysis.analyzed_s)
        return Snapshot(
            frame=frame,
            observation=observation,
            estimate=estimate,
            statuses=self._all_statuses(window),
            counters=Counters(
                frames_captured=player.frames_shown,
                frames_perceived=len(analysis.observations),
                estimates=len(track.estimates),
            ),
            fusion=track.fusions[0] if track.fusions else "",
            baseline=self._config.baseline,
            person=self._config.person,
            running=self._running,
            ended=player.ended,
            voice_dbfs=player.audio_dbfs if player.clock.running else SILENCE_DBFS,
            playback=PlaybackState(
                position_s=to_s(position_ns),
                duration_s=duration_s,
                paused=not player.clock.playing,
                loop=player.loop,
                analysed_s=analysis.analyzed_s if track.fusions else 0.0,
                analysing=not analysis.complete,
                track=track.estimates,
                muted=player.speaker.muted,
                sound=player.speaker.problem,
            ),
            comparison=window.estimates[1:] if window is not None else (),
            explanation=window.explanation if window is not None else None,
        )

    @property
    def finished(self) -> bool:
        """Whether the file was played and analysed to its end."""
        return self._player.ended and self._analysis.complete

    def calibrate(self, seconds: float = 5.0) -> None:
        """Refused."""
        raise ConfigError(CALIBRATION_REFUSED)

    def start_recording(self, parent: Path | None = None) -> Path:
        """Refused."""
        raise ConfigError(RECORDING_REFUSED)

    def stop_recording(self) -> RecordingState | None:
        """Nothing is recorded."""
        return None

    # --- transport

    def set_playing(self, playing: bool) -> None:
        """Play or pause; at the end, play from the beginning."""
        self._player.set_playing(playing)

    def seek(self, position_s: float) -> None:
        """Go to a position, limited to the file."""
        self._player.seek(position_s)

    def set_loop(self, loop: bool) -> None:
        """Begin again at the end, or stop there."""
        self._player.loop = loop

    def set_muted(self, muted: bool) -> None:
        """Play no sound, or play it."""
        self._player.speaker.muted = muted

    # ---

    def _window_at(self, position_ns: int) -> AnalyzedWindow | None:
        """The results for the position; at the end, the last ones."""
        track = self._analysis.track
        window = track.window_at(position_ns)
        if self._player.ended:
            return next((each for each in reversed(track.windows) if each.estimates), window)
        return window if window is not None and to_s(position_ns - window.t_ns) <= STALE_S else None

    def _all_statuses(self, window: AnalyzedWindow | None) -> tuple[Status, ...]:
        statuses = (*self._statuses.all(), *(() if window is None else window.statuses))
        problem = self._player.error or self._analysis.error
        return at_present(statuses, self._info.name, problem=problem, ended=self._player.ended)

    def _publish(self, window: AnalyzedWindow) -> None:
        for estimate in window.estimates:
            self._publisher.publish(estimate)
