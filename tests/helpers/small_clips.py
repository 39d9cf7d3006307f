"""Small media files for tests: a synthetic face or none, a tone or silence."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from emolive.capture.synthetic.expression import EXPRESSIONS
from emolive.capture.synthetic.face import FaceRenderer
from emolive.types import FloatArray, Image

RATE_HZ = 16_000


@cache
def artist() -> FaceRenderer:
    return FaceRenderer()


@cache
def demo_face(label: str) -> Image:
    return artist().draw(EXPRESSIONS[label])


def tone(seconds: float, hz: float = 300.0, level: float = 0.3) -> FloatArray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def empty_picture(t_s: float) -> Image:
    return np.full((480, 640, 3), 90, np.uint8)


def write_clip(
    path: Path,
    seconds: float = 1.5,
    *,
    picture: Callable[[float], Image] | None = empty_picture,
    sound: FloatArray | None = None,
    fps: int = 10,
) -> Path:
    """Write a clip of `picture(t_s)` and `sound` at RATE_HZ; either may be None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as out:
        video = audio = None
        if picture is not None:
            video = out.add_stream("mpeg4", rate=fps)
            video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
            video.bit_rate = 8_000_000
        if sound is not None:
            audio = out.add_stream("flac", rate=RATE_HZ, layout="mono")
        if video is not None and picture is not None:
            for i in range(round(seconds * fps)):
                frame = av.VideoFrame.from_ndarray(picture(i / fps), format="bgr24")
                frame.pts, frame.time_base = i, Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode())
        if audio is not None and sound is not None:
            raw = (sound * 32767).round().astype(np.int16)[None]
            block = av.AudioFrame.from_ndarray(raw, format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
            out.mux(audio.encode(block))
            out.mux(audio.encode())
    return path


def write_face(path: Path, label: str, hz: float, seconds: float = 1.5, *, dimmer: int = 0) -> Path:
    """Write a clip with a face and a tone; clips of another `dimmer` or `hz` differ."""
    image: Image = (demo_face(label) - np.minimum(demo_face(label), dimmer)).astype(np.uint8)
    return write_clip(path, seconds, picture=lambda _: image, sound=tone(seconds, hz))
