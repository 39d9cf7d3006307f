"""A plug-in that adds a frame encoder: one class in one file.

python examples/plugin_frame_encoder.py
emolive train --plugin examples/plugin_frame_encoder.py --encoder landmarks,grid ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolive.plugins import FRAME_ENCODERS
from emolive.vision.encoders.base import CropInput, FrameEncoder

if TYPE_CHECKING:
    from emolive.models.spec import ModelSpec


@FRAME_ENCODERS.register("grid", title="mean brightness on an 8 x 8 grid")
class GridEncoder(FrameEncoder):
    """Encodes an upright face crop as the mean brightness of 64 cells, in 0..1."""

    name = "grid"
    dim = 64

    @property
    def input(self) -> CropInput:
        """Upright BGR crops of 64 x 64 pixels."""
        return CropInput(64, "BGR", upright=True)

    def __call__(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """(n, 64, 64, 3) uint8 → (n, 64) float32."""
        cells = batch.reshape(len(batch), 8, 8, 8, 8, 3).mean(axis=(2, 4, 5)) / 255
        return cells.reshape(len(batch), self.dim).astype(np.float32)

    @classmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        """Increase the number when the encoder changes, so that old statistics are rejected."""
        return "grid:1"

    @classmethod
    def mirror(cls, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vectors of the left-right flipped images."""
        return vectors.reshape(*vectors.shape[:-1], 8, 8)[..., ::-1].reshape(vectors.shape)


def main() -> None:
    """Encode the face of the drawn demo."""
    from emolive.capture.synthetic import SyntheticScene
    from emolive.types import Frame
    from emolive.vision.face_pipeline import FacePipeline

    pipeline = FacePipeline((GridEncoder(),))
    observation = pipeline.process(Frame(0, SyntheticScene().picture(1.0), 0))
    pipeline.close()
    assert observation.features is not None
    for row in observation.features.reshape(8, 8):
        print(" ".join(f"{value:.2f}" for value in row))  # noqa: T201


if __name__ == "__main__":
    main()
