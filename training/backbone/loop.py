"""The loop that trains a face classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from emolive.errors import EmoliveError
from emolive.models.io.backbone import FaceClassifier
from training.backbone import metrics as score
from training.backbone.augment import mixed, prepared, to_pixels, views
from training.backbone.config import NOT_PART_OF_A_RUN, FaceOptions
from training.backbone.dataset import Faces
from training.trainer import Trainer, log_probabilities

Batch = tuple[Tensor, Tensor]
"""Pixels as the trunk takes them, and targets."""


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Filters decay; offsets and the scales of normalisation do not."""
    parameters = list(net.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


class BackboneTrainer(Trainer[FaceClassifier, Batch]):
    """Trains one face classifier; see `Trainer`.

    Args:
        fabric: from `make_fabric`.
        net: with fresh or pretrained weights.
        training: faces to learn from; those without a target are not drawn.
        options: of the run.
        folder: for state and logs.
        validation: chooses the best epoch; None keeps the last.
    """

    unit = "faces"

    def __init__(
        self,
        fabric: Fabric,
        net: FaceClassifier,
        training: Faces,
        *,
        options: FaceOptions,
        folder: Path,
        validation: Faces | None = None,
    ) -> None:
        self._options, self._training, self._validation = options, training, validation
        self._useful = np.flatnonzero(training.targets.sum(axis=1) > 0)
        if len(self._useful) < 2:
            raise EmoliveError("Fewer than two faces are left to train on.")
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(
            fabric, net, len(self._useful), options=options, unchecked=NOT_PART_OF_A_RUN, folder=folder
        )

    def _make_optimizer(self, net: FaceClassifier) -> Optimizer:
        return AdamW(_groups(net, self._options.weight_decay), self._options.learning_rate)

    def _make_scheduler(self, optimizer: Optimizer, updates: int) -> LRScheduler:
        options = self._options
        return OneCycleLR(
            optimizer,
            options.learning_rate,
            total_steps=options.n_epochs * updates,
            pct_start=options.warmup,
        )

    def _order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self._options.manual_seed, epoch])
        if not self._options.balance:
            return rng.permutation(self._useful)
        classes = self._training.targets[self._useful].argmax(axis=1)
        weights = np.bincount(classes)[classes].astype(np.float64) ** -self._options.balance
        return rng.choice(self._useful, len(self._useful), p=weights / weights.sum())

    def _drawn(self, samples: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        options = self._options
        images = torch.from_numpy(self._training.images[samples]).to(self._fabric.device)
        targets = torch.from_numpy(self._training.targets[samples]).to(self._fabric.device)
        x = to_pixels(images, options.sample_size, views(len(images), options.strengths))
        x, targets = self._share(*mixed(x, targets, options.mixup))
        return prepared(x, self._raw.pixels), targets

    def _loss(self, batch: Batch) -> Tensor:
        x, targets = batch
        smooth = self._options.label_smoothing
        wanted = targets * (1 - smooth) + smooth / targets.shape[1]
        return -(wanted * log_probabilities(self._net(x))).sum(dim=-1).mean()

    def _figures(self, net: FaceClassifier) -> dict[str, float] | None:
        if self._validation is None:
            return None
        told = score.figures(self._validation, score.logits(net, self._validation), net.labels)
        return {f"val_{name}": float(told[name]) for name in ("top1", "uar", "ece")}
