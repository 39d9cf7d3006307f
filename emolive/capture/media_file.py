"""A media file as a source: played by its own timestamps."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Self

from emolive.capture.audio_blocks import fill_gap
from emolive.capture.base import Listener, ThreadedSource
from emolive.capture.container import Media, NetworkFile, media_of
from emolive.capture.decode import iter_media, probe, read_audio
from emolive.capture.media_reader import MediaReader
from emolive.capture.paced import DecoderPolicy, Player
from emolive.capture.source_spec import SourceSpec
from emolive.capture.tracks import TrackChoice
from emolive.clock import NS_PER_S
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame, Severity, Status

__all__ = ["MediaFileSource", "iter_media", "probe", "read_audio"]


class MediaFileSource(ThreadedSource):
    """Plays a media file, also one at a network address; timestamps are `start_ns` plus the time in the file.

    Statuses of "camera" and "microphone": live, none (the file has no such stream), slow (pictures are left
    out because they are decoded more slowly than they play), ended, damaged.

    Args:
        path: the file or its address.
        paced: keep to the clock and drop late frames; False: deliver everything as fast as the listener takes
            it.
        loop: play again at the end; timestamps and frame indices go on increasing.
        track: which of several tracks, see `TrackChoice.parse`.

    Raises:
        MediaError: the file cannot be played at all.
        ConfigError: `track` names none.
    """

    def __init__(self, path: Media | str, paced: bool = True, loop: bool = False, track: str = "") -> None:
        self._media = media_of(path)
        self._tracks = TrackChoice.parse(track)
        super().__init__(probe(self._media, self._tracks))
        self._paced = paced
        self._loop = loop
        self._corruption: str | None = None

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        if spec.kind == "stream":
            return cls(media_of(spec), paced, loop, spec.track)
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        return cls(os.path.expanduser(spec.value), paced, loop, spec.track)  # noqa: PTH111

    def _run(self, listener: Listener, start_ns: int) -> None:
        self._report_streams(listener, "ok", "live", f"Playing {self._info.name}.")
        try:
            is_complete = (self._play if self._paced else self._read)(listener, start_ns)
        except EmoliveError as error:
            self._report_streams(listener, "error", "damaged", str(error))
        else:
            if not is_complete:
                return
            if self._corruption is None:
                self._report_streams(listener, "info", "ended", f"{self._info.name} has played to its end.")
            else:
                self._report_streams(listener, "warning", "damaged", self._corruption)
        if not self._stopping.is_set():
            listener.on_end()

    def _read(self, listener: Listener, start_ns: int) -> bool:
        """Deliver everything as fast as the listener takes it; False if it was stopped before."""
        cursor = _Cursor()
        for turn in itertools.count():
            media = iter_media(
                self._media,
                on_corruption=self._on_corruption,
                on_notice=None if turn else self._notice_to(listener),
                tracks=self._tracks,
            )
            for item in media:
                if self._stopping.is_set():
                    return False
                for placed in cursor.place(item):
                    _deliver(listener, placed, start_ns + placed.t_ns)
            if not self._loop:
                return True
            cursor.begin_again()
        return True

    def _play(self, listener: Listener, start_ns: int) -> bool:
        """Deliver everything when it is due; False if it was stopped before."""
        cursor = _Cursor()
        policy = DecoderPolicy(lambda: self._report_slow(listener))
        has_items = False

        def deliver(item: Frame | AudioBlock, due_ns: int) -> None:
            nonlocal has_items
            has_items = True
            # The player's correction of gaps is part of `due_ns`.
            t_ns = due_ns - start_ns - cursor.pass_start_ns
            for placed in cursor.place(replace(item, t_ns=t_ns)):
                _deliver(listener, placed, start_ns + placed.t_ns)

        for turn in itertools.count():
            has_items = False
            notice = None if turn else self._notice_to(listener)
            reader = MediaReader.open(self._media, self._tracks, self._on_corruption, notice)
            streams: list[Iterator[Frame | AudioBlock]] = [reader.audio()] if reader.has_audio else []
            if reader.has_video:
                streams.append(reader.video(policy))
            player = Player(
                streams,
                start_ns + cursor.pass_start_ns,
                deliver,
                reader.on_jump,
                self._stopping,
                may_starve=isinstance(self._media, NetworkFile),
                policy=policy,
            )
            if not player.run():
                return False
            reader.check_end()
            if not has_items:
                raise reader.nothing_decoded()
            if not self._loop:
                return True
            cursor.begin_again()
        return True

    def _notice_to(self, listener: Listener) -> Callable[[str], None]:
        """Reports what was chosen or corrected as a status of the parts that play."""
        return lambda text: self._report_streams(listener, "info", "live", text)

    def _report_slow(self, listener: Listener) -> None:
        text = f"This computer is too slow for {self._info.name}: some of its pictures are left out."
        listener.on_status(Status("camera", "warning", "slow", text))

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


class _Cursor:
    """Where the next item goes, over all passes of a loop; timestamps and frame indices go on increasing."""

    def __init__(self) -> None:
        self.pass_start_ns = 0
        self._end_ns = 1
        self._step_ns, self._frame_ns = NS_PER_S // 30, 0
        self._audio_end_ns: int | None = None
        self._has_looped = False
        self._first_index = self._n_frames = 0

    def place(self, item: Frame | AudioBlock) -> Iterator[Frame | AudioBlock]:
        """An item of this pass at its place, after what fills a gap to the pass before."""
        t_ns = self.pass_start_ns + item.t_ns
        if isinstance(item, Frame):
            if t_ns > self._frame_ns:
                self._step_ns, self._frame_ns = min(t_ns - self._frame_ns, NS_PER_S), t_ns
            self._end_ns = max(self._end_ns, t_ns + self._step_ns)
            index = self._first_index + item.index
            self._n_frames = max(self._n_frames, index + 1)
            yield Frame(t_ns, item.image_source, index)
            return
        block = AudioBlock(t_ns, item.samples, item.rate_hz)
        if self._has_looped and self._audio_end_ns is not None:
            gap = fill_gap(block, self._audio_end_ns)
            if gap is not None:
                yield gap
        yield block
        self._audio_end_ns = t_ns + len(item.samples) * NS_PER_S // item.rate_hz
        self._end_ns = max(self._end_ns, self._audio_end_ns)

    def begin_again(self) -> None:
        """The next pass begins where this one ended."""
        self.pass_start_ns, self._frame_ns = self._end_ns, self._end_ns
        self._end_ns += 1
        self._first_index, self._has_looped = self._n_frames, True


def _deliver(listener: Listener, item: Frame | AudioBlock, t_ns: int) -> None:
    if isinstance(item, Frame):
        listener.on_frame(Frame(t_ns, item.image_source, item.index))
    else:
        listener.on_audio(AudioBlock(t_ns, item.samples, item.rate_hz))
