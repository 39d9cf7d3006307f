"""The faces of a picture besides the one that is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from emolive.clock import to_ns
from emolive.types import BoundingBox, FaceObservation, Frame, Image
from emolive.vision.detector import Detection
from emolive.vision.tracker import FaceTracker, intersection_over_union

INTERVAL_S = 0.4
"""Time between two searches of the whole picture."""
SAME_FACE_IOU = 0.15
"""A face that overlaps the followed one by more than this is that face."""


@runtime_checkable
class SurveyingTracker(FaceTracker, Protocol):
    """A tracker that can find all faces and follow another one."""

    def survey(self, image: Image) -> Sequence[Detection]:
        """Every face in an image (height, width, 3) BGR; the followed face stays the same."""

    def follow(self, box_px: BoundingBox, t_ns: int) -> None:
        """Follow the face in this box from the next frame on.

        Args:
            box_px: where it was seen.
            t_ns: when.
        """


class FaceSurvey:
    """Looks for other faces from time to time. For the thread of its tracker.

    Args:
        tracker: of the face pipeline; one that cannot survey finds nothing.
    """

    def __init__(self, tracker: FaceTracker) -> None:
        self._tracker = tracker if isinstance(tracker, SurveyingTracker) else None
        self._due_ns = 0
        self._faces: tuple[BoundingBox, ...] = ()

    def reset(self) -> None:
        """Forget the faces, as for a new source."""
        self._due_ns, self._faces = 0, ()

    def add_to(self, observation: FaceObservation, frame: Frame) -> FaceObservation:
        """The observation of a frame with the other faces in it."""
        if self._tracker is None:
            return observation
        if frame.t_ns >= self._due_ns:
            self._due_ns = frame.t_ns + to_ns(INTERVAL_S)
            self._faces = tuple(face.box_px for face in self._tracker.survey(frame.image))
        followed = observation.face
        others = tuple(
            box
            for box in self._faces
            if followed is None or intersection_over_union(box, followed.box_px) < SAME_FACE_IOU
        )
        return replace(observation, others=others) if others else observation

    def follow(self, x_px: float, y_px: float, t_ns: int) -> bool:
        """Follow the other face at a point of the picture; whether there is one."""
        for box in self._faces:
            if box.contains(x_px, y_px) and self._tracker is not None:
                self._tracker.follow(box, t_ns)
                self.reset()
                return True
        return False


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """Another face of a file is read from a time on."""

    t_ns: int
    x_px: float
    y_px: float
    """A point of the frame in the box of the face."""


class ObservingPipeline(Protocol):
    """What `SurveyingPipeline` needs of a face pipeline."""

    @property
    def tracker(self) -> FaceTracker: ...

    def reset(self) -> None: ...

    def process(self, frame: Frame) -> FaceObservation: ...


class SurveyingPipeline:
    """A face pipeline whose observations also have the faces that are not read, as those of a live session.

    Args:
        pipeline: finds and encodes the followed face.
        faces: the faces to follow from a time on.
        on_followed: called when another face is followed.
    """

    def __init__(
        self,
        pipeline: ObservingPipeline,
        faces: Sequence[FaceChoice] = (),
        on_followed: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._survey = FaceSurvey(pipeline.tracker)
        self._faces = list(faces)
        self._on_followed = on_followed

    def reset(self) -> None:
        """Forget the faces, as for a new source."""
        self._pipeline.reset()
        self._survey.reset()

    def process(self, frame: Frame) -> FaceObservation:
        """What is seen in a frame, with the other faces in it."""
        while self._faces and self._faces[0].t_ns <= frame.t_ns:
            choice = self._faces.pop(0)
            if self._survey.follow(choice.x_px, choice.y_px, frame.t_ns):
                self._on_followed()
        observation = self._pipeline.process(frame)
        # Where a picture is no picture, there is nothing to look for.
        return observation if observation.problem else self._survey.add_to(observation, frame)
