"""A file in the window: the calls of a live session over a player and an analysis that runs ahead."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.audio.levels import SILENCE_DBFS
from emolive.capture.decode import probe
from emolive.capture.source_spec import parse_source
from emolive.clock import now_ns, seconds_until, to_ns, to_s
from emolive.device import choose_device
from emolive.errors import ConfigError
from emolive.models.io.checkpoint import is_onnx
from emolive.models.runtimes.base import AUTO, ONNX, check_backend
from emolive.normalization import MODES
from emolive.playback.clip_analysis import ClipAnalysis
from emolive.playback.clip_track import AnalysisRequest, AnalyzedWindow
from emolive.playback.clock import PlaybackClock
from emolive.playback.models import ModelLoan, ModelShelf
from emolive.playback.passed_windows import STALE_S, WindowPublisher
from emolive.playback.player import Player
from emolive.playback.source_statuses import at_present, source_statuses
from emolive.playback.speaker import Speaker
from emolive.plugins import FUSIONS
from emolive.session.config import SessionConfig, check_hop
from emolive.session.model_loader import ONNX_ONLY
from emolive.session.status import StatusRegistry
from emolive.session.subscription import Publisher, Subscription
from emolive.smoothing import check_smoothing
from emolive.snapshot import Counters, PlaybackState, RecordingState, Snapshot
from emolive.types import Estimate, Status
from emolive.vision.survey import FaceChoice

if TYPE_CHECKING:
    from emolive.predictor import Predictor

CALIBRATION_REFUSED = "A file says nothing about you: open the camera to calibrate."
RECORDING_REFUSED = "A file is playing: only a camera, a stream or the demo is recorded."


class PlayerSession:
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
        self._config = config
        self._models = models or ModelShelf().borrow()
        spec = parse_source(config.source)
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        path = Path(os.path.expanduser(spec.value))  # noqa: PTH111
        self._info = probe(path)
        self._has_audio = self._info.has_audio and config.mic != "none"
        self._statuses = StatusRegistry()
        self._publisher = Publisher()
        clock, av_offset_ns = PlaybackClock(), round(config.av_offset_ms * 1e6)
        self._player = Player(
            path,
            self._info.duration_s or 0.0,
            loop=config.loop,
            audio=self._has_audio,
            av_offset_ns=av_offset_ns,
            clock=clock,
            speaker=speaker(clock),
        )
        self._analysis = ClipAnalysis(
            path,
            spec.redacted,
            audio=self._has_audio,
            av_offset_ns=av_offset_ns,
            on_status=self._statuses.put,
        )
        self._comparison = config.comparison
        self._explaining = False
        self._faces: tuple[FaceChoice, ...] = ()
        self._running = False
        self._passed = WindowPublisher(
            clock,
            track=lambda: self._analysis.track,
            complete=lambda: self._analysis.complete,
            duration_s=lambda: self._player.duration_s,
            ended=lambda: self._player.ended,
            publish=self._publish,
        )
        self._statuses.put(*source_statuses(self._info, has_audio=self._has_audio))

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

    @property
    def model_settled(self) -> bool:
        """Whether the newest requested model was loaded or refused."""
        return self._analysis.idle.is_set()

    def set_fusion(self, fusion: str) -> None:
        """Analyse with the shipped model of a fusion."""
        FUSIONS.check(fusion)
        self._change(fusion=fusion, checkpoint=None)

    def set_checkpoint(self, path: Path) -> None:
        """Analyse with a checkpoint."""
        self._change(checkpoint=path)

    def set_baseline(self, mode: str) -> None:
        """Analyse with another baseline."""
        if mode not in MODES:
            raise ConfigError(f"There is no baseline {mode}: choose {', '.join(MODES)}.")
        self._change(baseline=mode)

    def set_person(self, person: str) -> None:
        """Analyse with the neutral baseline of another person."""
        if not person.strip():
            raise ConfigError("A person needs a name under which the baseline is saved.")
        self._change(person=person.strip())

    def set_device(self, device: str) -> None:
        """Analyse on another device.

        Raises:
            DeviceError: this computer has no such device.
        """
        if device != "auto":
            choose_device(device)
        self._change(device=device)

    def set_backend(self, backend: str) -> None:
        """Analyse by another runtime."""
        check_backend(backend)
        checkpoint = self._config.checkpoint
        if checkpoint is not None and is_onnx(checkpoint) and backend not in (AUTO, ONNX):
            raise ConfigError(ONNX_ONLY.format(name=checkpoint.name))
        self._change(backend=backend)

    def set_hop_bins(self, hop_bins: int) -> None:
        """Answer at the end of every so many bins of the file."""
        check_hop(hop_bins)
        self._change(hop_bins=hop_bins)

    def set_smoothing(self, mode: str) -> None:
        """Smooth the answers in another way."""
        check_smoothing(mode)
        self._change(smoothing=mode)

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        """Analyse with these fusions too, on the same evidence."""
        for fusion in fusions:
            FUSIONS.check(fusion)
        self._comparison = fusions
        self._request()

    def set_explaining(self, on: bool) -> None:
        """Explain the estimates, or no longer."""
        if on is not self._explaining:
            self._explaining = on
            self._request()

    def calibrate(self, seconds: float = 5.0) -> None:
        """Refused."""
        raise ConfigError(CALIBRATION_REFUSED)

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read another face of the file from the position on; the file is analysed anew.

        Args:
            x_px, y_px: a point of the frame at the position, in the box of one of the faces that are not
                read; elsewhere nothing changes.
        """
        frame = self._player.frame
        seen = None if frame is None else self._analysis.observation_at(frame.t_ns)
        if seen is None or not any(box.contains(x_px, y_px) for box in seen.others):
            return
        earlier = tuple(choice for choice in self._faces if choice.t_ns < seen.t_ns)
        self._faces = (*earlier, FaceChoice(seen.t_ns + 1, x_px, y_px))
        self._request()

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

    def _change(self, **changes: object) -> None:
        self._config = replace(self._config, **changes)  # type: ignore[arg-type]
        self._request()

    def _request(self) -> None:
        self._statuses.put(Status("model", "info", "loading", "The model is loading."))
        config, comparison, models = self._config, self._comparison, self._models

        def load() -> list[Predictor]:
            import torch

            # For networks this small a second thread mostly waits for the first.
            torch.set_num_threads(1)
            main = models.load(
                None if config.checkpoint else config.fusion, config.checkpoint, config.device, config.backend
            )
            others = [name for name in comparison if name != main.spec.fusion or config.checkpoint]
            return [main, *(models.load(name, None, config.device, config.backend) for name in others)]

        self._analysis.request(
            AnalysisRequest(
                load,
                config.baseline,
                config.person,
                self._explaining,
                hop_bins=config.hop_bins,
                smoothing=config.smoothing,
                faces=self._faces,
            )
        )

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
