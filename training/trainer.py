"""The frame of every training loop, on Lightning Fabric: epochs, steps, logs, the best weights, resume.

Devices, nodes and number formats are Fabric's flags. All that is random in a step follows from the seed,
the epoch and the step, alike in every process; each process takes its share of the batch afterwards.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from emolive.errors import EmoliveError
from training.progress import Bar
from training.run_checkpoint import Progress, RunState, running_mean
from training.sync_batchnorm import synchronise

Net = TypeVar("Net", bound=nn.Module)
Batch = TypeVar("Batch")
FIGURES_SHOWN = ("loss", "val_top1", "val_uar")


class Settings(Protocol):
    """What the frame reads of a run's options."""

    @property
    def n_epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def manual_seed(self) -> int: ...
    @property
    def accumulate(self) -> int: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def ema(self) -> float: ...
    @property
    def patience(self) -> int: ...


def seed_step(seed: int, epoch: int, step: int, *more: int) -> np.random.Generator:
    """Begin a step's randomness: torch's own generator is seeded, and one for numpy comes back."""
    seeds = np.random.SeedSequence([seed, epoch, step, *more])
    torch.manual_seed(int(seeds.generate_state(1)[0]))
    return np.random.default_rng(seeds)


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over the last axis, in float32 at least."""
    return logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))


class Trainer(ABC, Generic[Net, Batch]):
    """Trains one network; `run` goes on from where its folder says it was.

    Args:
        fabric: from `make_fabric`.
        net: with fresh or pretrained weights; what needs no gradient is not trained.
        samples: how many an epoch draws from.
        options: of the run.
        unchecked: names of options in which a run that goes on may differ.
        folder: for state and logs.
    """

    unit = "samples"

    def __init__(
        self,
        fabric: Fabric,
        net: Net,
        samples: int,
        *,
        options: Any,
        unchecked: tuple[str, ...],
        folder: Path,
    ) -> None:
        self._fabric, self._raw, self._folder = fabric, net, folder
        self._settings: Settings = options
        self._batch = min(options.batch_size, samples) // fabric.world_size * fabric.world_size
        if not self._batch:
            raise EmoliveError(f"There are fewer {self.unit} to train on than processes: lower --devices.")
        self._steps = samples // self._batch
        """Batches an epoch; a short last one is left out."""
        self._ema: AveragedModel | None = None
        if options.ema:
            self._ema = AveragedModel(
                net, device=fabric.device, avg_fn=running_mean(options.ema), use_buffers=True
            )
        synchronise(net, fabric)
        self._net: Any
        self._optimizer: Optimizer
        self._net, self._optimizer = fabric.setup(self.wrap_module(net), self._make_optimizer(net))
        updates = -(-self._steps // options.accumulate)
        self._scheduler = self._make_scheduler(self._optimizer, updates)
        parts: dict[str, Any] = {"net": net, "optimizer": self._optimizer, "scheduler": self._scheduler}
        if self._ema is not None:
            parts["ema"] = self._ema
        told = {k: v for k, v in asdict(options).items() if k not in unchecked}
        self._state = RunState(folder, told, parts)
        self.progress = Progress()

    @abstractmethod
    def _make_optimizer(self, net: Net) -> Optimizer: ...

    @abstractmethod
    def _make_scheduler(self, optimizer: Optimizer, updates: int) -> LRScheduler:
        """`updates`: steps of the optimizer in an epoch."""

    @abstractmethod
    def _order(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The samples of an epoch in their order, alike in every process."""

    @abstractmethod
    def _drawn(self, samples: np.ndarray[Any, np.dtype[np.int64]], rng: np.random.Generator) -> Batch:
        """This process's share of the batch of these samples; draws the same in every process."""

    @abstractmethod
    def _loss(self, batch: Batch) -> Tensor: ...

    @abstractmethod
    def _figures(self, net: Net) -> dict[str, float] | None:
        """What validation says of a network, `val_top1` among it; None without validation."""

    def wrap_module(self, net: Net) -> nn.Module:
        """The module whose `forward` gives what the loss is made of."""
        return net

    def _begin(self) -> None:
        """Before each epoch."""

    def _set_mode(self) -> None:
        """Make the network ready for an epoch's steps."""
        self._net.train()

    def run(self, bar: Bar, keep: Callable[[Net], None] = lambda _: None) -> Net:
        """Train to the end; the network comes back with the weights that were chosen, in eval mode.

        Args:
            bar: shows how far it is.
            keep: called with the network after each epoch that is the best so far, in the first process.

        Raises:
            EmoliveError: the loss is not finite any more, or the folder cannot be written.
        """
        at, epochs = self.progress, self._settings.n_epochs
        first = bool(self._fabric.global_rank == 0)
        writer = SummaryWriter(str(self._folder / "tensorboard"), purge_step=at.epoch + 1) if first else None
        per_epoch = self._steps * self._batch
        bar.start(epochs * per_epoch, at.epoch * per_epoch)
        while at.epoch < epochs and not self._stopped:
            started = time.monotonic()
            loss = self._epoch(at.epoch, bar)
            at.epoch += 1
            row = {
                "epoch": at.epoch,
                "loss": loss,
                "learning_rate": float(self._scheduler.get_last_lr()[0]),
                f"{self.unit}_per_s": per_epoch / (time.monotonic() - started),
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
            bar.tell(" ".join(f"{k} {v:.3f}" for k, v in row.items() if k in FIGURES_SHOWN))
            self._fabric.barrier()
        if writer is not None:
            writer.close()
        chosen = self.judged()
        if at.best_weights:
            chosen.load_state_dict(at.best_weights)
        return chosen.float().eval()

    def judged(self) -> Net:
        """The network whose weights count: the running mean of them, if there is one."""
        averaged: Any = self._ema
        return self._raw if averaged is None else averaged.module

    def resume(self) -> bool:
        """Take up the state in the folder; False if there is none.

        Raises:
            EmoliveError: it is damaged, or of a run with other options.
        """
        found = self._state.resume(self._fabric.device)
        if found is not None:
            self.progress = found
        return found is not None

    @property
    def _stopped(self) -> bool:
        patience, at = self._settings.patience, self.progress
        judged = bool(at.history) and "val_top1" in at.history[-1]
        return bool(patience and judged and at.epoch - at.best_epoch >= patience)

    def _batches(self, epoch: int) -> Iterator[Batch]:
        seed, order = self._settings.manual_seed, self._order(epoch)
        for step in range(self._steps):
            rng = seed_step(seed, epoch, step)
            batch = self._drawn(order[step * self._batch : (step + 1) * self._batch], rng)
            # Dropout layers draw for their own samples: not the same in each process.
            seed_step(seed, epoch, step, 1 + self._fabric.global_rank)
            yield batch

    def _share(self, *parts: Tensor) -> tuple[Tensor, ...]:
        """The rows of this process, on its device; their number divides by that of the processes."""
        fabric = self._fabric
        return tuple(part[fabric.global_rank :: fabric.world_size].to(fabric.device) for part in parts)

    def _epoch(self, epoch: int, bar: Bar) -> float:
        """One pass; the mean loss over all processes."""
        fabric, settings = self._fabric, self._settings
        self._begin()
        self._set_mode()
        total = torch.zeros((), device=fabric.device)
        for i, batch in enumerate(self._batches(epoch)):
            full = (i + 1) % settings.accumulate == 0 or i + 1 == self._steps
            with fabric.no_backward_sync(self._net, enabled=not full and fabric.world_size > 1):
                loss = self._loss(batch)
                fabric.backward(loss / settings.accumulate)
            if not bool(loss.isfinite()):
                raise EmoliveError(
                    f"The loss is not finite any more in epoch {epoch + 1}: lower --learning_rate, "
                    f"or set --clip_norm."
                )
            total += loss.detach()
            if full:
                self._update()
            bar.advance(self._batch)
        mean: Tensor = total / self._steps
        if fabric.world_size > 1:
            mean = fabric.all_reduce(mean, reduce_op="mean")
        return float(mean)

    def _update(self) -> None:
        if self._settings.clip_norm:
            self._fabric.clip_gradients(self._net, self._optimizer, max_norm=self._settings.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._scheduler.step()
        if self._ema is not None:
            self._ema.update_parameters(self._raw)

    def _judge(self) -> dict[str, float]:
        at, net = self.progress, self.judged()
        figures = self._figures(net)
        if figures is None:
            at.best_epoch = at.epoch
            return {}
        # The first process decides, so that all of them keep the same epoch.
        found: dict[str, float] = self._fabric.broadcast(figures)
        at.judge(found["val_top1"], net)
        return found
