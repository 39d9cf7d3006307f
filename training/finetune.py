"""Training through the pixel trunk: crops kept beside the windows, and vectors made of them anew.

Such windows hold the number of a crop where others hold its vector. A crop is what perception
gave the trunk, pixel by pixel, so that the vectors made of it are those that the app makes live.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from emolive.errors import EmoliveError
from emolive.models.network import EmotionNet
from emolive.models.spec import PixelSpec
from emolive.types import FloatArray
from emolive.vision.encoders.efficientface import EfficientFaceEncoder
from training.backbone.augment import AugmentConfig, normalised, to_pixels, views
from training.batches import IntArray
from training.window_dataset import WindowDataset

WIDTH = EfficientFaceEncoder.dim
CHUNK = 15
"""Crops that go through the trunk together; more of them are slower on a CPU, which runs out of cache."""
KEPT_PIXELS = 120 * 224 * 224
"""Of so many pixels a step keeps what it needs for the way back; for the rest it is computed twice."""


class PixelWindows:
    """Windows with the crops that their bins show, for any trunk to look at.

    Args:
        windows: cut with their crops.
        pixels: how a crop becomes the trunk's input.

    Raises:
        EmoliveError: there is no face in any of the clips.
    """

    def __init__(self, windows: WindowDataset, pixels: PixelSpec) -> None:
        assert windows.crops is not None
        self.images, first = windows.crops.images, windows.crops.first
        """(n, S, S, 3) of all clips"""
        if not len(self.images):
            raise EmoliveError("No face was found in any of the clips: there is nothing to train a trunk on.")
        self.pixels, self._windows = pixels, windows
        self.present = np.asarray(windows.bins_present)
        """(N, K, frames)"""
        self.numbers = np.asarray(windows.bins[..., 0]).astype(np.int64) + first[:-1, None, None]
        """(N, K, frames) of crops; without meaning for a bin that is not present."""
        self._live = np.asarray(windows.live.face[:, 0]).astype(np.int64)
        self._live += np.repeat(first[:-1], np.diff(windows.live.face_first))

    def vectors(self, net: EmotionNet, which: IntArray | None = None) -> FloatArray:
        """(n, 1024) of all crops by a network's own trunk, as live; zero for those that are not `which`."""
        backbone, like = _trunk(net).eval(), net.classifier.weight
        found = np.zeros((len(self.images), WIDTH), np.float32)
        rows = np.arange(len(self.images)) if which is None else which
        with torch.inference_mode():
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                x = to_pixels(torch.from_numpy(self.images[chunk]).to(like.device), self.pixels.size)
                found[chunk] = backbone(normalised(x, self.pixels).to(like)).float().cpu().numpy()
        return found

    def read(self, net: EmotionNet, clips: IntArray | None = None) -> WindowDataset:
        """The centre windows as a network's own trunk sees them.

        Args:
            net: with a trunk.
            clips: indices of the only clips that will be looked at; None for all, with the live rows.
        """
        told = self._windows
        k = slice(told.centre, told.centre + 1)
        present, numbers = self.present[:, k], np.where(self.present, self.numbers, 0)[:, k]
        which = None if clips is None else np.unique(numbers[clips][present[clips]])
        vectors = self.vectors(net, which)
        return replace(
            told,
            shifts_s=told.shifts_s[k],
            bins=vectors[numbers] * present[..., None],
            bins_present=present,
            steps=told.steps[:, k],
            steps_present=told.steps_present[:, k],
            speech=told.speech[:, k],
            live=replace(told.live, face=vectors[self._live]),
            crops=None,
        )


def _trunk(net: EmotionNet) -> torch.nn.Module:
    if net.backbone is None:
        raise EmoliveError("This model reads facial geometry, not pixels: it has no trunk to train.")
    return net.backbone


class PixelLook:
    """Makes the vectors of a batch's windows from their crops, seen from elsewhere; see `batches.EncodeBatch`.

    All frames of a window are seen in the same way, as a person sits in the same light before the same
    camera.

    Args:
        fabric: says where and in which number format.
        net: whose trunk to use; gradients reach it.
        windows: of all clips.
        strengths: of augmentation.
    """

    def __init__(
        self, fabric: Fabric, net: EmotionNet, windows: PixelWindows, strengths: AugmentConfig
    ) -> None:
        self._fabric, self._windows, self._strengths = fabric, windows, strengths
        self._trunk, self._like = _trunk(net), net.classifier.weight

    def __call__(self, clips: IntArray, shifts: IntArray, mine: slice) -> Tensor:
        windows, device = self._windows, self._like.device
        seen = views(len(clips), self._strengths)
        present = windows.present[clips, shifts]
        others = np.ones(len(clips), bool)
        others[mine] = False
        present[others] = False
        sample, frame = np.nonzero(present)
        found = self._like.new_zeros(*present.shape, WIDTH)
        if not len(sample):
            return found
        numbers = windows.numbers[clips, shifts][sample, frame]
        vectors, kept = [], KEPT_PIXELS // windows.pixels.size**2
        for start in range(0, len(numbers), CHUNK):
            rows = slice(start, start + CHUNK)
            images = torch.from_numpy(windows.images[numbers[rows]]).to(device)
            how = None if seen is None else seen.of(torch.from_numpy(sample[rows]))
            x = normalised(to_pixels(images, windows.pixels.size, how), windows.pixels).to(self._like)
            with self._fabric.autocast():
                vectors.append(
                    self._trunk(x)
                    if start + len(images) <= kept
                    else checkpoint(self._trunk, x, use_reentrant=False)
                )
        places = torch.from_numpy(sample).to(device), torch.from_numpy(frame).to(device)
        return found.index_put(places, torch.cat(vectors).to(found))
