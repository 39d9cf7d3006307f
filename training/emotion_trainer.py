"""Training of an emotion model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR

from emolive.models.factory import architecture
from emolive.models.network import Answers, EmotionNet
from training.batches import BatchMaker, IntArray
from training.config import NOT_PART_OF_A_RUN, TrainConfig
from training.loop_steps import log_softmax
from training.modality_dropout import Mask, MaskedBatch, apply_mask
from training.trainer import Trainer


class LossModule(nn.Module):
    """A network as the loss calls it: Fabric handles number formats and gradients in `forward` alone.

    Args:
        net: the network.
        with_branches: return the logits of each stream alone beside the joint ones.
        joint_grad_scale: share of the joint logits' gradient that reaches the branches.
    """

    def __init__(self, net: EmotionNet, *, with_branches: bool, joint_grad_scale: float) -> None:
        super().__init__()
        self.net, self.with_branches, self.joint_grad_scale = net, with_branches, joint_grad_scale

    def forward(self, video: Tensor, audio: Tensor) -> Tensor | Answers:
        """Inputs as for `EmotionNet.forward`."""
        if self.with_branches:
            return self.net.answers(video, audio, self.joint_grad_scale)
        logits: Tensor = self.net(video, audio)
        return logits


def emotion_loss(net: Any, batch: MaskedBatch, config: TrainConfig) -> Tensor:
    """Cross-entropy with soft targets of the joint logits, and `aux` times that of each stream alone.

    Labels that are not possible for a sample take no part in its softmax.

    Args:
        net: a `LossModule`, with branches if `config.aux` is not 0.
        batch: target as in `training.augment.base.WindowBatch`.
        config: options of the run.

    Returns:
        The mean over the batch, a scalar.
    """
    target, possible = batch.target[:, :3], batch.target[:, 3] > 0
    if config.label_smoothing:
        spread = possible / possible.sum(dim=-1, keepdim=True)
        target = target * (1 - config.label_smoothing) + config.label_smoothing * spread[:, None]

    def cross_entropy(logits: Tensor, stream: int) -> Tensor:
        log_probs = log_softmax(logits.masked_fill(~possible, -torch.inf))
        # 0 times minus infinity is not a number.
        return -(target[:, stream] * log_probs.masked_fill(~possible, 0.0)).sum(dim=-1)

    out = net(batch.video, batch.audio)
    if not config.aux:
        return cross_entropy(out, 0).mean()
    joint = cross_entropy(out.joint, 0)
    if architecture(config.arch).joint_needs_both:
        joint = joint * batch.has_video * batch.has_audio
    total = joint.mean()
    if "v" in config.modality:
        total = total + config.aux * (cross_entropy(out.video, 1) * batch.has_video).mean()
    if "a" in config.modality:
        total = total + config.aux * (cross_entropy(out.audio, 2) * batch.has_audio).mean()
    return total


class EmotionTrainer(Trainer[EmotionNet, MaskedBatch]):
    """Trains an emotion model; see `Trainer`.

    Args:
        fabric: from `make_fabric`.
        net: with random or pretrained weights; a frozen backbone needs no gradient.
        batches: of the training clips.
        config: options of the run.
        folder: for checkpoints and logs.
        validation: scores a network on the validation clips; None keeps the last epoch.
        before_epoch: called with the network before each epoch.
    """

    def __init__(
        self,
        fabric: Fabric,
        net: EmotionNet,
        batches: BatchMaker,
        *,
        config: TrainConfig,
        folder: Path,
        validation: Callable[[EmotionNet], dict[str, float]] | None = None,
        before_epoch: Callable[[EmotionNet], None] = lambda _: None,
    ) -> None:
        self._config, self._batch_maker = config, batches
        self._validation, self._before_epoch = validation, before_epoch
        super().__init__(
            fabric,
            net,
            len(batches),
            config=config,
            not_part_of_a_run=NOT_PART_OF_A_RUN,
            folder=folder,
        )

    def wrap_module(self, net: EmotionNet) -> nn.Module:
        """The network with the outputs that the loss needs."""
        return LossModule(
            net, with_branches=self._config.aux > 0, joint_grad_scale=self._config.joint_grad_scale
        )

    def make_optimizer(self, net: EmotionNet) -> Optimizer:
        """SGD as published, or AdamW; the backbone has its own learning rate."""
        config = self._config
        trained = [p for p in net.parameters() if p.requires_grad]
        backbone = {id(p) for p in net.backbone.parameters()} if net.backbone is not None else set()
        groups: list[dict[str, Any]] = [{"params": [p for p in trained if id(p) not in backbone]}]
        if any(id(p) in backbone for p in trained):
            lr = config.learning_rate * config.backbone_lr_scale
            groups.append({"params": [p for p in trained if id(p) in backbone], "lr": lr})
        if config.optimizer == "sgd":
            return SGD(
                groups,
                config.learning_rate,
                momentum=config.momentum,
                dampening=config.dampening,
                weight_decay=config.weight_decay,
            )
        return AdamW(groups, config.learning_rate, weight_decay=config.weight_decay)

    def make_scheduler(self, optimizer: Optimizer, updates: int, epochs: int) -> LRScheduler:
        """Steps as published, or one cycle (Smith and Topin 2019)."""
        config = self._config
        if config.schedule == "steps":
            return MultiStepLR(optimizer, [epoch * updates for epoch in config.lr_steps], 0.1)
        highest = [float(group["lr"]) for group in optimizer.param_groups]
        return OneCycleLR(optimizer, highest, total_steps=epochs * updates, pct_start=config.warmup)

    def on_epoch_start(self) -> None:
        """Prepare the samples of the epoch and set the modules' modes."""
        self._before_epoch(self._raw)
        super().on_epoch_start()

    def set_training_mode(self) -> None:
        """All modules are trained but the statistics of a backbone."""
        super().set_training_mode()
        if self._raw.backbone is not None:
            # The backbone keeps the batch statistics of its pretraining, since those of a batch would be of a
            # few people with fifteen nearly equal frames each. A frame's features then depend on that frame
            # alone, as they do live, and frames can be encoded in chunks, once for all copies that modality
            # dropout makes. Scales and offsets are trained like the filters.
            self._raw.backbone.eval()

    def epoch_order(self, epoch: int) -> IntArray:
        """The clips of an epoch in their order."""
        return self._batch_maker.epoch_order(self._config.manual_seed, epoch)

    def make_batch(self, samples: IntArray, rng: np.random.Generator) -> MaskedBatch:
        """This process's share of an augmented batch, after modality dropout."""
        fabric, config = self._fabric, self._config
        rank_slice = slice(fabric.global_rank, None, fabric.world_size)
        video, audio, target = self._batch_maker.make(samples, rng, rank_slice)
        if config.modality == "v":
            audio = torch.zeros_like(audio)
        elif config.modality == "a":
            video = torch.zeros_like(video)
        mask: Mask = config.mask if config.modality == "av" else "nodropout"
        masked = apply_mask(video, audio, target, mask, p_video=config.p_video, p_audio=config.p_audio)
        return MaskedBatch(*self.rank_share(*masked))

    def loss(self, batch: MaskedBatch) -> Tensor:
        """The mean loss of a batch."""
        return emotion_loss(self._net, batch, self._config)

    def validate(self, net: EmotionNet) -> dict[str, float] | None:
        """Scores on the validation clips."""
        return None if self._validation is None else self._validation(net)
