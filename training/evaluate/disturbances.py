"""Copies of media files under other conditions: level, light, turned heads, noise, music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from emolive._compat.opencv import cv2
from emolive.capture.decode import iter_media
from emolive.clock import NS_PER_S
from emolive.types import AudioBlock, FloatArray, Frame, Image
from emolive.vision.detector import FaceDetector
from emolive.vision.expression import LEFT_JAW, NOSE_DEPTH, RIGHT_JAW
from emolive.vision.landmarks import LandmarkPredictor
from preprocessing.face_warp import FaceWarp

TIME_BASE = Fraction(1, 1000)
MUSIC_DBFS, NOISE_DBFS = -25.0, -40.0
_CHORD_HZ = (220.0, 277.18, 329.63, 440.0)
_BEAT_HZ = 2.0
_NOSE = slice(27, 36)


def _same_picture(image: Image) -> Image:
    return image


def _same_sound(samples: FloatArray, t_s: float, rate_hz: int) -> FloatArray:
    return samples


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How a copy differs from its original."""

    name: str
    picture: Callable[[Image], Image] = _same_picture
    sound: Callable[[FloatArray, float, int], FloatArray] = _same_sound
    """(n,) samples, the time of the first one in seconds, rate → (n,); may exceed full scale."""

    @property
    def is_of_sound(self) -> bool:
        """Whether it leaves the picture alone."""
        return self.picture is _same_picture


def gain(db: float) -> Disturbance:
    """Another level of the sound, without clipping."""
    return Disturbance(f"sound {db:+.0f} dB", sound=lambda samples, t_s, rate_hz: samples * 10 ** (db / 20))


def light(factor: float) -> Disturbance:
    """A darker or brighter picture."""
    return Disturbance(
        f"light x {factor:g}", picture=lambda image: np.clip(image * factor, 0, 255).astype(np.uint8)
    )


def roll(degrees: float) -> Disturbance:
    """A picture that is rotated about its middle, as by a tilted camera."""

    def rotated(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(turned, np.uint8)

    return Disturbance(f"roll {degrees:+.0f} degrees", picture=rotated)


def yaw(degrees: float) -> Disturbance:
    """A head that is turned to the right of the picture, by a rough model of its depth."""
    detector, predictor = FaceDetector(), LandmarkPredictor()

    def turned(image: Image) -> Image:
        faces = detector.detect(image)
        if not faces:
            return image
        points_px = predictor.predict(image, faces[0].box_px, faces[0].roll_deg)
        face = FaceWarp(image, points_px)
        warped = face.warp(turned_points(points_px, degrees))
        x, y = face.origin_px
        result = image.copy()
        result[y : y + warped.shape[0], x : x + warped.shape[1]] = warped
        return result

    return Disturbance(f"yaw {degrees:+.0f} degrees", picture=turned)


def turned_points(points_px: FloatArray, degrees: float) -> FloatArray:
    """Landmarks (68, 2) of a head that is turned by some degrees more to the right of the picture.

    The face is a cylinder about the middle between the ends of the jaw, and the nose lies before it. Its
    middle stays where it is.
    """
    right, left = points_px[RIGHT_JAW].mean(axis=0), points_px[LEFT_JAW].mean(axis=0)
    half_width = (left - right) / 2
    across = (points_px - (right + left) / 2) @ half_width / (half_width @ half_width)
    depth = np.sqrt(np.clip(1 - across**2, 0, 1))
    depth[_NOSE] = NOSE_DEPTH
    angle = np.radians(degrees)
    moved = across * (np.cos(angle) - 1) + (depth - 1) * np.sin(angle)
    return np.asarray(points_px + moved[:, None] * half_width, np.float32)


def noise() -> Disturbance:
    """White noise over the sound."""
    rng = np.random.default_rng(0)
    scale = 10 ** (NOISE_DBFS / 20)
    return Disturbance(
        "noise",
        sound=lambda samples, t_s, rate_hz: samples + scale * rng.standard_normal(len(samples), np.float32),
    )


def music() -> Disturbance:
    """A pulsing chord over the sound."""

    def played(samples: FloatArray, t_s: float, rate_hz: int) -> FloatArray:
        times = t_s + np.arange(len(samples)) / rate_hz
        chord = sum(np.sin(2 * np.pi * hz * times) for hz in _CHORD_HZ) / np.sqrt(len(_CHORD_HZ) / 2)
        beat = np.exp(-3.0 * (times * _BEAT_HZ % 1.0))
        return np.asarray(samples + 10 ** (MUSIC_DBFS / 20) * chord * beat, np.float32)

    return Disturbance("music", sound=played)


UNDISTURBED = Disturbance("undisturbed")
"""A copy that differs from its original by the encoding alone."""


def disturbances() -> tuple[Disturbance, ...]:
    """Those that `emolive-evaluate strangers --disturbed` tries."""
    return (
        *(gain(db) for db in (-24.0, -20.0, -10.0, 10.0, 20.0, 24.0)),
        light(0.1),
        *(roll(degrees) for degrees in (-45.0, -30.0, 30.0, 45.0)),
        yaw(-20.0),
        yaw(20.0),
        noise(),
        music(),
    )


def write_copy(source: Path, target: Path, disturbance: Disturbance) -> None:
    """Write a disturbed copy of a media file as Matroska: H.264 of high quality, float samples.

    Raises:
        MediaError: the source cannot be read.
    """
    first_frame = next((item for item in iter_media(source) if isinstance(item, Frame)), None)
    first_block = next((item for item in iter_media(source) if isinstance(item, AudioBlock)), None)
    with av.open(str(target), "w", format="matroska") as container:
        video = audio = None
        if first_frame is not None:
            height, width = first_frame.image.shape[:2]
            video = container.add_stream("libx264", options={"crf": "10", "preset": "ultrafast"})
            # H.264 needs even sides.
            video.height, video.width, video.pix_fmt = height // 2 * 2, width // 2 * 2, "yuv420p"
            video.codec_context.time_base = TIME_BASE
        if first_block is not None:
            audio = container.add_stream("pcm_f32le", rate=first_block.rate_hz, layout="mono")
        for item in iter_media(source):
            if isinstance(item, Frame) and video is not None:
                image = disturbance.picture(item.image)[: video.height, : video.width]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
                frame.pts, frame.time_base = round(item.t_ns * 1000 / NS_PER_S), TIME_BASE
                container.mux(video.encode(frame))
            elif isinstance(item, AudioBlock) and audio is not None:
                samples = disturbance.sound(item.samples, item.t_ns / NS_PER_S, item.rate_hz)
                sound = av.AudioFrame.from_ndarray(
                    np.asarray(samples, np.float32)[None], format="flt", layout="mono"
                )
                sound.rate = item.rate_hz
                sound.pts = round(item.t_ns * item.rate_hz / NS_PER_S)
                sound.time_base = Fraction(1, item.rate_hz)
                container.mux(audio.encode(sound))
        for stream in (video, audio):
            if stream is not None:
                container.mux(stream.encode(None))
