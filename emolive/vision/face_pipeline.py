"""One frame in, one observation out: face, landmarks, feature vector. Used live and offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from emolive.models.spec import ModelSpec
from emolive.plausibility import image_problem, is_plausible_vector, plausible_box, plausible_points
from emolive.plugins import FACE_TRACKERS
from emolive.types import Face, FaceObservation, FloatArray, Frame, Image
from emolive.vision.crop import crop_face
from emolive.vision.encoders.base import CropInput, FrameEncoder, build_encoders
from emolive.vision.expression import ExpressionClassifier, load_classifier
from emolive.vision.landmarks import LandmarkPredictor
from emolive.vision.tracker import FaceTracker

DEFAULT_TRACKER = "blazeface"
BAD_BOX = "The place of the face does not fit the picture and is left out."
BAD_LANDMARKS = "The landmarks of the face do not fit the picture and are left out."
BAD_FEATURES = "The features of the face are no numbers that fit and are left out."


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
        self.shows_drawing = False
        """Frames show a drawn face, of which a classifier of photographs knows nothing: expressions are not
        classified."""
        self._shape: tuple[int, ...] | None = None
        """Of the newest frame."""

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
        self._shape = None
        if self._expression is not None:
            self._expression.reset()

    def close(self) -> None:
        """Release the tracker; call it before the process ends."""
        self._tracker.close()

    def process(self, frame: Frame) -> FaceObservation:
        """The tracked face of a frame and its vector (D,); both None if there is no face.

        A frame that is no image, landmarks that belong to no face in it and a vector that is no feature are
        left out, see `FaceObservation.problem`. The tracker starts anew with frames of another shape.
        """
        image = frame.image
        face, problem = self._locate(image, frame.t_ns)
        if face is None or face.points_px is None:
            return FaceObservation(frame.t_ns, None, None, problem=problem)
        vector = self._encode(image, face, face.points_px)
        if not is_plausible_vector(vector):
            return FaceObservation(frame.t_ns, face, None, problem=BAD_FEATURES)
        if self._expression is None or not self._expression.accept(frame.t_ns):
            return FaceObservation(frame.t_ns, face, vector)
        if self.shows_drawing:
            quality = self._expression.quality(image, face.points_px)
            return FaceObservation(frame.t_ns, face, vector, quality=quality)
        log_probs, quality = self._expression(image, face.points_px)
        if not np.isfinite(log_probs).all():
            return FaceObservation(frame.t_ns, face, vector, problem=BAD_FEATURES)
        return FaceObservation(frame.t_ns, face, vector, log_probs, quality)

    def _locate(self, image: Image, t_ns: int) -> tuple[Face | None, str]:
        """The tracked face with its landmarks, and what was left out because it cannot be right."""
        if problem := image_problem(image):
            return None, f"A picture was left out: {problem}."
        if image.shape != self._shape:
            if self._shape is not None:
                self._tracker.reset()
            self._shape = image.shape
        detection = self._tracker.track(image, t_ns)
        if detection is None:
            return None, ""
        if not plausible_box(detection.box_px, image.shape):
            self._tracker.reset()
            return None, BAD_BOX
        points = self._landmarks.predict(image, detection.box_px, detection.roll_deg)
        if not plausible_points(points, image.shape):
            self._tracker.reset()
            return None, BAD_LANDMARKS
        self._tracker.update_from_landmarks(points)
        return Face(detection.box_px, detection.score, points), ""

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
