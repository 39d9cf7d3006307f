"""Extracts faces from a clip as the live pipeline does: crops of its windows, landmarks of the full clip.

Models on pixels process other frames than models on landmarks, and the tracker smooths over the frames that
it is given. Therefore each has its own tracker and its own `FrameSampler`, as in a live session.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from fractions import Fraction
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

from emolive.clock import NS_PER_S, to_ns
from emolive.pooling import pool_bins
from emolive.types import FloatArray, Frame, Image, StampArray
from emolive.vision.crop import crop_face
from emolive.vision.detector import Detection
from emolive.vision.face_pipeline import FacePipeline, create_tracker
from emolive.vision.frame_sampler import FrameSampler
from preprocessing.orientation import Orientation
from preprocessing.records import PreprocessConfig

PADDED, MEASURED, FILLED = 0, 1, 2
"""Entries of a mask: outside the clip; a face; no face, so that a neighbouring crop is repeated."""
MAX_MEMORY_BYTES = 64 << 20
MPEG_CLOCK_HZ = 90_000.0
"""A multiple of every common frame rate."""

MAX_ROLL_DEG = 120.0
"""A face that is rotated farther is upside down."""


@dataclass(frozen=True, slots=True)
class Crops:
    """The face crops of one window."""

    images: Image
    """(n_frames, S, S, 3) BGR. A frame without a face repeats the nearest crop."""
    mask: NDArray[np.uint8]
    """(n_frames,) MEASURED, FILLED or PADDED."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The landmarks of a clip. Frames without a face are left out; the frame numbers show the gaps."""

    points_px: FloatArray
    """(T, 68, 2)"""
    frames: StampArray
    """(T,) frame numbers; divided by `rate_hz` they are seconds since the start of the clip."""
    rate_hz: float


class CropStore:
    """The crops of a clip, in memory or, for a long clip, in a temporary file.

    Args:
        size: side of a crop in pixels.
    """

    def __init__(self, size: int) -> None:
        self._shape = size, size, 3
        self._file = SpooledTemporaryFile(MAX_MEMORY_BYTES)  # noqa: SIM115 - lives as long as the store
        self._numbers: list[int | None] = []
        self._n = 0

    @property
    def present(self) -> NDArray[np.bool_]:
        """(n,) which frames have a crop."""
        return np.array([number is not None for number in self._numbers], np.bool_)

    def append(self, crop: Image | None) -> None:
        """Add the crop (S, S, 3) of the next frame; None if it has none."""
        self._numbers.append(None if crop is None else self._n)
        if crop is not None:
            self._file.write(np.ascontiguousarray(crop).tobytes())
            self._n += 1

    def read(self, frame: int) -> Image:
        """The crop (S, S, 3) of a frame that has one."""
        number = self._numbers[frame]
        assert number is not None
        n_bytes = int(np.prod(self._shape))
        self._file.seek(number * n_bytes)
        crop = np.frombuffer(self._file.read(n_bytes), np.uint8).reshape(self._shape)
        self._file.seek(0, os.SEEK_END)
        return crop


class FaceExtractor:
    """Processes the frames of one clip in order; `reset` begins the next clip. Not thread-safe.

    Args:
        config: size and number of the crops.
    """

    def __init__(self, config: PreprocessConfig) -> None:
        self._spec = config.pixels
        self._landmark_spec = config.landmarks
        self._tracker = create_tracker()
        self._orientation = Orientation()
        self._pipeline = FacePipeline.for_spec(self._landmark_spec)
        self.reset()

    def reset(self) -> None:
        """Drop everything of the previous clip."""
        self._tracker.reset()
        self._pipeline.reset()
        self._crop_sampler = FrameSampler(self._spec, 0)
        self._landmark_sampler = FrameSampler(self._landmark_spec, 0)
        self._orientation.reset()
        self.n_turned = 0
        """Cropped frames of this clip that were upside down and were turned."""
        self._crop_stamps_ns: list[int] = []
        self._crops = CropStore(self._spec.pixels.size)
        self._landmark_stamps_ns: list[int] = []
        self._points: list[FloatArray | None] = []
        self._intervals_ns: list[int] = []
        self._last_ns: int | None = None

    def process(self, frame: Frame) -> None:
        """Process the next frame, if one of the samplers accepts it."""
        if self._last_ns is not None:
            self._intervals_ns.append(frame.t_ns - self._last_ns)
        self._last_ns = frame.t_ns
        if self._crop_sampler.accept(frame.t_ns):
            image, face = self._find_face(frame)
            self.n_turned += self._orientation.is_turned
            pixels = self._spec.pixels
            self._crop_stamps_ns.append(frame.t_ns)
            self._crops.append(crop_face(image, face.box_px, pixels.size, pixels.order) if face else None)
        if self._landmark_sampler.accept(frame.t_ns):
            upright = Frame(frame.t_ns, self._orientation.apply(frame.image), frame.index)
            observed = self._pipeline.process(upright).face
            self._landmark_stamps_ns.append(frame.t_ns)
            self._points.append(observed.points_px if observed else None)

    def _find_face(self, frame: Frame) -> tuple[Image, Detection | None]:
        """The picture, the right way up, and the tracked face in it."""
        image = self._orientation.apply(frame.image)
        face = self._tracker.track(image, frame.t_ns)
        # The tracker follows faces that are upside down too, but a crop is to be upright.
        score = face.score if face is not None and abs(face.roll_deg) <= MAX_ROLL_DEG else None
        if self._orientation.observe(image, score):
            # The box of the face in the picture as it was is no guide to where it is now.
            self._tracker.reset()
            self._pipeline.reset()
            image = self._orientation.apply(frame.image)
            face = self._tracker.track(image, frame.t_ns)
        return image, face

    def crops(self, end_ns: int) -> Crops | None:
        """The crops of the window that ends at `end_ns`; None if no face was detected in it."""
        spec = self._spec
        stamps = np.array(self._crop_stamps_ns, np.int64)
        measured = self._crops.present
        # Indices of the crops are pooled in place of the features that a live session computes from them.
        rows = np.arange(len(stamps), dtype=np.float32)[:, None]
        pooled, present = pool_bins(
            stamps, rows, measured, end_ns, window_s=spec.window_s, n_bins=spec.n_bins, pooling=spec.pooling
        )
        if not present.any():
            return None
        centres = end_ns - to_ns(spec.window_s) + (np.arange(spec.n_bins) + 0.5) * to_ns(spec.bin_s)
        margin = to_ns(spec.bin_s) / 2
        inside = (centres > stamps[0] - margin) & (centres < stamps[-1] + margin)
        mask = np.where(present, MEASURED, np.where(inside, FILLED, PADDED)).astype(np.uint8)
        filled_bins = np.flatnonzero(present)
        nearest = [int(filled_bins[np.argmin(np.abs(filled_bins - i))]) for i in range(spec.n_bins)]
        return Crops(np.stack([self._crops.read(int(pooled[i, 0])) for i in nearest]), mask)

    @property
    def n_processed(self) -> int:
        """Frames of this clip in which landmarks were searched."""
        return len(self._landmark_stamps_ns)

    def landmarks(self) -> Landmarks | None:
        """The landmarks of all frames so far; None if no face was detected."""
        detected = [
            (t_ns, points)
            for t_ns, points in zip(self._landmark_stamps_ns, self._points, strict=True)
            if points is not None
        ]
        if not detected:
            return None
        stamps_ns = np.array([t_ns for t_ns, _ in detected], np.int64)
        rate_hz, frames = number_frames(stamps_ns, self._intervals_ns)
        return Landmarks(np.stack([points for _, points in detected]), frames, rate_hz)


def number_frames(stamps_ns: StampArray, intervals_ns: list[int]) -> tuple[float, StampArray]:
    """Frame rate and frame numbers of timestamps.

    Args:
        stamps_ns: (T,) timestamps.
        intervals_ns: the times between successive frames of the clip.

    Returns:
        The frame rate, or that of the MPEG clock if the intervals vary; and (T,) int64 frame numbers.
    """
    interval_ns = float(np.median(intervals_ns)) if intervals_ns else 0.0
    rates = [float(_nearest_rate(interval_ns)), MPEG_CLOCK_HZ] if interval_ns > 0 else [MPEG_CLOCK_HZ]
    for rate_hz in rates:
        frames = np.round(stamps_ns / NS_PER_S * rate_hz).astype(np.int64)
        if np.abs(frames / rate_hz * NS_PER_S - stamps_ns).max() < NS_PER_S / 1000:
            break
    return rate_hz, frames


def _nearest_rate(interval_ns: float) -> Fraction:
    """30000/1001 for intervals of 33.3667 ms, 25 for 40 ms: timestamps are rounded, rates are not."""
    rate_hz = NS_PER_S / interval_ns
    return min(
        (Fraction(round(rate_hz)), Fraction(round(rate_hz * 1.001) * 1000, 1001)),
        key=lambda rate: abs(float(rate) - rate_hz),
    )


def encode_array(values: NDArray[np.uint8]) -> bytes:
    """The content of an `.npy` file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


def encode_landmarks(key: str, landmarks: Landmarks) -> bytes:
    """The content of an `.npz` file with KEY/xy, KEY/frame and KEY/rate; reproducible to the byte."""
    file = io.BytesIO()
    arrays: dict[str, NDArray[np.float32] | NDArray[np.int64] | NDArray[np.float64]] = {
        f"{key}/xy": landmarks.points_px,
        f"{key}/frame": landmarks.frames,
        f"{key}/rate": np.array(landmarks.rate_hz),
    }
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
