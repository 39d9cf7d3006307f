"""One uninterrupted run of a source, and everything that is known of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from emolive.audio.levels import SILENCE_DBFS, rms_dbfs
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.buffers.latest_slot import LatestSlot
from emolive.capture.base import SourceInfo
from emolive.clock import now_ns
from emolive.types import AudioBlock, FaceObservation, Frame, Status

RING_S = 8.0
"""How much of both streams is kept: two windows and some."""
VECTORS_PER_S = 32


@dataclass(slots=True)
class FeatureStream:
    """What perception has made of a take, with the one measure its vectors have."""

    vectors: FeatureBuffer
    newest: FaceObservation | None = None


class StreamBuffers:
    """Everything that begins anew with a source: the clock's origin, mailbox, rings and counters.

    Written by the sources' threads and by perception; read by inference and by snapshots.
    """

    def __init__(self, info: SourceInfo | None, mic: SourceInfo | None, source: str = "") -> None:
        self.source = source
        """The source as it was opened; estimates name it."""
        self.info = info
        """Where the picture comes from, if from anywhere."""
        self.mic = mic
        """Where the sound comes from, if from anywhere."""
        self.origin_ns = now_ns()
        """Stamp of the source's time 0; windows end at whole bins from here. Set when it starts."""
        self.latest_frame: LatestSlot[Frame] = LatestSlot()
        self.features: FeatureStream | None = None
        self.sound: AudioRingBuffer | None = None
        self.frame: Frame | None = None
        self.frames = 0
        self.perceived = 0
        self.level_dbfs = SILENCE_DBFS
        self.ended = threading.Event()
        self.over = threading.Event()
        """Set when the take was replaced: what still arrives for it is dropped."""

    @property
    def live(self) -> bool:
        """Whether a device delivers, so that waiting for late evidence must have an end."""
        return any(info is not None and info.live for info in (self.info, self.mic))

    @property
    def has_video(self) -> bool:
        return self.info is not None and self.info.has_video

    def begin_sight(self, width: int) -> None:
        """Take up vectors of another width: those before are of another measure."""
        self.features = FeatureStream(FeatureBuffer(round(RING_S * VECTORS_PER_S), width))

    def add_frame(self, frame: Frame) -> None:
        self.frame = frame
        self.frames += 1

    def add_sound(self, block: AudioBlock) -> None:
        """Append a block; another rate than before begins a new ring."""
        if self.sound is None or self.sound.rate_hz != block.rate_hz:
            self.sound = AudioRingBuffer(block.rate_hz, RING_S)
        self.sound.write(block.samples, block.t_ns)
        self.level_dbfs = rms_dbfs(block.samples)

    def add_observation(self, observation: FaceObservation) -> None:
        """Take in what perception made of a frame."""
        if (features := self.features) is not None:
            features.vectors.append(observation.t_ns, observation.features)
            features.newest = observation
            self.perceived += 1

    def close(self) -> None:
        """Let go: waiting threads wake up, late deliveries are ignored."""
        self.over.set()
        self.latest_frame.close()


class StatusRegistry:
    """The newest status of each part of a session, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Status] = {}

    def put(self, status: Status) -> None:
        with self._lock:
            self._newest[status.source] = status

    def drop(self, source: str) -> None:
        with self._lock:
            self._newest.pop(source, None)

    def all(self) -> tuple[Status, ...]:
        with self._lock:
            return tuple(self._newest.values())

    def get(self, source: str) -> Status | None:
        with self._lock:
            return self._newest.get(source)
