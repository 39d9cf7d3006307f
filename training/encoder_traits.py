"""Properties of a model's frame encoders that training depends on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from emolive.models.spec import ModelSpec
from emolive.vision.encoders.landmarks import LandmarkEncoder


def reads_only_landmarks(spec: ModelSpec) -> bool:
    """Whether the features of a clip follow from its landmarks, without an image."""
    return all(encoder.landmarker != "none" for encoder in spec.encoder_classes)


def landmarker_of(spec: ModelSpec) -> str:
    """The landmarker that the encoders need; "none" if they read crops."""
    return next((e.landmarker for e in spec.encoder_classes if e.landmarker != "none"), "none")


def has_landmark_coordinates(spec: ModelSpec) -> bool:
    """Whether a frame's features are the coordinates of its landmarks."""
    return len(spec.encoder_classes) == 1 and issubclass(spec.encoder_classes[0], LandmarkEncoder)


def mirror_of(spec: ModelSpec) -> tuple[Tensor, Tensor] | None:
    """How a pooled bin changes when the image is mirrored: `bins[..., order] * sign`.

    Returns:
        (D,) order and sign; None where the features of a mirrored image cannot be computed so.
    """
    orders, signs, start = [], [], 0
    for encoder in spec.encoder_classes:
        # The flip is a signed permutation, so that the mirrored unit vectors show it.
        mirrored = encoder.mirror(np.eye(encoder.dim, dtype=np.float32))
        if mirrored is None:
            return None
        order = np.abs(mirrored).argmax(axis=0)
        orders.append(order + start)
        signs.append(mirrored[order, np.arange(encoder.dim)])
        start += encoder.dim
    order, sign = np.concatenate(orders), np.concatenate(signs)
    if spec.pooling == "mean":
        # A standard deviation moves with its value and has no sign.
        order = np.concatenate([order, order + spec.frame_dim])
        sign = np.concatenate([sign, np.ones_like(sign)])
    return torch.from_numpy(order), torch.from_numpy(sign.astype(np.float32))
