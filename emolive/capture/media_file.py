"""A media file as a source: played with the file's own timestamps."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

from emolive.capture.base import Listener, SourceInfo
from emolive.capture.decode import fill_gap, iter_media, probe, read_audio
from emolive.clock import NS_PER_S, now_ns, to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame, Severity, Status

__all__ = ["MediaFileSource", "iter_media", "probe", "read_audio"]

_LATE_NS = 200_000_000
"""A picture this late is left out."""
_PICTURE_NS = NS_PER_S
"""But one in this time is shown, however slow the computer is."""


class MediaFileSource:
    """Plays a media file; stamps are `start_ns` plus the time in the file.

    Paced, it keeps to the clock, and leaves out pictures rather than fall behind. Unpaced, it
    goes as fast as the listener takes. Looped, the stamps go on increasing.
    """

    def __init__(self, path: Path | str, paced: bool = True, loop: bool = False) -> None:
        """EmoliveError if the file cannot be played at all."""
        self._path = Path(path)
        self._info = probe(self._path)
        self._paced = paced
        self._loop = loop
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._damage: str | None = None
        self._shown_ns: int | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Begin to play from the start of the file; a source plays once."""
        if self._thread is not None:
            raise RuntimeError("a source can be started only once")
        start_ns = now_ns() if start_ns is None else start_ns
        self._thread = threading.Thread(
            target=self._run, args=(listener, start_ns), name="emolive-media", daemon=True
        )
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop playing; False if the thread, or a listener that holds it, did not end in time."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self, listener: Listener, start_ns: int) -> None:
        self._tell(listener, "ok", "live", f"Playing {self._info.name}.")
        try:
            for item in self._rounds():
                if not self._wait(start_ns + item.t_ns):
                    return
                self._deliver(listener, item, start_ns + item.t_ns)
        except EmoliveError as error:
            self._tell(listener, "error", "damaged", str(error))
        else:
            if self._damage is None:
                self._tell(listener, "info", "ended", f"{self._info.name} has played to its end.")
            else:
                self._tell(listener, "warning", "damaged", self._damage)
        listener.on_end()

    def _rounds(self) -> Iterator[Frame | AudioBlock]:
        """The file once, or in a loop round after round; stamps and indices go on increasing."""
        round_ns = frames = sound_end_ns = 0
        for turn in itertools.count():
            end_ns = round_ns + 1
            step_ns, last_ns = NS_PER_S // 30, round_ns
            for item in iter_media(self._path, on_damage=self._on_damage):
                t_ns = round_ns + item.t_ns
                if isinstance(item, Frame):
                    if t_ns > last_ns:
                        step_ns, last_ns = t_ns - last_ns, t_ns
                    end_ns = max(end_ns, t_ns + step_ns)
                    yield Frame(t_ns, item.image_source, frames)
                    frames += 1
                    continue
                block = AudioBlock(t_ns, item.samples, item.rate_hz)
                if turn and (seam := fill_gap(block, sound_end_ns)):
                    yield seam
                yield block
                sound_end_ns = t_ns + len(item.samples) * NS_PER_S // item.rate_hz
                end_ns = max(end_ns, sound_end_ns)
            if not self._loop:
                return
            round_ns = end_ns

    def _wait(self, t_ns: int) -> bool:
        """Wait until `t_ns` if paced; False if stopped."""
        wait_ns = t_ns - now_ns() if self._paced else 0
        return not (self._stop.wait(to_s(wait_ns)) if wait_ns > 0 else self._stop.is_set())

    def _deliver(self, listener: Listener, item: Frame | AudioBlock, t_ns: int) -> None:
        if isinstance(item, AudioBlock):
            listener.on_audio(AudioBlock(t_ns, item.samples, item.rate_hz))
            return
        late = self._paced and now_ns() - t_ns > _LATE_NS
        if late and self._shown_ns is not None and t_ns - self._shown_ns < _PICTURE_NS:
            return
        self._shown_ns = t_ns
        if self._paced:
            # Here, in the source's own thread, so that nobody who only wants to paint has to wait for it.
            _ = item.image
        listener.on_frame(Frame(t_ns, item.image_source, item.index))

    def _on_damage(self, text: str) -> None:
        self._damage = text

    def _tell(self, listener: Listener, level: Severity, code: str, text: str) -> None:
        for chip, there, what in (
            ("camera", self._info.has_video, "picture"),
            ("microphone", self._info.has_audio, "sound"),
        ):
            if there:
                listener.on_status(Status(chip, level, code, text))
            elif code == "live":
                listener.on_status(Status(chip, "info", "none", f"{self._info.name} has no {what}."))
