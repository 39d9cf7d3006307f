"""Plays a file's picture and sound from any position."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from emolive.audio.levels import SILENCE_DBFS, rms_dbfs
from emolive.capture.decode import iter_media
from emolive.clock import to_ns, to_s
from emolive.errors import EmoliveError
from emolive.playback.clock import PlaybackClock
from emolive.playback.speaker import Speaker
from emolive.types import AudioBlock, Frame

AHEAD_S = 0.5
"""How far it decodes ahead of the position."""
_PAUSED_WAIT_S = 0.05
_WAIT_S = 0.01


class Player(threading.Thread):
    """Shows the frame at the clock's position and passes the sound to the speaker.

    Args:
        path: a media file.
        duration_s: its length; the end is not before it.
        loop: begin again at the end.
        audio: whether its sound is played.
        av_offset_ns: by how much the sound is moved to later times against the picture.
        clock: the position.
        speaker: where the sound goes, with the same clock; by default the loudspeakers.
    """

    def __init__(
        self,
        path: Path,
        duration_s: float,
        *,
        loop: bool,
        audio: bool,
        av_offset_ns: int = 0,
        clock: PlaybackClock | None = None,
        speaker: Speaker | None = None,
    ) -> None:
        super().__init__(name="emolive-player", daemon=True)
        self._path, self._audio, self._av_offset_ns = path, audio, av_offset_ns
        self.clock = clock or PlaybackClock()
        self.speaker = speaker or Speaker(self.clock)
        self.loop = loop
        self.duration_s = duration_s
        self.frame: Frame | None = None
        """The frame that is shown."""
        self.frames_shown = 0
        self.audio_dbfs = SILENCE_DBFS
        self.error = ""
        self.ended = False
        self._levels: deque[tuple[int, float]] = deque(maxlen=200)
        self._lock = threading.Lock()
        self._seek_ns: int | None = 0
        """Where to continue, if that was asked for."""
        self._wake = threading.Event()
        self._closed = threading.Event()

    # --- any thread

    def seek(self, position_s: float) -> None:
        """Go to a position, limited to the file."""
        position_ns = to_ns(min(max(0.0, position_s), max(0.0, self.duration_s - 0.04)))
        with self._lock:
            self.ended = False
            self.clock.seek(position_ns)
            self._seek_ns = position_ns
        self._wake.set()

    def set_playing(self, playing: bool) -> None:
        """Play or pause; at the end, play from the beginning."""
        if playing and self.ended:
            self.seek(0)
        self.clock.set_playing(playing)
        self._wake.set()

    def close(self, timeout_s: float) -> bool:
        """End the thread; False if that took too long."""
        self._closed.set()
        self._wake.set()
        if self.ident is not None:
            self.join(timeout_s)
        self.speaker.close()
        return not self.is_alive()

    # --- the player's thread

    def run(self) -> None:
        """Play from the newest position that was asked for."""
        while not self._closed.is_set():
            with self._lock:
                start_ns, self._seek_ns = self._seek_ns, None
            if start_ns is None:
                self._wake.wait()
                self._wake.clear()
                continue
            try:
                self._play(start_ns)
            except EmoliveError as error:
                self.error = str(error)
                self.ended = True
                self.clock.set_playing(False)

    def _play(self, start_ns: int) -> None:
        """Play from a position until the end, another position, or `close`."""
        self.speaker.clear()
        self._levels.clear()
        items = iter_media(self._path, audio=self._audio, start_ns=start_ns, av_offset_ns=self._av_offset_ns)
        frames: deque[Frame] = deque()
        decoded_ns, end_ns, exhausted, begun = start_ns, start_ns, False, False
        while not self._closed.is_set() and self._seek_ns is None:
            position_ns = self.clock.position_ns()
            self._show(frames, position_ns)
            if not exhausted and decoded_ns < position_ns + to_ns(AHEAD_S):
                item = next(items, None)
                exhausted = item is None
                if item is not None:
                    decoded_ns = max(decoded_ns, item.t_ns)
                    end_ns = max(end_ns, self._take(item, frames))
                # Held until there is something to be seen and heard at the position.
                if not begun and (exhausted or decoded_ns > start_ns + to_ns(AHEAD_S / 2)):
                    begun = True
                    self._show(frames, start_ns)
                    self.clock.release()
                continue
            if exhausted and not frames and position_ns >= max(end_ns, to_ns(self.duration_s)):
                self._finish(max(end_ns, to_ns(self.duration_s)))
                return
            self._wake.wait(_WAIT_S if self.clock.playing else _PAUSED_WAIT_S)
            self._wake.clear()
        _close(items)

    def _take(self, item: Frame | AudioBlock, frames: deque[Frame]) -> int:
        """Keep a frame, or pass on a block. Returns its end."""
        if isinstance(item, Frame):
            frames.append(item)
            return item.t_ns
        self.speaker.put(item)
        self._levels.append((item.t_ns, rms_dbfs(item.samples)))
        return item.t_ns + to_ns(len(item.samples) / item.rate_hz)

    def _show(self, frames: deque[Frame], position_ns: int) -> None:
        """Show the newest frame that is due; those before it are dropped."""
        frame = None
        while frames and frames[0].t_ns <= position_ns:
            frame = frames.popleft()
        if frame is not None:
            # Converted here to keep the work out of the GUI thread.
            _ = frame.image
            self.frame = frame
            self.frames_shown += 1
        while self._levels and self._levels[0][0] <= position_ns:
            self.audio_dbfs = self._levels.popleft()[1]

    def _finish(self, end_ns: int) -> None:
        self.audio_dbfs = SILENCE_DBFS
        if self.loop:
            self.seek(0)
            return
        with self._lock:
            if self._seek_ns is None:
                self.clock.seek(end_ns)
                self.ended = True
                self.duration_s = max(self.duration_s, to_s(end_ns))


def _close(items: Iterator[object]) -> None:
    with suppress(AttributeError):
        items.close()  # type: ignore[attr-defined]
