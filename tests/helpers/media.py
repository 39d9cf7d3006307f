"""Writes media files with numbered images and a chirp."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.helpers.numbered_images import numbered_image

SIZE = (160, 96)


RATE_HZ = 16000
FRAMES_MS = [40 * i for i in range(30)]


def chirp(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * (200 * t + 300 * t**2))).astype(np.float32)


def write_media(
    path: Path,
    *,
    frame_ms: list[int] | None = None,
    sound: np.ndarray | None = None,
    sound_ms: int = 0,
    codec: str = "mpeg4",
    audio_codec: str = "pcm_s16le",
    size: tuple[int, int] = SIZE,
    rotation: int = 0,
    **options: str,
) -> Path:
    """Write numbered images at `frame_ms` and `sound` (n,) or (channels, n) from `sound_ms` on."""
    with av.open(str(path), "w", options=options) as out:
        video = audio = None
        if frame_ms is not None:
            video = out.add_stream(codec, rate=25, options={"g": "5"})
            video.width, video.height = size
            video.pix_fmt = "yuv444p" if codec == "ffv1" else "yuv420p"
            video.bit_rate = 4_000_000
            video.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                video.set_display_rotation(rotation)
        if sound is not None:
            sound = np.atleast_2d(sound)
            audio = out.add_stream(audio_codec, rate=RATE_HZ, layout="stereo" if len(sound) == 2 else "mono")
        for number, ms in enumerate(frame_ms or []):
            frame = av.VideoFrame.from_ndarray(numbered_image(number, *size), format="bgr24")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            out.mux(video.encode(frame))
        if video is not None:
            out.mux(video.encode())
        if sound is not None:
            raw = np.ascontiguousarray((sound * 32767).round().astype(np.int16).T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(
                raw, format="s16", layout="stereo" if len(sound) == 2 else "mono"
            )
            frame.sample_rate = RATE_HZ
            frame.time_base = Fraction(1, RATE_HZ)
            frame.pts = sound_ms * RATE_HZ // 1000
            resampler = av.AudioResampler(
                audio.codec_context.format, audio.layout, RATE_HZ, audio.codec_context.frame_size or 1024
            )
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(audio.encode(part))
            out.mux(audio.encode())
    return path
