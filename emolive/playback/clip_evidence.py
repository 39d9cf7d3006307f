"""What was decoded of a file so far: features of face and voice, observations, lips."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.playback.clip_track import FaceChoice
from emolive.types import FaceObservation, Frame
from emolive.vision.lips import LipTrack

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


class SurveyingPipeline:
    """A face pipeline whose observations also have the faces that are not read.

    Args:
        pipeline: finds and encodes the followed face.
        faces: the faces to follow from a time on.
        on_followed: called when another face is followed.
    """

    def __init__(
        self, pipeline: FacePipeline, faces: Sequence[FaceChoice], on_followed: Callable[[], None]
    ) -> None:
        from emolive.vision.survey import FaceSurvey

        self._pipeline = pipeline
        self._survey = FaceSurvey(pipeline.tracker)
        self._faces = list(faces)
        self._on_followed = on_followed

    def reset(self) -> None:
        self._pipeline.reset()
        self._survey.reset()

    def process(self, frame: Frame) -> FaceObservation:
        while self._faces and self._faces[0].t_ns <= frame.t_ns:
            choice = self._faces.pop(0)
            if self._survey.follow(choice.x_px, choice.y_px, frame.t_ns):
                self._on_followed()
        return self._survey.add_to(self._pipeline.process(frame), frame)


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
