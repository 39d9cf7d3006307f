"""One frame in, one observation out: face, landmarks, feature vector. Used live and offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from emolive.models.spec import ModelSpec
from emolive.plugins import FACE_TRACKERS
from emolive.types import Face, FaceObservation, FloatArray, Frame, Image
from emolive.vision.crop import crop_face
from emolive.vision.encoders.base import CropInput, FrameEncoder, build_encoders
from emolive.vision.expression import ExpressionClassifier, load_classifier
from emolive.vision.landmarks import LandmarkPredictor
from emolive.vision.tracker import FaceTracker

DEFAULT_TRACKER = "blazeface"


class FacePipeline:
    """Tracks a face and encodes it. Not thread-safe.

    Args:
        encoders: the frame encoders, in the order in which their vectors are concatenated.
        tracker: follows the face, and is closed with the pipeline; by default BlazeFace's.
        expression: classifies the expression beside the encoders, if there is one.
    """

    def __init__(
        self,
        encoders: Sequence[FrameEncoder],
        tracker: FaceTracker | None = None,
        expression: ExpressionClassifier | None = None,
    ) -> None:
        self._encoders = tuple((encoder, encoder.input) for encoder in encoders)
        self._tracker = tracker if tracker is not None else create_tracker()
        self._landmarks = LandmarkPredictor()
        self._expression = expression

    @classmethod
    def for_spec(
        cls,
        spec: ModelSpec,
        encoders: Sequence[FrameEncoder] | None = None,
        tracker: FaceTracker | None = None,
    ) -> FacePipeline:
        """The pipeline of a model, with the expression classifier of its opinion pool if it has one.

        Args:
            spec: its description.
            encoders: its encoders; needed if one of them is learned, see `Predictor.encoders`.
            tracker: as for the constructor.

        Raises:
            ConfigError: an encoder is unknown, or a learned one was not passed.
            CheckpointError: the expression classifier is missing or another one.
        """
        expression = None if spec.pool is None else load_classifier(spec.pool.classifier)
        return cls(build_encoders(spec) if encoders is None else encoders, tracker, expression)

    @property
    def tracker(self) -> FaceTracker:
        """Follows the face."""
        return self._tracker

    def reset(self) -> None:
        """Forget the tracked face, as for a new source."""
        self._tracker.reset()
        if self._expression is not None:
            self._expression.reset()

    def close(self) -> None:
        """Release the tracker; call it before the process ends."""
        self._tracker.close()

    def process(self, frame: Frame) -> FaceObservation:
        """The tracked face of a frame and its vector (D,); both None if there is no face."""
        image = frame.image
        detection = self._tracker.track(image, frame.t_ns)
        if detection is None:
            return FaceObservation(frame.t_ns, None, None)
        points = self._landmarks.predict(image, detection.box_px, detection.roll_deg)
        self._tracker.update_from_landmarks(points)
        face = Face(detection.box_px, detection.score, points)
        vector = self._encode(image, face, points)
        if self._expression is None or not self._expression.accept(frame.t_ns):
            return FaceObservation(frame.t_ns, face, vector)
        return FaceObservation(frame.t_ns, face, vector, *self._expression(image, points))

    def _encode(self, image: Image, face: Face, points: FloatArray) -> FloatArray:
        crops: dict[CropInput, Image] = {}
        vectors: list[FloatArray] = []
        for encoder, reads in self._encoders:
            if not isinstance(reads, CropInput):
                vectors.append(encoder(points[None])[0])
                continue
            if reads not in crops:
                upright = points if reads.upright else None
                crops[reads] = crop_face(image, face.box_px, reads.size, reads.order, upright)
            vectors.append(encoder(crops[reads][None])[0])
        return vectors[0] if len(vectors) == 1 else np.concatenate(vectors)


def create_tracker(name: str = DEFAULT_TRACKER) -> FaceTracker:
    """A face tracker by its name in `emolive.plugins.FACE_TRACKERS`. ConfigError for an unknown one."""
    return cast(FaceTracker, FACE_TRACKERS.get(name)())
