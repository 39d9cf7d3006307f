"""What training needs to know of the frame encoders in a model description."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from emolive.models.spec import ENCODERS, ModelSpec
from emolive.vision import geometry

LEARNED = "efficientface"
"""The encoder that is a network and can be trained with the model."""
LANDMARKS = "geometry"
LEARNED_DIM = ENCODERS[LEARNED]


def has_backbone(spec: ModelSpec) -> bool:
    """Whether one of the frame encoders is a network."""
    return LEARNED in spec.encoders


def has_landmarks(spec: ModelSpec) -> bool:
    """Whether one of the frame encoders reads landmarks."""
    return LANDMARKS in spec.encoders


def reads_landmarks_only(spec: ModelSpec) -> bool:
    """Whether the features of a clip follow from its landmarks, without an image."""
    return spec.encoders == (LANDMARKS,)


def mirror_of(spec: ModelSpec) -> tuple[Tensor, Tensor] | None:
    """How a pooled bin changes when the image is mirrored: `bins[..., order] * sign`.

    Returns:
        (D,) order and sign; None where the features of a mirrored image do not follow from those of the
        image.
    """
    if not reads_landmarks_only(spec):
        return None
    # The flip is a signed permutation, so that the mirrored unit vectors show it.
    mirrored = geometry.mirror(np.eye(geometry.WIDTH, dtype=np.float32))
    order = np.abs(mirrored).argmax(axis=0)
    sign = mirrored[order, np.arange(geometry.WIDTH)]
    if spec.pooling == "mean":
        # A standard deviation moves with its point and has no sign.
        order = np.concatenate([order, order + geometry.WIDTH])
        sign = np.concatenate([sign, np.ones_like(sign)])
    return torch.from_numpy(order), torch.from_numpy(sign.astype(np.float32))
