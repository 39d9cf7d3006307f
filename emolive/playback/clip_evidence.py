"""What was decoded of a file so far: features of face and voice, observations, lips."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.types import FaceObservation
from emolive.vision.lips import LipTrack
from emolive.vision.survey import FaceChoice, SurveyingPipeline

if TYPE_CHECKING:
    from emolive.clip_features import ClipFeatures
    from emolive.predictor import Predictor
    from emolive.vision.face_pipeline import FacePipeline


@dataclass(slots=True)
class ClipEvidence:
    """What was decoded of the file so far, for models that read the same."""

    space: Hashable
    faces: tuple[FaceChoice, ...]
    clip: ClipFeatures
    pipeline: FacePipeline
    times: Generator[int, None, None]
    lips: LipTrack
    """Of the face that is read."""
    observations: list[FaceObservation]
    """Faces in order of time, without their vectors."""
    complete_ns: int = 0
    """Everything before this is there."""
    exhausted: bool = False

    def advance(self) -> None:
        """Decode a little more."""
        try:
            self.complete_ns = next(self.times)
        except StopIteration:
            self.exhausted = True

    def close(self) -> None:
        self.times.close()
        self.pipeline.close()


def open_evidence(
    path: Path, predictor: Predictor, faces: tuple[FaceChoice, ...], *, audio: bool, av_offset_ns: int
) -> ClipEvidence:
    """Begin to decode a file for a model.

    Args:
        path: a media file.
        predictor: says which features are read.
        faces: other faces that are read from a time on.
        audio: whether its sound is read.
        av_offset_ns: by how much the sound is moved to later times against the picture.

    Raises:
        MediaError: the file cannot be read.
    """
    from emolive.clip_features import decode_into, open_clip
    from emolive.vision.face_pipeline import FacePipeline
    from emolive.vision.frame_sampler import FrameSampler

    spec = predictor.spec
    clip = open_clip(path, spec.frame_dim)
    pipeline = FacePipeline.for_spec(spec, predictor.encoders())
    lips, observations = LipTrack(), list[FaceObservation]()

    def see(seen: FaceObservation) -> None:
        observations.append(replace(seen, features=None, expression=None))
        lips.add(seen)

    times = decode_into(
        clip,
        SurveyingPipeline(pipeline, faces, lips.break_off),
        FrameSampler(spec, 0),
        None,
        see,
        audio=audio,
        av_offset_ns=av_offset_ns,
    )
    return ClipEvidence(feature_space(predictor), faces, clip, pipeline, times, lips, observations)


def feature_space(predictor: Predictor) -> Hashable:
    """What a model's windows are made of."""
    pool = predictor.spec.pool
    return predictor.feature_space, None if pool is None else pool.classifier
