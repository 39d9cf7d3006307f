"""A media file as a source: played by its own timestamps."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from emolive.capture.audio_blocks import fill_gap
from emolive.capture.base import Listener, ThreadedSource
from emolive.capture.decode import iter_media, probe, read_audio
from emolive.capture.source_spec import SourceSpec
from emolive.clock import NS_PER_S, now_ns
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame, Severity, Status

__all__ = ["MediaFileSource", "iter_media", "probe", "read_audio"]

_LATE_NS = 200_000_000
"""A frame this late is dropped."""
_MAX_DROP_NS = NS_PER_S
"""At least one frame in this time is delivered, however late."""


class MediaFileSource(ThreadedSource):
    """Plays a media file; timestamps are `start_ns` plus the time in the file.

    Statuses of "camera" and "microphone": live, none (the file has no such stream), ended, damaged.

    Args:
        path: the file.
        paced: keep to the clock and drop late frames; False: deliver everything as fast as the listener takes
            it.
        loop: play again at the end; timestamps and frame indices go on increasing.

    Raises:
        MediaError: the file cannot be played at all.
    """

    def __init__(self, path: Path | str, paced: bool = True, loop: bool = False) -> None:
        self._path = Path(path)
        super().__init__(probe(self._path))
        self._paced = paced
        self._loop = loop
        self._corruption: str | None = None
        self._delivered_frame_ns: int | None = None

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        return cls(os.path.expanduser(spec.value), paced, loop)  # noqa: PTH111

    def _run(self, listener: Listener, start_ns: int) -> None:
        self._report_streams(listener, "ok", "live", f"Playing {self._info.name}.")
        try:
            for item in self._items():
                t_ns = start_ns + item.t_ns
                if not self._wait_until(t_ns if self._paced else 0):
                    return
                self._deliver(listener, item, t_ns)
        except EmoliveError as error:
            self._report_streams(listener, "error", "damaged", str(error))
        else:
            if self._corruption is None:
                self._report_streams(listener, "info", "ended", f"{self._info.name} has played to its end.")
            else:
                self._report_streams(listener, "warning", "damaged", self._corruption)
        if not self._stopping.is_set():
            listener.on_end()

    def _items(self) -> Iterator[Frame | AudioBlock]:
        """The file once, or again and again; timestamps and frame indices go on increasing."""
        pass_start_ns = frames = audio_end_ns = 0
        for turn in itertools.count():
            end_ns = pass_start_ns + 1
            step_ns, last_ns = NS_PER_S // 30, pass_start_ns
            for item in iter_media(self._path, on_corruption=self._on_corruption):
                t_ns = pass_start_ns + item.t_ns
                if isinstance(item, Frame):
                    if t_ns > last_ns:
                        step_ns, last_ns = t_ns - last_ns, t_ns
                    end_ns = max(end_ns, t_ns + step_ns)
                    yield Frame(t_ns, item.image_source, frames)
                    frames += 1
                    continue
                block = AudioBlock(t_ns, item.samples, item.rate_hz)
                if turn and (gap := fill_gap(block, audio_end_ns)):
                    yield gap
                yield block
                audio_end_ns = t_ns + len(item.samples) * NS_PER_S // item.rate_hz
                end_ns = max(end_ns, audio_end_ns)
            if not self._loop:
                return
            pass_start_ns = end_ns

    def _deliver(self, listener: Listener, item: Frame | AudioBlock, t_ns: int) -> None:
        if isinstance(item, AudioBlock):
            listener.on_audio(AudioBlock(t_ns, item.samples, item.rate_hz))
            return
        late = self._paced and now_ns() - t_ns > _LATE_NS
        if late and self._delivered_frame_ns is not None and t_ns - self._delivered_frame_ns < _MAX_DROP_NS:
            return
        self._delivered_frame_ns = t_ns
        if self._paced:
            # Converted here to keep the work out of the GUI thread.
            _ = item.image
        listener.on_frame(Frame(t_ns, item.image_source, item.index))

    def _on_corruption(self, text: str) -> None:
        self._corruption = text

    def _report_streams(self, listener: Listener, level: Severity, code: str, text: str) -> None:
        """Report the same of each stream that the file has, and once which it has not."""
        for status_source, present, name in (
            ("camera", self._info.has_video, "picture"),
            ("microphone", self._info.has_audio, "sound"),
        ):
            if present:
                listener.on_status(Status(status_source, level, code, text))
            elif code == "live":
                listener.on_status(Status(status_source, "info", "none", f"{self._info.name} has no {name}."))
