"""All state of one source, from the first frame to the newest estimate."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emolive.audio.levels import SILENCE_DBFS
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.buffers.latest_slot import LatestSlot
from emolive.capture.base import Source, SourceInfo
from emolive.clock import Watchdog, now_ns, seconds_until, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.faults import log_fault, one_line
from emolive.session.status import StatusRegistry
from emolive.snapshot import Counters, WindowExplanation
from emolive.types import Estimate, FaceObservation, Frame, Status
from emolive.vision.lips import LipTrack

if TYPE_CHECKING:
    from emolive.audio.online_features import OnlineFeatureExtractor
    from emolive.profile import SpeakerProfile
    from emolive.recording.recorder import Recorder
    from emolive.session.calibration import Calibration
    from emolive.session.stream_listener import StreamListener
    from emolive.smoothing import Smoother
    from emolive.vision.frame_sampler import FrameSampler

log = logging.getLogger(__name__)

HISTORY_MARGIN_S = 4.0
"""The buffers hold a window and this much more, so that a late reader still finds its window."""
READ_AHEAD_S = 1.0
"""How far a source that is not paced may be ahead of inference; less than the margin."""
WATCH_S = 0.1
"""How often it is checked whether the parts of a stream still deliver."""
KEPT_LIPS = 1000
"""Frames for which the lips are remembered: those of the longest window."""
METER_S = 0.5
"""A level is shown for so long after its sound."""


def _watchdog() -> Watchdog:
    return Watchdog(WATCH_S)


@dataclass(slots=True)
class VideoFeatures:
    """The output of the perception thread for one face pipeline."""

    space: Hashable
    """What measured the vectors; inference reads them only for a model of the same."""
    buffer: FeatureBuffer
    sampler: FrameSampler
    expressions: FeatureBuffer | None = None
    """Log-probabilities of the expression classifier, if there is one."""
    qualities: FeatureBuffer | None = None
    """How well the face could be seen where it was classified, see `emolive.hints`."""

    def extend_to(self, seconds: float) -> None:
        """Keep at least this much from now on."""
        self.buffer.extend_to(seconds)
        for buffer in (self.expressions, self.qualities):
            if buffer is not None:
                buffer.extend_to(seconds)


@dataclass(slots=True, eq=False)
class Stream:
    """All state of one source. Made when the source is opened, dropped when another one takes its place.

    Every field has one writing thread, named at its group; all others only read it.
    """

    source: str
    """What was opened, without passwords; estimates carry it."""
    video_info: SourceInfo | None
    """Of the source that delivers frames, if any."""
    audio_info: SourceInfo | None
    """Of the source that delivers audio, if any."""
    realtime: bool
    """Follows the clock: what is late is dropped. Otherwise the source waits for inference."""
    has_video: bool
    """Frames are delivered."""
    window_s: float
    """The length of the model's window, which determines that of the buffers."""
    lasting_source: str = ""
    lasting_mic: str = ""
    """How to open the same devices again, whose indices may have changed; "" if nothing is to be said."""
    av_offset_ns: int = 0
    """By how much sound is moved to later times against the picture."""
    previous: Counters = field(default_factory=Counters)
    """Counters of the session's earlier streams."""

    # Set once, by the thread that opens and starts the stream.
    sources: list[tuple[Source, StreamListener]] = field(default_factory=list)
    origin_ns: int = field(default_factory=now_ns)
    """The source's time 0; windows end at whole bins from here."""
    started: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """The stream was closed; what still arrives is ignored."""
    statuses: StatusRegistry = field(default_factory=StatusRegistry)
    """Of camera, microphone, face and voice."""

    # The threads that start and end a recording.
    tap: Recorder | None = None
    """Also gets what is delivered."""

    # The source's threads.
    frame: Frame | None = None
    frame_slot: LatestSlot[Frame] = field(default_factory=LatestSlot)
    frames_captured: int = 0
    audio: AudioRingBuffer | None = None
    audio_dbfs: float = SILENCE_DBFS
    delivered_ns: int = -1
    """Timestamp of the newest frame or block."""
    frame_arrived_ns: int | None = None
    audio_arrived_ns: int | None = None
    """When the newest frame and block were delivered."""
    samples_refused: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    """The source has delivered everything."""

    # The perception thread.
    features: VideoFeatures | None = None
    observation: FaceObservation | None = None
    lips: LipTrack = field(default_factory=lambda: LipTrack(KEPT_LIPS))
    """Of the face that is read."""
    frames_perceived: int = 0
    faces_refused: int = 0
    processed_ns: int | None = None
    """Timestamp of the newest frame that perception is done with."""

    # The inference thread.
    bin_index: int = 1
    """The next window ends at the end of the bin before this one, counted from the origin."""
    read_limit_ns: int = 0
    """A source that is not paced waits before it delivers anything later than this."""
    profile: SpeakerProfile | None = None
    extractor: OnlineFeatureExtractor | None = None
    smoother: Smoother | None = None
    calibration: Calibration | None = None
    calibrated: bool = False
    """The neutral baseline in `profile` was measured on this source and belongs to it alone."""
    doubted: str = ""
    """How the face looked in the last calibration if that was doubted, as an adjective."""
    estimate: Estimate | None = None
    comparison: tuple[Estimate, ...] = ()
    """Of the other models, for the window of `estimate`."""
    explanation: WindowExplanation | None = None
    """Of the newest estimate, while explanations are wanted."""
    estimates: int = 0
    estimates_skipped: int = 0
    answers_refused: int = 0
    finished: threading.Event = field(default_factory=threading.Event)
    """The source has ended and everything of it was read."""

    # The watch's thread; the watchdogs are fed by the source's threads and by inference.
    video_lost: bool = False
    audio_lost: bool = False
    """A device no longer delivers."""
    frame_watch: Watchdog = field(default_factory=_watchdog)
    audio_watch: Watchdog = field(default_factory=_watchdog)
    inference_watch: Watchdog = field(default_factory=_watchdog)

    _history_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_live(self) -> bool:
        """Whether a device delivers."""
        return any(info is not None and info.live for info in (self.video_info, self.audio_info))

    @property
    def shows_user(self) -> bool:
        """Whether devices alone deliver, so that it is the person in front of them who is seen and heard.

        What is learned from a file or from the drawn demo must not become theirs.
        """
        return self.is_live and all(
            info is None or (info.live and not info.is_synthetic)
            for info in (self.video_info, self.audio_info)
        )

    @property
    def is_synthetic(self) -> bool:
        return self.video_info is not None and self.video_info.is_synthetic

    @property
    def history_s(self) -> float:
        """How much of both streams the buffers hold."""
        return self.window_s + HISTORY_MARGIN_S

    @property
    def counters(self) -> Counters:
        """Of this stream and the session's earlier ones."""
        before = self.previous
        return Counters(
            frames_captured=before.frames_captured + self.frames_captured,
            frames_perceived=before.frames_perceived + self.frames_perceived,
            frames_dropped=before.frames_dropped + self.frame_slot.dropped,
            estimates=before.estimates + self.estimates,
            estimates_skipped=before.estimates_skipped + self.estimates_skipped,
            samples_refused=before.samples_refused + self.samples_refused,
            faces_refused=before.faces_refused + self.faces_refused,
            answers_refused=before.answers_refused + self.answers_refused,
        )

    @property
    def level_dbfs(self) -> float:
        """Level of the present sound: silence once no more comes."""
        age_s = self.age_s(self.audio_arrived_ns, self.audio_info)
        return self.audio_dbfs if age_s is None or age_s <= METER_S else SILENCE_DBFS

    def age_s(self, arrived_ns: int | None, info: SourceInfo | None) -> float | None:
        """How long ago a device delivered something; None for a file, and before the first delivery."""
        if arrived_ns is None or info is None or not info.live:
            return None
        return to_s(max(0, now_ns() - arrived_ns))

    def require_window(self, window_s: float) -> None:
        """Let the buffers hold windows of this length. From any thread."""
        with self._history_lock:
            self.window_s = max(self.window_s, window_s)
            if self.audio is not None:
                self.audio.extend_to(self.history_s)
            if self.features is not None:
                self.features.extend_to(self.history_s)

    def start(self) -> None:
        """Start the sources; the stream's time begins now."""
        self.origin_ns = now_ns()
        self.read_limit_ns = self.origin_ns + to_ns(READ_AHEAD_S)
        self.started.set()
        for watchdog in (self.frame_watch, self.audio_watch, self.inference_watch):
            watchdog.reset()
        for source, listener in self.sources:
            try:
                source.start(listener, self.origin_ns)
            except Exception as error:
                if not isinstance(error, EmoliveError):
                    log_fault(log, f"{source.info.name} cannot be started", error)
                part = "camera" if source.info.has_video else "microphone"
                self.statuses.put(Status(part, "error", "missing", one_line(error) + "."))

    def stop(self, deadline_ns: int) -> bool:
        """Stop the sources; waiting threads wake up, late deliveries are ignored.

        Returns:
            False if a thread of a source did not end by `deadline_ns`; it is a daemon.
        """
        self.cancelled.set()
        self.frame_slot.close()
        if not self.started.is_set():
            return True
        # All at once: a device that hangs must not use up the others' time.
        stops = [
            threading.Thread(target=_stop, args=(source, deadline_ns), name="emolive-stop", daemon=True)
            for source, _ in self.sources
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(seconds_until(deadline_ns, 0.05))
        return not any(stop.is_alive() for stop in stops)


def _stop(source: Source, deadline_ns: int) -> None:
    try:
        source.stop(seconds_until(deadline_ns, 0.05))
    except Exception as error:
        log_fault(log, f"{source.info.name} cannot be stopped", error)
