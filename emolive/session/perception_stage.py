"""The part of a session that sees. It wants no network, so it is there long before one is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emolive.models.spec import FeatureSpace, ModelSpec
from emolive.session.stream import StreamBuffers
from emolive.types import Frame
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler

if TYPE_CHECKING:
    from emolive.predictor import Predictor


class PerceptionStage:
    """Perception at work on one take after another. Takes a second to build.

    Args:
        spec: of a model that is to read what is seen.
        predictor: the model, if it is loaded; needed for a learned frame encoder.
    """

    def __init__(self, spec: ModelSpec, predictor: Predictor | None = None) -> None:
        self._spec = spec
        self._space = FeatureSpace.of(spec) if predictor is None else predictor.feature_space
        self._perceiver = FacePipeline.for_spec(spec, None if predictor is None else predictor.encoders())
        self._sampler: tuple[StreamBuffers, FrameSampler] | None = None

    def fit(self, space: FeatureSpace) -> bool:
        """Whether a model of this feature space can go on with what is seen by these."""
        return self._space.video == space.video

    def due(self, take: StreamBuffers, t_ns: int) -> bool:
        """Whether to look at the frame of `t_ns`; to be asked once for each frame, in order."""
        if self._sampler is None or self._sampler[0] is not take:
            take.begin_sight(self._spec.frame_dim)
            self._sampler = take, FrameSampler(self._spec, take.origin_ns)
        return self._sampler[1].accept(t_ns)

    def look(self, take: StreamBuffers, frame: Frame) -> None:
        """Keep what is to be seen in a frame."""
        take.add_observation(self._perceiver.process(frame))

    def reset(self) -> None:
        """Forget the face that was followed, as at a new source."""
        self._sampler = None
        self._perceiver.reset()

    def close(self) -> None:
        """Let go of the face detector."""
        self._perceiver.close()
