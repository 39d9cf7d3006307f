"""Inputs of the benchmarks: the synthetic face and voice, clips of them, networks with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emolive._compat.opencv import cv2
from emolive.capture.synthetic import SyntheticScene
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.models import factory
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.types import FloatArray, Image

FPS = 30
START_S = 7.0
"""Of the demo: by then it speaks."""
HD = (1280, 720)


def pictures(seconds: float, rate_hz: float = FPS) -> Iterator[Image]:
    """(480, 640, 3) BGR each."""
    scene = SyntheticScene()
    for i in range(round(seconds * rate_hz)):
        yield scene.picture(START_S + i / rate_hz)


def sound(seconds: float) -> FloatArray:
    """(n,) at `RATE_HZ`."""
    voice = Voice(0)
    blocks = [voice.next_block().samples for _ in range(round((START_S + seconds) * RATE_HZ / BLOCK))]
    return np.concatenate(blocks)[round(START_S * RATE_HZ) :]


def crops(n: int, size: int) -> list[Image]:
    """(size, size, 3) BGR faces, each different."""
    images: list[Any] = [cv2.resize(picture[40:440, 120:520], (size, size)) for picture in pictures(n / 4, 4)]
    return images


def write_clip(path: Path, seconds: float, size: tuple[int, int] = (640, 480)) -> Path:
    """The drawn face with its voice as H.264 and AAC (MPEG-4 where H.264 cannot be written)."""
    import av

    with av.open(str(path), "w") as out:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        video = out.add_stream(codec, rate=FPS)
        assert isinstance(video, av.VideoStream)
        video.width, video.height = size
        video.pix_fmt, video.bit_rate = "yuv420p", 4_000_000
        video.codec_context.thread_count = 1
        video.options = {"preset": "veryfast"} if codec == "libx264" else {}
        audio = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        assert isinstance(audio, av.AudioStream)
        for picture in pictures(seconds):
            frame = av.VideoFrame.from_ndarray(_fit(picture, size), format="bgr24")
            out.mux(video.encode(frame))
        out.mux(video.encode())
        samples = sound(seconds)
        for first in range(0, len(samples), 1024):
            part = np.ascontiguousarray(samples[None, first : first + 1024])
            block = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            block.sample_rate, block.time_base, block.pts = RATE_HZ, Fraction(1, RATE_HZ), first
            out.mux(audio.encode(block))
        out.mux(audio.encode())
    return path


def _fit(picture: Image, size: tuple[int, int]) -> Image:
    """As wide as the frame, cut to its height."""
    width, height = size
    wide = cv2.resize(picture, (width, width * picture.shape[0] // picture.shape[1]))
    top = (wide.shape[0] - height) // 2
    return np.ascontiguousarray(wide[top : top + height])


def random_net(spec: ModelSpec, faces: list[Image]) -> EmotionNet:
    """Random weights with batch statistics of some faces, so that activations have a realistic scale."""
    torch.manual_seed(0)
    net = factory.build(spec).train()
    pixels = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.momentum = 0.9
        for _ in range(2):
            vectors = net.encode(pixels)
            video = vectors[:: max(1, len(vectors) // spec.n_bins)][: spec.n_bins].expand(4, -1, -1)
            steps = spec.audio.n_frames(spec.n_samples)
            net(video + 0.1 * torch.randn(video.shape), 100 * torch.randn(4, spec.audio_channels, steps))
    return net.eval().requires_grad_(False)
