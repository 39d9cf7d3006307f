"""The detector that the published preprocessing uses (Zhang et al. 2016), for the bench to compare with.

facenet-pytorch carries its weights, and runs on any torch; it declares old ones, so that it is installed
without what it declares. All that its detector takes from torchvision is one function, which is given to it
here: a torchvision that fits a CPU build of torch is not to be had everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emolive.errors import EmoliveError
from emolive.types import Image

REQUIREMENTS = "`pip install --no-deps facenet-pytorch` and `pip install requests`"
_TORCHVISION = (
    "torchvision",
    "torchvision.transforms",
    "torchvision.transforms.functional",
    "torchvision.ops",
    "torchvision.ops.boxes",
)


def batched_nms(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """Indices of the boxes that no better one of their group covers, best first.

    Args:
        boxes: (n, 4) left, top, right, bottom.
        scores: (n,)
        groups: (n,) boxes of different ones do not touch each other.
        threshold: more overlap (intersection over union) than this covers.
    """
    if not len(boxes):
        return torch.zeros(0, dtype=torch.long)
    # Groups are moved apart.
    moved = (boxes + (groups.to(boxes) * (boxes.max() + 1))[:, None]).numpy()
    areas = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    left = np.argsort(-scores.numpy(), kind="stable")
    indices = []
    while len(left):
        best, left = left[0], left[1:]
        indices.append(int(best))
        across = np.minimum(moved[best, 2], moved[left, 2]) - np.maximum(moved[best, 0], moved[left, 0])
        down = np.minimum(moved[best, 3], moved[left, 3]) - np.maximum(moved[best, 1], moved[left, 1])
        shared = across.clip(0) * down.clip(0)
        left = left[shared <= threshold * (areas[best] + areas[left] - shared)]
    return torch.tensor(indices)


class Mtcnn:
    """Faces in whole pictures. EmoliveError, naming what to install, where it cannot be had."""

    def __init__(self) -> None:
        try:
            with _torchvision():
                from facenet_pytorch.models.mtcnn import MTCNN
        except ImportError as error:
            raise EmoliveError(f"MTCNN cannot be had ({error}): it wants {REQUIREMENTS}.") from error
        self._net: Any = MTCNN(image_size=(720, 1280), device=torch.device("cpu"))

    def detect(self, image: Image) -> list[tuple[float, ...]]:
        """Boxes (left, top, right, bottom in pixels) of a BGR picture, best first."""
        with torch.no_grad():
            boxes, _ = self._net.detect(np.ascontiguousarray(image[..., ::-1]))
        return [] if boxes is None else [tuple(float(side) for side in box) for box in boxes]


@contextmanager
def _torchvision() -> Iterator[None]:
    """A torchvision with just that function while facenet-pytorch is imported, and none afterwards."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("torchvision")}
    stubs = {name: ModuleType(name) for name in _TORCHVISION}
    for name, stub in stubs.items():
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(stubs[parent], own, stub)
    vars(stubs["torchvision.ops.boxes"])["batched_nms"] = batched_nms
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name in stubs:
            del sys.modules[name]
        sys.modules.update(before)
