"""Training of a face classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from emolive.errors import ConfigError
from emolive.models.io.backbone import FaceClassifier
from training.augment.pipeline import image_pipeline
from training.backbone.config import NOT_PART_OF_A_RUN, BackboneConfig
from training.backbone.dataset import Faces
from training.backbone.metrics import predict_logits, summarize
from training.backbone.pixels import mixup, prepare_pixels
from training.batches import IntArray
from training.loop_steps import log_softmax
from training.trainer import Trainer

Batch = tuple[Tensor, Tensor]
"""Inputs of the backbone, and targets."""


class BackboneTrainer(Trainer[FaceClassifier, Batch]):
    """Trains one face classifier; see `Trainer`.

    Args:
        fabric: from `make_fabric`.
        net: with random or pretrained weights.
        training: faces to train on; those without a target are not drawn.
        config: options of the run.
        folder: for checkpoints and logs.
        validation: faces by which the best epoch is chosen; None keeps the last.
    """

    unit = "faces"

    def __init__(
        self,
        fabric: Fabric,
        net: FaceClassifier,
        training: Faces,
        *,
        config: BackboneConfig,
        folder: Path,
        validation: Faces | None = None,
    ) -> None:
        self._config, self._training, self._validation = config, training, validation
        self._augment = image_pipeline(config)
        self._usable = np.flatnonzero(training.targets.sum(axis=1) > 0)
        if len(self._usable) < 2:
            raise ConfigError("Fewer than two faces are left to train on.")
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(
            fabric,
            net,
            len(self._usable),
            config=config,
            not_part_of_a_run=NOT_PART_OF_A_RUN,
            folder=folder,
        )

    def make_optimizer(self, net: FaceClassifier) -> Optimizer:
        """AdamW; offsets and the scales of normalizations do not decay."""
        parameters = list(net.parameters())
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": self._config.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return AdamW(groups, self._config.learning_rate)

    def make_scheduler(self, optimizer: Optimizer, updates: int, epochs: int) -> LRScheduler:
        """One cycle (Smith and Topin 2019)."""
        config = self._config
        return OneCycleLR(
            optimizer,
            config.learning_rate,
            total_steps=epochs * updates,
            pct_start=config.warmup,
        )

    def epoch_order(self, epoch: int) -> IntArray:
        """The faces of an epoch in their order."""
        rng = np.random.default_rng([self._config.manual_seed, epoch])
        if not self._config.balance:
            return rng.permutation(self._usable)
        classes = self._training.targets[self._usable].argmax(axis=1)
        weights = np.bincount(classes)[classes].astype(np.float64) ** -self._config.balance
        return rng.choice(self._usable, len(self._usable), p=weights / weights.sum())

    def make_batch(self, samples: IntArray, rng: np.random.Generator) -> Batch:
        """This process's share of an augmented batch."""
        images = torch.from_numpy(self._training.images[samples]).to(self._fabric.device)
        targets = torch.from_numpy(self._training.targets[samples]).to(self._fabric.device)
        x = self._augment(images, self._config.sample_size, self._augment.draw(len(images)))
        x, targets = self.rank_share(*mixup(x, targets, self._config.mixup))
        return prepare_pixels(x, self._raw.pixels), targets

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy with soft targets."""
        x, targets = batch
        smoothing = self._config.label_smoothing
        smoothed = targets * (1 - smoothing) + smoothing / targets.shape[1]
        return -(smoothed * log_softmax(self._net(x))).sum(dim=-1).mean()

    def validate(self, net: FaceClassifier) -> dict[str, float] | None:
        """Scores on the validation faces."""
        if self._validation is None:
            return None
        summary = summarize(self._validation, predict_logits(net, self._validation), net.labels)
        return {f"val_{name}": float(summary[name]) for name in ("top1", "uar", "ece")}
