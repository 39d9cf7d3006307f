"""Decoded FFmpeg frames as arrays: what a decoder states is checked before memory is read by it.

A damaged file can give frames of a format, a size or a layout that its header does not state, and PyAV counts
the planes of an audio frame by looking for a null pointer, which frames of eight and more planes do not have:
reading those as they are ends the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolive.errors import MediaError
from emolive.types import FloatArray

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.video.frame import VideoFrame

MAX_CHANNELS = 32
"""More than any recorder writes (22.2 surround has 24); a frame with more is damaged."""
MAX_RATE_HZ = 768_000
MAX_FRAME_SAMPLES = 1 << 22
"""Per channel in one frame."""
MAX_SIDE_PX = 16_384
MAX_PIXELS = 1 << 26
"""8192 x 8192, which are 200 MB in BGR."""
_MAX_PLANES = 7
"""PyAV can read so many planes of an audio frame (see above)."""
_DTYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def check_video(frame: VideoFrame) -> None:
    """Check that a picture can be converted.

    Raises:
        MediaError: its size or format is not plausible.
    """
    width, height = frame.width, frame.height
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX and width * height <= MAX_PIXELS):
        raise MediaError(f"a picture of {width} x {height} cannot be read.")
    if frame.format is None or not frame.format.name:
        raise MediaError("a picture of an unknown format cannot be read.")


def check_audio(frame: AudioFrame) -> None:
    """Check that a frame of sound can be read.

    Raises:
        MediaError: its layout, rate or length is not plausible.
    """
    channels = frame.layout.nb_channels
    if not 0 < channels <= MAX_CHANNELS:
        raise MediaError(f"sound of {channels} channels cannot be read.")
    if not 0 < frame.sample_rate <= MAX_RATE_HZ:
        raise MediaError(f"sound of {frame.sample_rate} Hz cannot be read.")
    if not 0 <= frame.samples <= MAX_FRAME_SAMPLES:
        raise MediaError(f"a frame of {frame.samples} samples cannot be read.")
    if frame.format is None or not frame.format.name:
        raise MediaError("sound of an unknown format cannot be read.")


def channels_of(frame: AudioFrame) -> FloatArray:
    """The channels of a decoded frame.

    Returns:
        (channels, n) float32 in -1..1. May hold values that are not finite, if the file does.

    Raises:
        MediaError: the frame is not plausible, or holds less than it states.
    """
    import av

    check_audio(frame)
    channels = frame.layout.nb_channels
    planar = frame.format.is_planar
    name = frame.format.name
    try:
        if (planar and channels > _MAX_PLANES) or name.removesuffix("p") not in _DTYPES:
            return _packed_floats(frame)
        raw: NDArray[Any] = frame.to_ndarray()
        raw = raw.reshape(channels, -1) if planar else raw.reshape(-1, channels).T
    except (ValueError, av.FFmpegError) as error:
        raise MediaError(f"sound of {channels} channels ({name}) cannot be read.") from error
    if raw.dtype.kind == "f":
        return raw.astype(np.float32, copy=False)
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    return (raw / -float(np.iinfo(raw.dtype).min)).astype(np.float32)


def _packed_floats(frame: AudioFrame) -> FloatArray:
    """(channels, n) by FFmpeg's own converter, which knows how many planes there are."""
    from av.audio.resampler import AudioResampler

    channels = frame.layout.nb_channels
    frame.pts = None  # otherwise the converter would fill gaps
    parts = [part.to_ndarray().reshape(-1, channels) for part in AudioResampler("flt").resample(frame)]
    if not parts:
        return np.zeros((channels, 0), np.float32)
    return np.ascontiguousarray(np.concatenate(parts).T, np.float32)
