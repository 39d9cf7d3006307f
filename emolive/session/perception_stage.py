"""The part of a session that sees. It wants no network, so it is there long before one is loaded."""

from __future__ import annotations

from emolive.models.spec import ModelSpec
from emolive.session.stream import StreamBuffers
from emolive.types import Frame
from emolive.vision.face_pipeline import FacePipeline, PixelEncoder
from emolive.vision.frame_sampler import FrameSampler


class PerceptionStage:
    """Perception at work on one take after another. Takes a second to build.

    Args:
        spec: of a model that is to read what is seen.
        encode_pixels: its trunk, if it has one.
    """

    def __init__(self, spec: ModelSpec, encode_pixels: PixelEncoder | None = None) -> None:
        self._spec = spec
        self._perceiver = FacePipeline.for_spec(spec, encode_pixels)
        self._sampler: tuple[StreamBuffers, FrameSampler] | None = None

    def fit(self, spec: ModelSpec) -> bool:
        """Whether a model of `spec` can go on with what is seen by these."""
        mine, other = ((s.encoders, s.landmarker, s.pooling, s.bin_s) for s in (self._spec, spec))
        # A learned trunk is part of the measure: other weights give other vectors.
        return mine == other and "efficientface" not in spec.encoders

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
