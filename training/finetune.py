"""Training through a learned frame encoder: its features are recomputed from stored face crops.

The windows hold the number of a crop where others hold its features. A crop is the
encoder's input, pixel by pixel, so that its features equal those of a live session.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from emolive.errors import ConfigError, MediaError
from emolive.models.input_spec import PixelSpec
from emolive.models.network import EmotionNet
from emolive.types import FloatArray
from training.augment.pipeline import ImagePipeline, select_rows
from training.backbone.pixels import normalize_pixels
from training.batches import IntArray
from training.window_dataset import WindowDataset

CHUNK = 15
"""Crops that are encoded together; more are slower on a CPU, whose cache they exceed."""
STORED_PIXELS = 120 * 224 * 224
"""Activations of so many pixels are stored for the backward pass; those of the rest are recomputed
(gradient checkpointing, Chen et al. 2016)."""


class CropWindows:
    """Windows with the crops that their bins show, for any weights of the backbone.

    Args:
        dataset: built with `crops`.
        pixels: preparation of crops for the backbone.

    Raises:
        MediaError: no clip shows a face.
    """

    def __init__(self, dataset: WindowDataset, pixels: PixelSpec) -> None:
        assert dataset.crops is not None
        self.images, offsets = dataset.crops.images, dataset.crops.offsets
        """(n, S, S, 3) of all clips."""
        if not len(self.images):
            raise MediaError(
                "No face was found in any of the clips: there is nothing to train a backbone on."
            )
        self.pixels, self._dataset = pixels, dataset
        self.present = np.asarray(dataset.video_present)
        """(N, K, bins)"""
        self.crop_index = np.asarray(dataset.video[..., 0]).astype(np.int64) + offsets[:-1, None, None]
        """(N, K, bins) index of each bin's crop; undefined for a bin that is not present."""
        session = dataset.session
        self._bin_index = np.asarray(session.bins.video[:, 0]).astype(np.int64)
        self._bin_index += np.repeat(offsets[:-1], np.diff(session.offsets))
        self._bin_index[~np.asarray(session.bins.video_present)] = 0

    def encode(self, net: EmotionNet, which: IntArray | None = None) -> FloatArray:
        """(n, D) features of all crops by a network's own backbone; zero for those not in `which`."""
        backbone, like = _backbone(net).eval(), net.classifier.weight
        features = np.zeros((len(self.images), net.spec.frame_dim), np.float32)
        rows = np.arange(len(self.images)) if which is None else which
        plain = ImagePipeline()
        with torch.inference_mode():
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                x = plain(torch.from_numpy(self.images[chunk]).to(like.device), self.pixels.size)
                features[chunk] = backbone(normalize_pixels(x, self.pixels).to(like)).float().cpu().numpy()
        return features

    def features(self, net: EmotionNet, clips: IntArray | None = None) -> WindowDataset:
        """The centre windows with the features of a network's own backbone.

        Args:
            net: with a backbone.
            clips: indices of the only clips that will be used; None for all, with the bins.
        """
        dataset = self._dataset
        k = slice(dataset.centre, dataset.centre + 1)
        present, index = self.present[:, k], np.where(self.present, self.crop_index, 0)[:, k]
        which = None if clips is None else np.unique(index[clips][present[clips]])
        features, bins = self.encode(net, which), dataset.session.bins
        of_bins = features[self._bin_index] * np.asarray(bins.video_present)[:, None]
        return replace(
            dataset,
            shifts_s=dataset.shifts_s[k],
            video=features[index] * present[..., None],
            video_present=present,
            audio=dataset.audio[:, k],
            audio_present=dataset.audio_present[:, k],
            speech=dataset.speech[:, k],
            session=replace(dataset.session, bins=replace(bins, video=of_bins)),
            crops=None,
        )


def _backbone(net: EmotionNet) -> torch.nn.Module:
    if net.backbone is None:
        raise ConfigError("This model has no backbone to train: it reads landmarks.")
    return net.backbone


class CropEncoder:
    """Computes the features of a batch's windows from augmented crops; see `batches.EncodeBatch`.

    Args:
        fabric: device and number format.
        net: provides the backbone; gradients reach it.
        windows: of all clips.
        augment: image augmentations.
    """

    def __init__(self, fabric: Fabric, net: EmotionNet, windows: CropWindows, augment: ImagePipeline) -> None:
        self._fabric, self._windows, self._augment = fabric, windows, augment
        self._backbone, self._like = _backbone(net), net.classifier.weight
        self._dim = net.spec.frame_dim

    def __call__(self, clips: IntArray, shifts: IntArray, rank_slice: slice) -> Tensor:
        windows, device = self._windows, self._like.device
        params = self._augment.draw(len(clips))
        present = windows.present[clips, shifts]
        others = np.ones(len(clips), bool)
        others[rank_slice] = False
        present[others] = False
        sample, frame = np.nonzero(present)
        result = self._like.new_zeros(*present.shape, self._dim)
        if not len(sample):
            return result
        index = windows.crop_index[clips, shifts][sample, frame]
        features, stored = [], STORED_PIXELS // windows.pixels.size**2
        for start in range(0, len(index), CHUNK):
            rows = slice(start, start + CHUNK)
            images = torch.from_numpy(windows.images[index[rows]]).to(device)
            row_params = select_rows(params, torch.from_numpy(sample[rows]))
            x = normalize_pixels(self._augment(images, windows.pixels.size, row_params), windows.pixels)
            with self._fabric.autocast():
                features.append(
                    self._backbone(x.to(self._like))
                    if start + len(images) <= stored
                    else checkpoint(self._backbone, x.to(self._like), use_reentrant=False)
                )
        places = torch.from_numpy(sample).to(device), torch.from_numpy(frame).to(device)
        return result.index_put(places, torch.cat(features).to(result))
