"""One frame in, one observation out: face, landmarks, vector. Live and offline use this one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emolive.models.spec import ModelSpec, PixelSpec
from emolive.types import Face, FaceObservation, FloatArray, Frame, Image
from emolive.vision import geometry
from emolive.vision.crop import crop_face
from emolive.vision.landmarks import LandmarkPredictor
from emolive.vision.tracker import FaceTracker

PixelEncoder = Callable[[Image], FloatArray]
"""A face crop (S, S, 3) uint8 in the model's channel order → its vector (1024,)."""


class FacePipeline:
    """Follows a face and encodes it as the models of one kind want it. For one thread.

    Args:
        encoders: names of the frame encoders, in the order of their vectors.
        pixels: how crops are made; used by "efficientface" alone.
        encode_pixels: the trunk; wanted where "efficientface" is among the encoders.
    """

    def __init__(
        self,
        encoders: tuple[str, ...],
        pixels: PixelSpec | None = None,
        encode_pixels: PixelEncoder | None = None,
    ) -> None:
        if "efficientface" in encoders and (pixels is None or encode_pixels is None):
            raise ValueError("efficientface needs a trunk and its pixel description")
        self._encoders = encoders
        self._pixels = pixels
        self._encode_pixels = encode_pixels
        self._tracker = FaceTracker()
        self._landmarks = LandmarkPredictor()

    @classmethod
    def for_spec(cls, spec: ModelSpec, encode_pixels: PixelEncoder | None = None) -> FacePipeline:
        return cls(spec.encoders, spec.pixels, encode_pixels)

    def reset(self) -> None:
        """Forget the face that was followed, as at a new source."""
        self._tracker.reset()

    def close(self) -> None:
        """Let go of the face detector; to be called before the process ends."""
        self._tracker.close()

    def process(self, frame: Frame) -> FaceObservation:
        """The followed face of a frame and its vector; both None if it is not there."""
        found = self._tracker.track(frame.image, frame.t_ns)
        if found is None:
            return FaceObservation(frame.t_ns, None, None)
        points = self._landmarks.predict(frame.image, found.box_px)
        self._tracker.update_from_landmarks(points)
        face = Face(found.box_px, found.score, points)
        return FaceObservation(frame.t_ns, face, self._vector(frame.image, face, points))

    def _vector(self, image: Image, face: Face, points: FloatArray) -> FloatArray:
        parts: list[FloatArray] = []
        for name in self._encoders:
            if name == "geometry":
                parts.append(geometry.encode(points[None])[0])
            elif self._pixels is not None and self._encode_pixels is not None:
                crop = crop_face(image, face.box_px, self._pixels.size, self._pixels.order)
                parts.append(self._encode_pixels(crop))
        return np.concatenate(parts)
