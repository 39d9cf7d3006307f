"""Landmark tracks in an `.npz` file: KEY/xy (T, 68, 2), KEY/frame (T,), KEY/rate if not 30000/1001."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolive.clock import NS_PER_S
from emolive.errors import MediaError
from emolive.types import FloatArray, StampArray
from emolive.vision.encoders import landmarks
from preprocessing.array_archive import ArrayArchive

LANDMARK_RATE_HZ = 30_000 / 1001
MIN_RATE_HZ, MAX_RATE_HZ = 0.01, 1e6
"""The MPEG clock of 90 kHz is among them, by which the frames of a clip with a varying rate are numbered."""
MAX_POINT_PX = 1e5
MAX_DURATION_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class LandmarkTrack:
    """The landmarks of a clip, in pixels of its pictures."""

    points_px: FloatArray
    """(T, 68, 2)"""
    stamps_ns: StampArray
    """(T,) increasing times since the start of the clip."""


def read_landmark_track(archive: ArrayArchive, key: str) -> LandmarkTrack:
    """The landmarks stored under `key`.

    Raises:
        MediaError: they are missing, damaged or of another shape.
    """
    points = archive.numbers(f"{key}/xy", (None, landmarks.POINTS, 2))
    frames = archive.numbers(f"{key}/frame", (len(points),))
    name = f"{archive.path.name}#{key}"
    if not len(frames):
        raise MediaError(f"{name} holds no frames.")
    numbers = frames.astype(np.float64)
    if not np.isfinite(numbers).all() or numbers[0] < 0 or (np.diff(numbers) <= 0).any():
        raise MediaError(f"{name} is damaged: its frames are out of order.")
    if not np.isfinite(points).all() or np.abs(points.astype(np.float64)).max() > MAX_POINT_PX:
        raise MediaError(f"{name} is damaged: its points do not lie in a picture.")
    seconds = numbers / _rate_hz(archive, key)
    if seconds[-1] > MAX_DURATION_S:
        raise MediaError(f"{name} is damaged: its frames last {seconds[-1] / 3600:.0f} hours.")
    return LandmarkTrack(points.astype(np.float32), np.round(seconds * NS_PER_S).astype(np.int64))


def _rate_hz(archive: ArrayArchive, key: str) -> float:
    if f"{key}/rate" not in archive:
        return LANDMARK_RATE_HZ
    rate_hz = float(archive.numbers(f"{key}/rate", ()))
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise MediaError(f"{archive.path.name}#{key} is damaged: it has {rate_hz:g} frames a second.")
    return rate_hz
