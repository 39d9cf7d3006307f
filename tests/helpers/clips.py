"""Short media files with the synthetic face and voice of the demo."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from emolive.capture.synthetic import SyntheticScene
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.types import FloatArray, Image

FPS = 30
START_S = 7.0
"""Time in the demo: shortly after the start of its first emotion, while it speaks."""


def demo_frames(seconds: float) -> list[Image]:
    scene = SyntheticScene()
    return [scene.picture(START_S + i / FPS) for i in range(round(seconds * FPS))]


def demo_audio(seconds: float) -> FloatArray:
    """(n,) at RATE_HZ."""
    voice = Voice(0)
    blocks = [voice.next_block().samples for _ in range(round((START_S + seconds) * RATE_HZ / BLOCK))]
    return np.concatenate(blocks)[round(START_S * RATE_HZ) :][: round(seconds * RATE_HZ)]


def write_clip(
    path: Path, pictures: list[Image] | None, sound: FloatArray | None, *, sound_start_s: float = 0.0
) -> Path:
    """Write Matroska with key frames only and lossless audio. `sound` is mono at RATE_HZ."""
    with av.open(str(path), "w", format="matroska") as out:
        video = audio = None
        if pictures is not None:
            video = out.add_stream("mjpeg", rate=FPS)
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = "yuvj420p"
        if sound is not None:
            audio = out.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        for picture in pictures or []:
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        if video is not None:
            out.mux(video.encode())
        if sound is not None:
            samples = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
            offset = round(sound_start_s * RATE_HZ)
            for first in range(0, len(samples), 4800):
                chunk = np.ascontiguousarray(samples[None, first : first + 4800])
                frame = av.AudioFrame.from_ndarray(chunk, format="s16", layout="mono")
                frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
                frame.pts = offset + first
                out.mux(audio.encode(frame))
            out.mux(audio.encode())
    return path


def demo_clips(folder: Path) -> dict[str, Path]:
    """Three seconds of the synthetic demo in files.

    Args:
        folder: where to write them.

    Returns:
        The files by name: "full"; "video_only"; "audio_only"; "silence" (zeros); "late_audio" (begins
        0.1234 s after the video); "absent_face" (no face for nine seconds).
    """
    frames, audio = demo_frames(3), demo_audio(3)
    black = [np.zeros_like(frames[0])] * FPS * 9
    streams = {
        "full": (frames, audio),
        "video_only": (frames, None),
        "audio_only": (None, audio),
        "silence": (frames, np.zeros_like(audio)),
        "absent_face": (frames[:75] + black + frames[:75], None),
    }
    files = {name: write_clip(folder / f"{name}.mkv", *arrays) for name, arrays in streams.items()}
    files["late_audio"] = write_clip(folder / "late_audio.mkv", frames, audio, sound_start_s=0.1234)
    return files
