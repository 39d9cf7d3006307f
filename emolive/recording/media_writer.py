"""Writes pictures and sound into an mp4 file that stays playable whenever the process ends."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emolive.clock import NS_PER_S
from emolive.errors import OutputError
from emolive.recording.audio_track import AudioTrack
from emolive.types import AudioBlock, FloatArray, Frame, Image

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

RATE_HZ = 48_000
AUDIO_BIT_RATE = 160_000
PRIMING = 1024
"""Samples that the AAC encoder puts before the first one. The first sample is due this much after the start,
so that the file begins at time 0 and needs no edit list."""
TIME_BASE = Fraction(1, 90_000)
KEY_FRAME_INTERVAL = 30
FRAGMENT_S = 1.0
"""At most this much is lost when the process is killed."""
_VIDEO_CODECS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "veryfast", "tune": "zerolatency", "crf": "20"}),
    ("mpeg4", {"qscale": "3"}),
)
"""Tried in order; FFmpeg can be built without the first."""
_CONTAINER_OPTIONS = {
    # Fragments while it is written, an ordinary file once it is closed.
    "movflags": "hybrid_fragmented+frag_keyframe+default_base_moof",
    "frag_duration": str(round(FRAGMENT_S * 1_000_000)),
    "flush_packets": "1",
}


class MediaWriter:
    """An mp4 file with real timestamps. For one thread.

    A picture of another size is scaled into the size of the first one with its aspect ratio; sound of any
    rate becomes 48 kHz mono. Sound without a picture, or the reverse, is allowed.

    Args:
        path: the file; it must not exist.
        start_ns: time 0 of the file, on the clock of the frames. What is earlier is left out.
        size: (width, height) of the pictures; None for a file without video.
        audio: whether the file has a sound track.

    Raises:
        OutputError: the file cannot be created.
    """

    def __init__(self, path: Path, start_ns: int, *, size: tuple[int, int] | None, audio: bool) -> None:
        import av

        self.start_ns = start_ns
        self.n_frames = 0
        self._path = path
        self._size = None if size is None else (max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2))
        self._pts = -1
        self._n_sent = 0
        """Samples passed to the encoder."""
        self._track = AudioTrack(RATE_HZ, start_ns + round(PRIMING * NS_PER_S / RATE_HZ))
        try:
            with path.open("xb"):
                pass
            self._container: OutputContainer = av.open(
                f"file:{path}", "w", format="mp4", options=_CONTAINER_OPTIONS
            )
            self._video = None if self._size is None else _add_video(self._container, self._size)
            self._audio = _add_audio(self._container) if audio else None
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{path} cannot be written: {_reason(error)}.") from error

    @property
    def audio_s(self) -> float:
        """Length of the sound track so far."""
        return self._track.duration_s if self._audio is not None else 0.0

    def write_frame(self, frame: Frame) -> None:
        """Encode a frame at its time; one that is not later than the one before is left out.

        Raises:
            OutputError: the disk is full or gone.
        """
        pts = round((frame.t_ns - self.start_ns) * TIME_BASE.denominator / NS_PER_S)
        if self._video is None or pts < 0:
            return
        if self.n_frames == 0 and pts > 0:
            # A track begins with its first picture: without this one, the others would move to the front.
            assert self._size is not None
            self._encode(np.zeros((self._size[1], self._size[0], 3), np.uint8), 0)
        if pts > self._pts:
            self._encode(frame.image, pts)

    def write_audio(self, block: AudioBlock) -> None:
        """Encode a block at its time; gaps are filled with silence.

        Raises:
            OutputError: the disk is full or gone.
        """
        if self._audio is not None:
            samples = self._track.add(block)
            if len(samples):
                self._encode_audio(samples)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: it could not be finished; what was written before can be played.
        """
        import av

        try:
            try:
                for stream in (self._video, self._audio):
                    # An encoder that was given nothing has nothing to flush.
                    if stream is not None and (self.n_frames if stream is self._video else self._n_sent):
                        self._container.mux(stream.encode(None))
            finally:
                self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path} cannot be finished: {_reason(error)}.") from error

    def _encode(self, image: Image, pts: int) -> None:
        import av

        assert self._video is not None
        assert self._size is not None
        picture = av.VideoFrame.from_ndarray(fit(image, self._size), format="bgr24")
        picture.pts, picture.time_base = pts, TIME_BASE
        self._mux(self._video, picture)
        self._pts = pts
        self.n_frames += 1

    def _encode_audio(self, samples: FloatArray) -> None:
        import av

        for first in range(0, len(samples), RATE_HZ):
            part = np.ascontiguousarray(samples[None, first : first + RATE_HZ], np.float32)
            sound = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            sound.sample_rate, sound.time_base = RATE_HZ, Fraction(1, RATE_HZ)
            sound.pts = PRIMING + self._n_sent
            self._n_sent += part.shape[1]
            self._mux(self._audio, sound)

    def _mux(self, stream: Any, frame: Any) -> None:
        import av

        try:
            self._container.mux(stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"{self._path} cannot be written: {_reason(error)}.") from error


def fit(image: Image, size: tuple[int, int]) -> Image:
    """An image (h, w, 3) in another size (width, height): scaled as a whole, black beside it."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    if 0 <= width - size[0] <= 1 and 0 <= height - size[1] <= 1:
        # Odd sizes lose a row or column: the codec needs even ones.
        return np.ascontiguousarray(image[: size[1], : size[0]])
    from emolive._compat.opencv import cv2

    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    result = np.zeros((size[1], size[0], 3), np.uint8)
    result[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner)
    return result


def _add_video(container: OutputContainer, size: tuple[int, int]) -> VideoStream:
    import av

    error: Exception | None = None
    for codec, options in _VIDEO_CODECS:
        try:
            stream = cast(
                "VideoStream",
                container.add_stream(codec, rate=30, options={**options, "g": str(KEY_FRAME_INTERVAL)}),
            )
        except (av.FFmpegError, ValueError) as reason:
            error = reason
            continue
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        # The source, perception and inference need the other cores.
        stream.codec_context.thread_count = 1
        return stream
    raise OutputError(f"No video encoder is available: install a complete build of PyAV ({error}).")


def _add_audio(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
    stream.bit_rate = AUDIO_BIT_RATE
    return stream


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]
