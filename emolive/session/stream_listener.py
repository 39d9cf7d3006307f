"""The delivery of a source into a stream: the seam at which frames and sound are checked and stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emolive.audio.levels import rms_dbfs
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.capture.av_offset import audio_shift_ns, video_shift_ns
from emolive.clock import now_ns
from emolive.plausibility import plausible_samples
from emolive.types import AudioBlock, Frame, Status

if TYPE_CHECKING:
    from emolive.session.stream import Stream

BAD_SOUND = "The sound holds values that can be no sound and are left out."
_POLL_S = 0.004


class StreamListener:
    """Delivers a source to a stream.

    Args:
        stream: where to.
        video: whether its frames are used.
        audio: whether its audio is used.
    """

    def __init__(self, stream: Stream, *, video: bool = True, audio: bool = True) -> None:
        self._stream = stream
        self._video, self._audio = video, audio

    @property
    def uses_video(self) -> bool:
        """Whether frames of the source are used."""
        return self._video

    @property
    def uses_audio(self) -> bool:
        """Whether sound of the source is used."""
        return self._audio

    def on_frame(self, frame: Frame) -> None:
        """Store a frame for perception; waits for perception if the stream is not in real time."""
        stream = self._stream
        if not self._video or stream.cancelled.is_set():
            return
        if by_ns := video_shift_ns(stream.av_offset_ns):
            frame = replace(frame, t_ns=frame.t_ns + by_ns)
        if not stream.realtime:
            self._wait_for_reader(frame.t_ns)
        stream.frame, stream.frame_arrived_ns = frame, now_ns()
        stream.frame_watch.feed()
        stream.frames_captured += 1
        stream.frame_slot.put(frame, wait=not stream.realtime)
        stream.delivered_ns = frame.t_ns
        if stream.tap is not None:
            stream.tap.add_frame(frame, wait=not stream.realtime)

    def on_audio(self, block: AudioBlock) -> None:
        """Append a block to the ring; a block of another rate starts a new one."""
        stream = self._stream
        if not self._audio or stream.cancelled.is_set():
            return
        if by_ns := audio_shift_ns(stream.av_offset_ns):
            block = replace(block, t_ns=block.t_ns + by_ns)
        if not stream.realtime:
            self._wait_for_reader(block.t_ns)
        ring = stream.audio
        if ring is None or ring.rate_hz != block.rate_hz:
            ring = stream.audio = AudioRingBuffer(block.rate_hz, stream.history_s)
            # The window may have become longer meanwhile.
            ring.extend_to(stream.history_s)
        samples, present = block.samples, plausible_samples(block.samples)
        if present is not None:
            samples = np.where(present, samples, np.float32(0))
            stream.samples_refused += len(present) - int(np.count_nonzero(present))
            stream.statuses.put_passing(Status("microphone", "warning", "implausible", BAD_SOUND))
        ring.write(samples, block.t_ns, present, lost_before=block.lost_before)
        stream.audio_arrived_ns = now_ns()
        stream.audio_watch.feed()
        stream.audio_dbfs = rms_dbfs(samples)
        stream.delivered_ns = block.t_ns
        if stream.tap is not None:
            stream.tap.add_audio(replace(block, samples=samples), wait=not stream.realtime)

    def on_status(self, status: Status) -> None:
        """Store a status, unless it is of a part that another source delivers."""
        accepted = {"camera": self._video, "microphone": self._audio}.get(status.source, True)
        if accepted and not self._stream.cancelled.is_set():
            self._stream.statuses.put(status)

    def on_end(self) -> None:
        """Everything was delivered."""
        if not self._stream.cancelled.is_set():
            self._stream.ended.set()

    def _wait_for_reader(self, t_ns: int) -> None:
        stream = self._stream
        while t_ns > stream.read_limit_ns and not stream.cancelled.wait(_POLL_S):
            pass
