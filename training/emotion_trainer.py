"""The training loop of a whole model."""

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
from training.batches import Batches, IntArray
from training.config import NOT_PART_OF_A_RUN, REFERENCE_STEPS, Options
from training.modality_dropout import Masked, mask
from training.trainer import Trainer, log_probabilities


class LossModule(nn.Module):
    """A network as the loss calls it: Fabric minds number formats and gradients in `forward` alone.

    Args:
        net: the network.
        alone: ask for `EmotionNet.answers` instead of the fused answer.
        share: of the gradient of the joint answer, for `answers`.
    """

    def __init__(self, net: EmotionNet, *, alone: bool, share: float) -> None:
        super().__init__()
        self.net, self.alone, self.share = net, alone, share

    def forward(self, video: Tensor, audio: Tensor) -> Tensor | Answers:
        """Inputs as for `EmotionNet.forward`."""
        if self.alone:
            return self.net.answers(video, audio, self.share)
        fused: Tensor = self.net(video, audio)
        return fused


def loss_of(net: Any, masked: Masked, options: Options) -> Tensor:
    """Soft-label cross-entropy of the joint answer, and `aux` times that of each branch that has input.

    `net` is an `LossModule`, asked for the branches if there is an `aux`; `masked.target` is
    (B, 3, classes): for both streams, the face alone and the voice alone.
    """
    target = masked.target
    if options.label_smoothing:
        target = target * (1 - options.label_smoothing) + options.label_smoothing / target.shape[2]

    def cross_entropy(found: Tensor, of: int = 0) -> Tensor:
        return -(target[:, of] * log_probabilities(found)).sum(dim=-1)

    out = net(masked.video, masked.audio)
    if not options.aux:
        return cross_entropy(out).mean()
    joint = cross_entropy(out.joint)
    if architecture(options.arch).joint_needs_both:
        joint = joint * masked.has_video * masked.has_audio  # nobody asks for it where one is missing
    total = joint.mean()
    if "v" in options.modality:
        total = total + options.aux * (cross_entropy(out.video, 1) * masked.has_video).mean()
    if "a" in options.modality:
        total = total + options.aux * (cross_entropy(out.audio, 2) * masked.has_audio).mean()
    return total


class EmotionTrainer(Trainer[EmotionNet, Masked]):
    """Trains a whole model; see `Trainer`.

    Args:
        fabric: from `make_fabric`.
        net: with fresh or pretrained weights; a frozen trunk needs no gradient.
        batches: the training clips.
        options: of the run.
        folder: for state and logs.
        judge: what validation says of a network; None keeps the last epoch.
        begin: called with the network before each epoch.
    """

    def __init__(
        self,
        fabric: Fabric,
        net: EmotionNet,
        batches: Batches,
        *,
        options: Options,
        folder: Path,
        judge: Callable[[EmotionNet], dict[str, float]] | None = None,
        begin: Callable[[EmotionNet], None] = lambda _: None,
    ) -> None:
        self._options, self._batches_of, self._judge_of, self._before = options, batches, judge, begin
        super().__init__(
            fabric, net, len(batches), options=options, unchecked=NOT_PART_OF_A_RUN, folder=folder
        )

    def wrap_module(self, net: EmotionNet) -> nn.Module:
        return LossModule(net, alone=self._options.aux > 0, share=self._options.joint_gradient)

    def _make_optimizer(self, net: EmotionNet) -> Optimizer:
        options = self._options
        learned = [p for p in net.parameters() if p.requires_grad]
        backbone = {id(p) for p in net.backbone.parameters()} if net.backbone is not None else set()
        groups: list[dict[str, Any]] = [{"params": [p for p in learned if id(p) not in backbone]}]
        if any(id(p) in backbone for p in learned):
            rate = options.learning_rate * options.trunk_rate
            groups.append({"params": [p for p in learned if id(p) in backbone], "lr": rate})
        if options.recipe == "reference":
            return SGD(
                groups,
                options.learning_rate,
                momentum=0.9,
                dampening=0.9,
                weight_decay=options.weight_decay,
            )
        return AdamW(groups, options.learning_rate, weight_decay=options.weight_decay)

    def _make_scheduler(self, optimizer: Optimizer, updates: int) -> LRScheduler:
        options = self._options
        if options.recipe == "reference":
            return MultiStepLR(optimizer, [epoch * updates for epoch in REFERENCE_STEPS], 0.1)
        highest = [float(group["lr"]) for group in optimizer.param_groups]
        return OneCycleLR(
            optimizer, highest, total_steps=options.n_epochs * updates, pct_start=options.warmup
        )

    def _begin(self) -> None:
        self._before(self._raw)

    def _set_mode(self) -> None:
        super()._set_mode()
        if self._raw.backbone is not None:
            # The trunk keeps the statistics it was pretrained with: live it sees one frame at a time, and
            # those of a batch would be of a few persons, fifteen nearly equal frames of each. So, too, a
            # frame's vector depends on nothing but the frame: frames can be encoded in chunks and once for
            # all copies that modality dropout makes of them. Its scales and offsets learn like its filters.
            self._raw.backbone.eval()

    def _order(self, epoch: int) -> IntArray:
        return self._batches_of.order(self._options.manual_seed, epoch)

    def _drawn(self, samples: IntArray, rng: np.random.Generator) -> Masked:
        fabric = self._fabric
        mine = slice(fabric.global_rank, None, fabric.world_size)
        atomic_write = self._masked(*self._batches_of.batch(samples, rng, mine))
        return Masked(*self._share(*atomic_write))

    def _loss(self, batch: Masked) -> Tensor:
        return loss_of(self._net, batch, self._options)

    def _masked(self, video: Tensor, audio: Tensor, target: Tensor) -> Masked:
        options = self._options
        if options.modality == "v":
            audio = torch.zeros_like(audio)
        elif options.modality == "a":
            video = torch.zeros_like(video)
        kind = options.mask if options.modality == "av" else "nodropout"
        return mask(video, audio, target, kind, p_video=options.p_video, p_audio=options.p_audio)

    def _figures(self, net: EmotionNet) -> dict[str, float] | None:
        return None if self._judge_of is None else self._judge_of(net)
