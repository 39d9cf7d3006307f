"""Records a session: media file, estimates and settings, written by a thread of its own."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import EmoliveError, OutputError
from emolive.recording.folder import (
    CSV_NAME,
    FORMAT,
    JSONL_NAME,
    MEDIA_NAME,
    create_folder,
    write_settings,
)
from emolive.recording.media_writer import RATE_HZ, MediaWriter
from emolive.sinks.csv import CsvSink
from emolive.sinks.jsonl import JsonlSink
from emolive.snapshot import RecordingState
from emolive.types import AudioBlock, Estimate, Frame

log = logging.getLogger(__name__)

MIN_FREE_BYTES = 1_000_000_000
"""A recording ends when the disk has less free than this."""
MAX_QUEUED_BYTES = 64_000_000
"""Pictures and sound that wait for the encoder; a picture beyond it is dropped."""
FIRST_FRAME_S = 2.0
"""A camera that delivers nothing for this long after the first sound is recorded as black."""
DEFAULT_SIZE = (640, 480)
CHECK_S = 1.0
"""How often the free space is looked at."""
STOP_S = 60.0
"""How long the end of a recording waits for what is queued; the queue's size limits it to less."""
_FRAME_BYTES = 1_500_000
"""Of a frame whose image is not decoded yet."""
_WAIT_S = 0.1

Item = Frame | AudioBlock | Estimate


@dataclass(frozen=True, slots=True)
class Tracks:
    """What a recording has."""

    video: bool
    audio: bool


class Recorder:
    """Writes what it is given until `stop`, until the disk is nearly full, or until an error.

    `add_frame`, `add_audio` and `add_estimate` return at once and may be called from any thread.

    Args:
        parent: where the recording's own folder is created.
        tracks: which streams there are.
        settings: of the session, saved beside the recording.
        min_free_bytes: the recording ends when the disk has less free than this.
        free_bytes: tells how much is free.

    Raises:
        OutputError: the folder cannot be created, or the disk is nearly full already.
    """

    def __init__(
        self,
        parent: Path,
        tracks: Tracks,
        settings: Mapping[str, Any],
        *,
        min_free_bytes: int = MIN_FREE_BYTES,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._tracks = tracks
        self._min_free_bytes, self._free_bytes = min_free_bytes, free_bytes
        self.folder = create_folder(parent)
        if self._is_nearly_full():
            self.folder.rmdir()
            raise OutputError(f"Nothing is recorded because less than 1 GB is free in {parent}: make room.")
        self._start_ns = now_ns()
        self._started = datetime.now(UTC)
        self._settings: dict[str, Any] = {
            "format": FORMAT,
            "started": self._started.isoformat(timespec="milliseconds"),
            "tracks": {"video": tracks.video, "audio": tracks.audio},
            **settings,
        }
        write_settings(self.folder, self._settings)
        self._changed = threading.Condition()
        self._queue: deque[tuple[Item, int]] = deque()
        """Items with their sizes in bytes."""
        self._queued_bytes = 0
        self._stopping = False
        self._writer: MediaWriter | None = None
        self._waiting: list[Frame | AudioBlock] = []
        """What came before the media file was opened."""
        self._rows: list[Estimate] = []
        """Estimates that came before the media file was opened."""
        self._n_dropped = 0
        self._n_estimates = 0
        self._problem = ""
        self._done = threading.Event()
        self._files = ExitStack()
        self._sinks: tuple[JsonlSink, CsvSink] | None = None
        self._thread = threading.Thread(target=self._run, name="emolive-recorder", daemon=True)
        self._thread.start()

    # --- any thread

    @property
    def running(self) -> bool:
        """Whether it still takes what it is given."""
        return not self._stopping and not self._done.is_set()

    def state(self) -> RecordingState:
        """What is recorded so far."""
        return RecordingState(
            folder=self.folder,
            # Until its files are finished: only then can it be opened.
            running=not self._done.is_set(),
            seconds=to_s(now_ns() - self._start_ns),
            frames=0 if self._writer is None else self._writer.n_frames,
            frames_dropped=self._n_dropped,
            problem=self._problem,
        )

    def add_frame(self, frame: Frame, *, wait: bool = False) -> None:
        """Record a frame. If the encoder is too slow it is dropped and counted, or with `wait` waited for."""
        if self._tracks.video:
            size = _FRAME_BYTES if callable(frame.image_source) else frame.image_source.nbytes
            self._n_dropped += not self._put(frame, size, wait=wait)

    def add_audio(self, block: AudioBlock, *, wait: bool = False) -> None:
        """Record a block; it is dropped, or waited for, as a frame is."""
        if self._tracks.audio:
            self._put(block, block.samples.nbytes, wait=wait)

    def add_estimate(self, estimate: Estimate) -> None:
        """Record an estimate."""
        self._put(estimate, 0)

    def stop(self, timeout_s: float = STOP_S) -> RecordingState:
        """Write what is queued and finish the files; repeated calls have no effect.

        Args:
            timeout_s: how long to wait for it, in seconds.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._done.wait(timeout_s)
        return self.state()

    def _put(self, item: Item, size: int, *, wait: bool = False) -> bool:
        """Queue an item; False if there was no room. After the end nothing is queued."""
        with self._changed:
            while wait and self._queued_bytes + size > MAX_QUEUED_BYTES and self.running:
                self._changed.wait(_WAIT_S)
            if self.running:
                if self._queued_bytes + size > MAX_QUEUED_BYTES:
                    return False
                self._queue.append((item, size))
                self._queued_bytes += size
                self._changed.notify_all()
            return True

    # --- the recorder's thread

    def _run(self) -> None:
        try:
            self._record()
        except (EmoliveError, OSError) as error:
            self._problem = self._problem or f"The recording has ended: {error}"
        except Exception as error:
            log.exception("recording failed")
            self._problem = f"The recording has ended because it failed: {error}."
        finally:
            self._finish()
            self._done.set()
            with self._changed:
                self._queue.clear()
                self._changed.notify_all()

    def _record(self) -> None:
        checked_ns = waiting_ns = now_ns()
        while True:
            with self._changed:
                if not self._queue and not self._stopping:
                    self._changed.wait(_WAIT_S)
                item, size = self._queue.popleft() if self._queue else (None, 0)
                self._queued_bytes -= size
                stopping = self._stopping
                self._changed.notify_all()
            if item is None and stopping:
                return
            if item is not None:
                self._write(item)
            if not self._waiting:
                waiting_ns = now_ns()
            if self._writer is None and self._waiting and now_ns() - waiting_ns > to_ns(FIRST_FRAME_S):
                self._open(self._waiting[0])
            if now_ns() - checked_ns > to_ns(CHECK_S):
                checked_ns = now_ns()
                if self._is_nearly_full():
                    self._problem = "The recording has ended because less than 1 GB is free on the disk."
                    return

    def _write(self, item: Item) -> None:
        if isinstance(item, Estimate):
            self._write_estimate(item)
            return
        if self._writer is None:
            self._waiting.append(item)
            if isinstance(item, Frame) or not self._tracks.video:
                self._open(item)
        elif isinstance(item, Frame):
            self._writer.write_frame(item)
        else:
            self._writer.write_audio(item)

    def _open(self, first: Frame | AudioBlock) -> None:
        """Open the media file, which begins with a frame, whose size it has, or with a block."""
        size = None
        if self._tracks.video:
            height, width = first.image.shape[:2] if isinstance(first, Frame) else DEFAULT_SIZE[::-1]
            size = (width, height)
        self._writer = MediaWriter(self.folder / MEDIA_NAME, first.t_ns, size=size, audio=self._tracks.audio)
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._write(item)
        rows, self._rows = self._rows, []
        for row in rows:
            self._write_estimate(row)

    def _write_estimate(self, estimate: Estimate) -> None:
        if self._writer is None:
            self._rows.append(estimate)
            return
        if self._sinks is None:
            self._sinks = (
                JsonlSink(self._open_text(JSONL_NAME)),
                CsvSink(self._open_text(CSV_NAME)),
            )
        media_s = to_s(estimate.t_ns - self._writer.start_ns)
        wall = self._started + timedelta(seconds=to_s(estimate.t_ns - self._start_ns))
        record = estimate.to_dict() | {
            "media_s": round(media_s, 3),
            "wall_time": wall.isoformat(timespec="milliseconds"),
        }
        try:
            for sink in self._sinks:
                sink.write_record(record)
        except OSError as error:
            raise OutputError(f"{self.folder} cannot be written to: {error.strerror}.") from error
        self._n_estimates += 1

    def _open_text(self, name: str) -> TextIO:
        file = (self.folder / name).open("x", encoding="utf-8", errors="backslashreplace", newline="")
        return self._files.enter_context(file)

    def _finish(self) -> None:
        """Close the files, each on its own: on a full disk some of them cannot be."""
        if self._writer is None and self._waiting:
            with suppress(EmoliveError, OSError):
                self._open(self._waiting[0])
        for close in (self._files.close, self._writer.close if self._writer is not None else None):
            try:
                if close is not None:
                    close()
            except (EmoliveError, OSError) as error:
                self._problem = self._problem or f"The recording has ended: {error}"
        self._settings["ended"] = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "reason": self._problem or "stopped",
            "frames": 0 if self._writer is None else self._writer.n_frames,
            "frames_dropped": self._n_dropped,
            "audio_s": 0.0 if self._writer is None else round(self._writer.audio_s, 3),
            "estimates": self._n_estimates,
            "sound_rate_hz": RATE_HZ,
        }
        try:
            write_settings(self.folder, self._settings)
        except EmoliveError as error:
            self._problem = self._problem or f"The recording has ended: {error}"

    def _is_nearly_full(self) -> bool:
        try:
            return self._free_bytes(self.folder) < self._min_free_bytes
        except OSError:
            return True
