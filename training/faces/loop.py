"""The loop that trains a face classifier, on Lightning Fabric."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from emolive.errors import EmoliveError
from emolive.models.trunk_file import FaceClassifier
from training.faces import score
from training.faces.augment import mixed, prepared, to_pixels
from training.faces.dataset import Faces
from training.faces.options import NOT_PART_OF_A_RUN, FaceOptions
from training.progress import Bar
from training.state import Progress, RunState, running_mean


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Filters decay; offsets and the scales of normalisation do not."""
    parameters = list(net.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


class FaceLoop:
    """Trains one face classifier; `run` goes on from where its folder says it was.

    Args:
        fabric: from `make_fabric`.
        net: with fresh or pretrained weights.
        training: faces to learn from; those without a target are not drawn.
        options: of the run.
        folder: for state and logs.
        validation: chooses the best epoch; None keeps the last.
    """

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
        self._fabric, self._options, self._folder = fabric, options, folder
        self._training, self._validation = training, validation
        self._useful = np.flatnonzero(training.targets.sum(axis=1) > 0)
        if len(self._useful) < 2:
            raise EmoliveError("Fewer than two faces are left to train on.")
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._raw = net
        self._ema: AveragedModel | None = None
        if options.ema:
            self._ema = AveragedModel(
                net, device=fabric.device, avg_fn=running_mean(options.ema), use_buffers=True
            )
        self._net: Any
        optimizer = torch.optim.AdamW(_groups(net, options.weight_decay), options.learning_rate)
        self._net, self._optimizer = fabric.setup(net, optimizer)
        self._batch = min(options.batch_size, len(self._useful))
        self._steps = len(self._useful) // self._batch
        self._scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            options.learning_rate,
            total_steps=options.n_epochs * self._steps,
            pct_start=options.warmup,
        )
        parts: dict[str, Any] = {"net": net, "optimizer": self._optimizer, "scheduler": self._scheduler}
        if self._ema is not None:
            parts["ema"] = self._ema
        told = {k: v for k, v in asdict(options).items() if k not in NOT_PART_OF_A_RUN}
        self._state = RunState(folder, told, parts)
        self.progress = Progress()

    def run(self, bar: Bar, keep: Callable[[FaceClassifier], None] = lambda _: None) -> FaceClassifier:
        """Train to the end; the network comes back with the weights that were chosen, in eval mode.

        Args:
            bar: shows how far it is.
            keep: called with the network after each epoch that is the best so far, in the first process.

        Raises:
            EmoliveError: the loss is not finite any more, or the folder cannot be written.
        """
        options, at = self._options, self.progress
        first = bool(self._fabric.global_rank == 0)
        writer = SummaryWriter(str(self._folder / "tensorboard"), purge_step=at.epoch + 1) if first else None
        per_epoch = self._steps * self._batch
        bar.start(options.n_epochs * per_epoch, at.epoch * per_epoch)
        while at.epoch < options.n_epochs and not self._stopped:
            started = time.monotonic()
            loss = self._epoch(at.epoch, bar)
            at.epoch += 1
            row = {
                "epoch": at.epoch,
                "loss": loss,
                "learning_rate": float(self._scheduler.get_last_lr()[0]),
                "faces_per_s": per_epoch / (time.monotonic() - started),
            }
            row |= self._judge()
            at.history.append(row)
            if writer is not None:
                for name, value in row.items():
                    writer.add_scalar(name, value, at.epoch)
                writer.flush()
                self._state.write_log(at)
                self._state.save(at)
                if at.best_epoch == at.epoch:
                    keep(self.judged())
            bar.tell(" ".join(f"{k} {v:.3f}" for k, v in row.items() if k in ("loss", "val_top1", "val_uar")))
            self._fabric.barrier()
        if writer is not None:
            writer.close()
        chosen = self.judged()
        if at.best_weights:
            chosen.load_state_dict(at.best_weights)
        return chosen.eval()

    def judged(self) -> FaceClassifier:
        """The network whose weights count: the running mean of them, if there is one."""
        if self._ema is None:
            return self._raw
        averaged = self._ema.module
        assert isinstance(averaged, FaceClassifier)
        return averaged

    @property
    def _stopped(self) -> bool:
        patience, at = self._options.patience, self.progress
        return bool(patience and self._validation and at.epoch - at.best_epoch >= patience)

    def _drawn(self, epoch: int) -> NDArray[np.int64]:
        """The faces of an epoch in their order, alike in every process."""
        rng = np.random.default_rng([self._options.manual_seed, epoch])
        if not self._options.balance:
            return rng.permutation(self._useful)
        classes = self._training.targets[self._useful].argmax(axis=1)
        weights = np.bincount(classes)[classes].astype(np.float64) ** -self._options.balance
        return rng.choice(self._useful, len(self._useful), p=weights / weights.sum())

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of each batch: pixels as the trunk takes them, and targets."""
        options, fabric = self._options, self._fabric
        rank, world = fabric.global_rank, fabric.world_size
        seeds = np.random.SeedSequence([options.manual_seed, epoch, rank])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        drawn = self._drawn(epoch)
        for step in range(self._steps):
            chosen = drawn[step * self._batch : (step + 1) * self._batch][rank::world]
            images = torch.from_numpy(self._training.images[chosen]).to(fabric.device)
            targets = torch.from_numpy(self._training.targets[chosen]).to(fabric.device)
            x = to_pixels(images, options.sample_size, options.strengths)
            x, targets = mixed(x, targets, options.mixup)
            yield prepared(x, self._raw.pixels), targets

    def _epoch(self, epoch: int, bar: Bar) -> float:
        options, fabric = self._options, self._fabric
        self._net.train()
        total = torch.zeros((), device=fabric.device)
        for x, targets in self._batches(epoch):
            smooth = options.label_smoothing
            wanted = targets * (1 - smooth) + smooth / targets.shape[1]
            loss = -(wanted * self._net(x).float().log_softmax(dim=-1)).sum(dim=-1).mean()
            if not bool(loss.isfinite()):
                raise EmoliveError(
                    f"The loss is not finite any more in epoch {epoch + 1}: lower --learning_rate."
                )
            fabric.backward(loss)
            if options.clip_norm:
                fabric.clip_gradients(self._net, self._optimizer, max_norm=options.clip_norm)
            self._optimizer.step()
            self._optimizer.zero_grad()
            self._scheduler.step()
            if self._ema is not None:
                self._ema.update_parameters(self._raw)
            total += loss.detach()
            bar.advance(self._batch)
        mean: Tensor = total / self._steps
        if fabric.world_size > 1:
            mean = fabric.all_reduce(mean, reduce_op="mean")
        return float(mean)

    def _judge(self) -> dict[str, float]:
        at = self.progress
        if self._validation is None:
            at.best_epoch = at.epoch
            return {}
        net = self.judged()
        told = score.figures(self._validation, score.logits(net, self._validation), net.labels)
        # The first process decides: its running statistics are the ones that are kept.
        found: dict[str, float] = self._fabric.broadcast(
            {f"val_{name}": float(told[name]) for name in ("top1", "uar", "ece")}
        )
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
