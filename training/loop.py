"""The training loop, on Lightning Fabric: devices, nodes and number formats are its flags."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from emolive.errors import EmoliveError
from emolive.models.fusion import RESIDUAL
from emolive.models.network import EmotionNet
from training.assess import Validation
from training.batches import Batches
from training.config import NOT_PART_OF_A_RUN, REFERENCE_STEPS, Options
from training.masking import Masked, mask
from training.progress import Bar
from training.state import Progress, RunState, running_mean


def loss_of(net: Any, masked: Masked, options: Options) -> Tensor:
    """Soft-label cross-entropy of the joint answer, and `aux` times that of each branch that has input.

    `masked.target` is (B, 3, classes): for both streams, the face alone and the voice alone.
    """
    target = masked.target
    if options.label_smoothing:
        target = target * (1 - options.label_smoothing) + options.label_smoothing / target.shape[2]

    def cross_entropy(found: Tensor, of: int = 0) -> Tensor:
        each: Tensor = -(target[:, of] * found.float().log_softmax(dim=-1)).sum(dim=-1)
        return each

    if not options.aux:
        return cross_entropy(net(masked.video, masked.audio)).mean()
    out = net.branches(masked.video, masked.audio, options.joint_gradient)
    joint = cross_entropy(out.joint)
    if options.variant == RESIDUAL:
        joint = joint * masked.has_video * masked.has_audio  # nobody asks for it where one is missing
    total = joint.mean()
    if "v" in options.modality:
        total = total + options.aux * (cross_entropy(out.video, 1) * masked.has_video).mean()
    if "a" in options.modality:
        total = total + options.aux * (cross_entropy(out.audio, 2) * masked.has_audio).mean()
    return total


class Loop:
    """Trains one network; `run` goes on from where its folder says it was.

    Args:
        fabric: from `make_fabric`.
        net: with fresh or pretrained weights; a frozen trunk needs no gradient.
        batches: the training clips.
        options: of the run.
        folder: for state and logs.
        validation: chooses the best epoch; None keeps the last.
    """

    def __init__(
        self,
        fabric: Fabric,
        net: EmotionNet,
        batches: Batches,
        *,
        options: Options,
        folder: Path,
        validation: Validation | None = None,
    ) -> None:
        self._fabric, self._options, self._batches = fabric, options, batches
        self._folder, self._validation = folder, validation
        self._raw = net
        self._ema: AveragedModel | None = None
        if options.ema:
            self._ema = AveragedModel(
                net, device=fabric.device, avg_fn=running_mean(options.ema), use_buffers=True
            )
        learned = [p for p in net.parameters() if p.requires_grad]
        optimizer: torch.optim.Optimizer
        rate, decay = options.learning_rate, options.weight_decay
        if options.recipe == "reference":
            optimizer = torch.optim.SGD(learned, rate, momentum=0.9, dampening=0.9, weight_decay=decay)
        else:
            optimizer = torch.optim.AdamW(learned, rate, weight_decay=decay)
        wrapped: Any
        wrapped, optimizer = fabric.setup(net, optimizer)
        wrapped.mark_forward_method("branches")
        self._net = wrapped
        self._optimizer = optimizer
        self._per_epoch = max(1, len(batches) // min(options.batch_size, len(batches)))
        steps = -(-self._per_epoch // options.accumulate)
        self._scheduler: torch.optim.lr_scheduler.LRScheduler
        if options.recipe == "reference":
            at = [epoch * steps for epoch in REFERENCE_STEPS]
            self._scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, at, 0.1)
        else:
            self._scheduler = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, rate, total_steps=options.n_epochs * steps, pct_start=options.warmup
            )
        parts: dict[str, Any] = {"net": net, "optimizer": self._optimizer, "scheduler": self._scheduler}
        if self._ema is not None:
            parts["ema"] = self._ema
        told = {k: v for k, v in asdict(options).items() if k not in NOT_PART_OF_A_RUN}
        self._state = RunState(folder, told, parts)
        self.progress = Progress()

    def run(self, bar: Bar) -> EmotionNet:
        """Train to the end; the network comes back with the weights that were chosen, in eval mode.

        Raises:
            EmoliveError: the loss is not finite any more, or the folder cannot be written.
        """
        options, at = self._options, self.progress
        writer = (
            SummaryWriter(str(self._folder / "tensorboard"), purge_step=at.epoch + 1) if self._first else None
        )
        bar.start(
            options.n_epochs * self._per_epoch * options.batch_size,
            at.epoch * self._per_epoch * options.batch_size,
        )
        while at.epoch < options.n_epochs and not self._stopped:
            started = time.monotonic()
            loss = self._epoch(at.epoch, bar)
            at.epoch += 1
            row = {
                "epoch": at.epoch,
                "loss": loss,
                "learning_rate": float(self._scheduler.get_last_lr()[0]),
                "samples_per_s": self._per_epoch * options.batch_size / (time.monotonic() - started),
            }
            row |= self._judge()
            at.history.append(row)
            if writer is not None:
                for name, value in row.items():
                    writer.add_scalar(name, value, at.epoch)
                self._state.write_log(at)
                self._state.save(at)
            bar.tell(" ".join(f"{k} {v:.3f}" for k, v in row.items() if k in ("loss", "val_top1", "val_uar")))
            self._fabric.barrier()
        if writer is not None:
            writer.close()
        chosen = self._judged()
        if at.best_weights:
            chosen.load_state_dict(at.best_weights)
        return chosen.eval()

    @property
    def _first(self) -> bool:
        return bool(self._fabric.global_rank == 0)

    @property
    def _stopped(self) -> bool:
        patience, at = self._options.patience, self.progress
        return bool(patience and self._validation and at.epoch - at.best_epoch >= patience)

    def _judged(self) -> EmotionNet:
        """The network whose weights count: the running mean of them, if there is one."""
        if self._ema is None:
            return self._raw
        averaged = self._ema.module
        assert isinstance(averaged, EmotionNet)
        return averaged

    def _epoch(self, epoch: int, bar: Bar) -> float:
        options, fabric = self._options, self._fabric
        rank, world = fabric.global_rank, fabric.world_size
        seeds = np.random.SeedSequence([options.manual_seed, epoch, rank])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        self._net.train()
        total = torch.zeros((), device=fabric.device)
        given = self._batches.epoch(options.manual_seed, epoch, options.batch_size, rank=rank, world=world)
        for i, batch in enumerate(given):
            video, audio, target = (part.to(fabric.device) for part in batch)
            masked = self._mask(video, audio, target)
            full = (i + 1) % options.accumulate == 0 or i + 1 == self._per_epoch
            with fabric.no_backward_sync(self._net, enabled=not full and world > 1):
                loss = loss_of(self._net, masked, options)
                fabric.backward(loss / options.accumulate)
            total += loss.detach()
            if not bool(loss.isfinite()):
                raise EmoliveError(
                    f"The loss is not finite any more in epoch {epoch + 1}: lower --learning_rate, "
                    f"or set --clip_norm."
                )
            if full:
                if options.clip_norm:
                    fabric.clip_gradients(self._net, self._optimizer, max_norm=options.clip_norm)
                self._optimizer.step()
                self._optimizer.zero_grad()
                self._scheduler.step()
                if self._ema is not None:
                    self._ema.update_parameters(self._raw)
            bar.advance(options.batch_size)
        mean: Tensor = total / self._per_epoch
        if world > 1:
            mean = fabric.all_reduce(mean, reduce_op="mean")
        return float(mean)

    def _mask(self, video: Tensor, audio: Tensor, target: Tensor) -> Masked:
        options = self._options
        if options.modality == "v":
            audio = torch.zeros_like(audio)
        elif options.modality == "a":
            video = torch.zeros_like(video)
        kind = options.mask if options.modality == "av" else "nodropout"
        return mask(video, audio, target, kind, p_video=options.p_video, p_audio=options.p_audio)

    def _judge(self) -> dict[str, float]:
        at = self.progress
        if self._validation is None:
            at.best_epoch = at.epoch
            return {}
        net = self._judged()
        # The first process decides: its running statistics are the ones that are kept.
        found: dict[str, float] = self._fabric.broadcast(self._validation.figures(net))
        at.judge(found["val_top1"], net)
        return found

    def resume(self) -> bool:
        """Take up the state in the folder; False if there is none.

        Raises:
            EmoliveError: it is damaged, or of a run with other options.
        """
        found = self._state.resume(self._fabric.device)
        if found is not None:
            self.progress = found
        return found is not None
