"""The session of the window: a live one, or a player while a file is open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from emolive.capture.source_spec import parse_microphone, parse_source
from emolive.clock import now_ns, seconds_until, to_ns
from emolive.errors import ConfigError
from emolive.playback.models import ModelLoan, ModelShelf
from emolive.playback.player_session import PlayerSession
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.session.snapshot import with_outputs
from emolive.session.subscription import Publisher, Subscription
from emolive.snapshot import RecordingState, Snapshot
from emolive.types import Estimate

STOP_S = 1.5
"""How long a change between camera and file waits for the old one to stop."""
NO_TRANSPORT = "Only a file can be paused and searched: open one."


class AppSession:
    """The calls of `Session` and `PlayerSession`; the one in use follows from the source.

    Args:
        config: the initial settings.
        create_live: makes a live session.
        create_player: makes a player.

    Raises:
        EmoliveError: the config is wrong, or its file cannot be played.
    """

    def __init__(
        self,
        config: SessionConfig,
        *,
        create_live: Callable[[SessionConfig, ModelLoan], Session] = lambda config, models: Session(
            config, load_model=models.load
        ),
        create_player: Callable[[SessionConfig, ModelLoan], PlayerSession] = PlayerSession,
    ) -> None:
        self._create_live, self._create_player = create_live, create_player
        self._shelf = ModelShelf()
        self._publisher = Publisher()
        self._lock = threading.Lock()
        """Held while a session takes the place of another."""
        self._switcher = ThreadPoolExecutor(1, "emolive-switch")
        self._config = config
        self._stopped = False
        self._loop = config.loop
        self._explaining = False
        self._active, self._models = self._create(config)

    # --- as in Session

    def start(self) -> None:
        """Open the source and start. See `Session.start`."""
        self._active.start()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads; False if one did not end in time."""
        self._switcher.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._stopped = True
        deadline_ns = now_ns() + to_ns(timeout_s)
        ended = self._active.stop(timeout_s)
        return self._publisher.close(seconds_until(deadline_ns, 0.05)) and ended

    def snapshot(self) -> Snapshot:
        """Of the session in use."""
        snapshot = self._active.snapshot()
        return with_outputs(snapshot, snapshot.recording, self._publisher.statuses())

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each estimate, of all sources."""
        return self._publisher.subscribe(callback)

    @property
    def finished(self) -> bool:
        """Whether a file was played and analysed to its end."""
        return self._active.finished

    @property
    def model_settled(self) -> bool:
        """Whether the newest requested model was loaded or refused."""
        return self._active.model_settled

    def set_source(self, source: str) -> Future[None]:
        """Open another source in the background; the present one continues until it is open.

        Raises:
            ConfigError: the string is empty or invalid, or the session was stopped.
        """
        parse_source(source)
        try:
            return self._switcher.submit(partial(self._switch, source))
        except RuntimeError:
            raise ConfigError("This session has been stopped: create another one.") from None

    def set_mic(self, mic: str) -> Future[None] | None:
        """Use another microphone. A file plays on: the choice is for the next camera."""
        parse_microphone(mic)
        self._config = replace(self._config, mic=mic)
        return self._active.set_mic(mic) if isinstance(self._active, Session) else None

    def set_fusion(self, fusion: str) -> None:
        """Answer with the shipped model of a fusion."""
        self._active.set_fusion(fusion)
        self._config = replace(self._config, fusion=fusion, checkpoint=None)

    def set_checkpoint(self, path: Path) -> None:
        """Answer with a checkpoint."""
        self._active.set_checkpoint(path)
        self._config = replace(self._config, checkpoint=path)

    def set_baseline(self, mode: str) -> None:
        """Compare with another baseline."""
        self._active.set_baseline(mode)
        self._config = replace(self._config, baseline=mode)

    def set_person(self, person: str) -> None:
        """Estimate for another person."""
        self._active.set_person(person)
        self._config = replace(self._config, person=person.strip())

    def set_device(self, device: str) -> None:
        """Compute on another device."""
        self._active.set_device(device)
        self._config = replace(self._config, device=device)

    def set_backend(self, backend: str) -> None:
        """Run the model by another runtime."""
        self._active.set_backend(backend)
        self._config = replace(self._config, backend=backend)

    def set_hop_bins(self, hop_bins: int) -> None:
        """Answer at the end of every so many bins."""
        self._active.set_hop_bins(hop_bins)
        self._config = replace(self._config, hop_bins=hop_bins)

    def set_smoothing(self, mode: str) -> None:
        """Smooth the answers in another way."""
        self._active.set_smoothing(mode)
        self._config = replace(self._config, smoothing=mode)

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        """Let these fusions answer too, on the same evidence."""
        self._active.set_comparison(fusions)
        self._config = replace(self._config, comparison=fusions)

    def set_explaining(self, on: bool) -> None:
        """Explain each answer, or no longer."""
        self._explaining = on
        self._active.set_explaining(on)

    def calibrate(self, seconds: float = 5.0) -> None:
        """Measure the person's neutral baseline; a file is refused."""
        self._active.calibrate(seconds)

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read the face at a point of the newest frame."""
        self._active.choose_face(x_px, y_px)

    def start_recording(self, parent: Path | None = None) -> Path:
        """Record from now on; a file is refused."""
        return self._active.start_recording(parent)

    def stop_recording(self) -> RecordingState | None:
        """End the recording and finish its files."""
        return self._active.stop_recording()

    # --- transport

    def set_playing(self, playing: bool) -> None:
        """Play or pause the file."""
        self._player.set_playing(playing)

    def seek(self, position_s: float) -> None:
        """Go to a position in the file."""
        self._player.seek(position_s)

    def set_loop(self, loop: bool) -> None:
        """Begin the file again at its end, or stop there."""
        self._loop = loop
        if isinstance(self._active, PlayerSession):
            self._active.set_loop(loop)

    def set_muted(self, muted: bool) -> None:
        """Play no sound of the file, or play it."""
        self._player.set_muted(muted)

    # ---

    @property
    def _player(self) -> PlayerSession:
        if not isinstance(self._active, PlayerSession):
            raise ConfigError(NO_TRANSPORT)
        return self._active

    def _create(self, config: SessionConfig) -> tuple[Session | PlayerSession, ModelLoan]:
        config = replace(config, loop=self._loop)
        models = self._shelf.borrow()
        is_file = parse_source(config.source).kind == "file" and config.paced
        session = self._create_player(config, models) if is_file else self._create_live(config, models)
        session.subscribe(self._publisher.publish)
        if self._explaining:
            session.set_explaining(True)
        return session, models

    def _switch(self, source: str) -> None:
        old, old_models = self._active, self._models
        config = replace(self._config, source=source)
        if isinstance(old, Session) and parse_source(source).kind != "file":
            old.set_source(source).result()
            self._config = replace(self._config, source=source)
            return
        # A failure to open it changes nothing.
        new, models = self._create(config)
        if isinstance(new, Session):
            new.start()
        elif old.stop(STOP_S):
            # A player cannot fail to start: so it can take over the models.
            old_models.give_back()
        with self._lock:
            if self._stopped:
                new.stop(STOP_S)
                return
            new.start()
            self._active, self._models = new, models
            self._config = replace(self._config, source=source)
        if isinstance(new, Session) and old.stop(STOP_S):
            old_models.give_back()
