"""The face of a clip as live perception sees it: crops of one window, landmarks of the whole clip.

Models on pixels look at another set of frames than models on landmarks, and the tracker smooths over
the frames it sees. So each has its own tracker and its own `FrameSampler` here, as when live.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from emolive.clock import NS_PER_S, to_ns
from emolive.pooling import pool
from emolive.types import FloatArray, Frame, Image, StampArray
from emolive.vision.crop import crop_face
from emolive.vision.face_pipeline import FacePipeline, create_tracker
from emolive.vision.frame_sampler import FrameSampler
from preprocessing.records import PreprocessConfig

PADDED, MEASURED, FILLED = 0, 1, 2
"""Entries of a mask: outside the clip; a face; no face, its neighbour's crop is repeated."""
MPEG_CLOCK_HZ = 90_000.0
"""Holds every usual frame rate exactly."""


@dataclass(frozen=True, slots=True)
class Crops:
    """The crops of one window."""

    images: Image
    """(frames, S, S, 3) BGR; nowhere black: what lacks repeats its nearest neighbour."""
    mask: NDArray[np.uint8]
    """(frames,) MEASURED, FILLED or PADDED."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The landmarks of a clip; frames without a face are left out, as their numbers tell."""

    points_px: FloatArray
    """(T, 68, 2)"""
    frames: StampArray
    """(T,) numbers of the frames; divided by `rate_hz` they are seconds from the start of the clip."""
    rate_hz: float


class FaceExtractor:
    """Takes the frames of a clip in order. One at a time, for one thread; `reset` begins another clip."""

    def __init__(self, cut: PreprocessConfig) -> None:
        self._cut = cut
        self._spec = cut.pixels
        self._tracker = create_tracker()
        self._perceiver = FacePipeline.for_spec(cut.landmarks)
        self.reset()

    def reset(self) -> None:
        """Forget the clip before."""
        self._tracker.reset()
        self._perceiver.reset()
        self._crop_sampler = FrameSampler(self._spec, 0)
        self._landmark_sampler = FrameSampler(self._cut.landmarks, 0)
        self._crop_stamps: list[int] = []
        self._crops: list[Image | None] = []
        self._stamps: list[int] = []
        self._points: list[FloatArray | None] = []
        self._steps_ns: list[int] = []
        self._last_ns: int | None = None

    def look(self, frame: Frame) -> None:
        """Look at the next frame, if a sampler chooses it."""
        if self._last_ns is not None:
            self._steps_ns.append(frame.t_ns - self._last_ns)
        self._last_ns = frame.t_ns
        if self._crop_sampler.accept(frame.t_ns):
            found = self._tracker.track(frame.image, frame.t_ns)
            pixels = self._spec.pixels
            self._crop_stamps.append(frame.t_ns)
            self._crops.append(
                crop_face(frame.image, found.box_px, pixels.size, pixels.order) if found else None
            )
            self._drop_before(frame.t_ns)
        if self._landmark_sampler.accept(frame.t_ns):
            face = self._perceiver.process(frame).face
            self._stamps.append(frame.t_ns)
            self._points.append(face.points_px if face else None)

    def _drop_before(self, t_ns: int) -> None:
        """Forget crops that the centre window cannot hold, however the clip goes on."""
        start_ns = (t_ns - to_ns(self._spec.window_s)) // 2 - to_ns(2 * self._spec.bin_s)
        while self._crop_stamps[0] < start_ns:
            del self._crop_stamps[0], self._crops[0]

    def crops(self, end_ns: int) -> Crops | None:
        """The crops of the window that ends at `end_ns`; None if there is no face in it."""
        spec = self._spec
        stamps = np.array(self._crop_stamps, np.int64)
        measured = np.array([crop is not None for crop in self._crops], np.bool_)
        # The rows go through the live window in place of the vectors that would be made of them.
        rows = np.arange(len(stamps), dtype=np.float32)[:, None]
        chosen, there = pool(
            stamps, rows, measured, end_ns, window_s=spec.window_s, bins=spec.n_bins, pooling=spec.pooling
        )
        if not there.any():
            return None
        middles = end_ns - to_ns(spec.window_s) + (np.arange(spec.n_bins) + 0.5) * to_ns(spec.bin_s)
        reach = to_ns(spec.bin_s) / 2
        inside = (middles > stamps[0] - reach) & (middles < stamps[-1] + reach)
        mask = np.where(there, MEASURED, np.where(inside, FILLED, PADDED)).astype(np.uint8)
        known = np.flatnonzero(there)
        nearest = [int(known[np.argmin(np.abs(known - i))]) for i in range(spec.n_bins)]
        images = [self._crops[int(chosen[i, 0])] for i in nearest]
        return Crops(np.stack([image for image in images if image is not None]), mask)

    @property
    def looked_at(self) -> int:
        """Frames that were searched for landmarks so far."""
        return len(self._stamps)

    def landmarks(self) -> Landmarks | None:
        """The landmarks of all frames so far; None if no face was found."""
        seen = [
            (t, points) for t, points in zip(self._stamps, self._points, strict=True) if points is not None
        ]
        if not seen:
            return None
        rate_hz, frames = _frame_numbers(np.array([t for t, _ in seen], np.int64), self._steps_ns)
        return Landmarks(np.stack([points for _, points in seen]), frames, rate_hz)


def _frame_numbers(stamps_ns: StampArray, steps_ns: list[int]) -> tuple[float, StampArray]:
    """The clip's frame rate and its frames' numbers; ticks of MPEG's clock if its rate is not steady."""
    step_ns = float(np.median(steps_ns)) if steps_ns else 0.0
    rates = [float(_usual_rate(step_ns)), MPEG_CLOCK_HZ] if step_ns > 0 else [MPEG_CLOCK_HZ]
    for rate_hz in rates:
        frames = np.round(stamps_ns / NS_PER_S * rate_hz).astype(np.int64)
        if np.abs(frames / rate_hz * NS_PER_S - stamps_ns).max() < NS_PER_S / 1000:
            break
    return rate_hz, frames


def _usual_rate(step_ns: float) -> Fraction:
    """30000/1001 for steps of 33.3667 ms, 25 for 40 ms: stamps are rounded, rates are not."""
    rate_hz = NS_PER_S / step_ns
    return min(
        (Fraction(round(rate_hz)), Fraction(round(rate_hz * 1.001) * 1000, 1001)),
        key=lambda rate: abs(float(rate) - rate_hz),
    )


def encode_array(values: NDArray[np.uint8]) -> bytes:
    """As an `.npy` file."""
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


def encode_landmarks(key: str, landmarks: Landmarks) -> bytes:
    """As an `.npz` file with KEY/xy, KEY/frame and KEY/rate; the same bytes whenever it is written."""
    file = io.BytesIO()
    arrays: dict[str, NDArray[np.float32] | NDArray[np.int64] | NDArray[np.float64]] = {
        f"{key}/xy": landmarks.points_px,
        f"{key}/frame": landmarks.frames,
        f"{key}/rate": np.array(landmarks.rate_hz),
    }
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
