"""The loop that all training shares, on Lightning Fabric: epochs, steps, the best weights, resuming.

Devices, nodes and number formats are Fabric's. All random numbers of a step follow from the seed, the epoch
and the step, and are the same in every process; each process then uses its share of the batch. The number of
processes therefore does not change the result, and a resumed run ends with the same weights.
"""

from __future__ import annotations

import copy
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel

from emolive.errors import ConfigError, EmoliveError
from preprocessing.progress import ProgressBar
from training.batches import IntArray
from training.epoch_log import EpochLog, scores_text
from training.loop_steps import LoopConfig, seed_step
from training.run_checkpoint import Progress, RunCheckpoint, warmed_up_average
from training.sync_batchnorm import synchronize

Net = TypeVar("Net", bound=nn.Module)
Batch = TypeVar("Batch")


class Trainer(ABC, Generic[Net, Batch]):
    """Trains one network. `run` continues after `resume`.

    Args:
        fabric: from `make_fabric`.
        net: with random or pretrained weights; parameters that need no gradient are not trained.
        n_samples: samples of an epoch.
        config: options of the run.
        not_part_of_a_run: options that may differ in a run that is resumed.
        folder: for checkpoints and logs.
    """

    unit = "samples"

    def __init__(
        self,
        fabric: Fabric,
        net: Net,
        n_samples: int,
        *,
        config: Any,
        not_part_of_a_run: tuple[str, ...],
        folder: Path,
    ) -> None:
        self._fabric, self._folder, self._raw = fabric, folder, net
        self._loop: LoopConfig = config
        self._batch_size = min(config.batch_size, n_samples) // fabric.world_size * fabric.world_size
        if not self._batch_size:
            raise ConfigError(f"There are fewer {self.unit} to train on than processes: lower --devices.")
        self._steps = n_samples // self._batch_size
        """Batches of an epoch; an incomplete last one is dropped."""
        self._ema: AveragedModel | None = None
        if config.ema_decay:
            self._ema = AveragedModel(
                net, device=fabric.device, avg_fn=warmed_up_average(config.ema_decay), use_buffers=True
            )
        synchronize(net, fabric)
        self._net: Any
        self._optimizer: Optimizer
        self._net, self._optimizer = fabric.setup(self.wrap_module(net), self.make_optimizer(net))
        self._updates = -(-self._steps // config.accumulate)
        self._scheduler = self.make_scheduler(self._optimizer, self._updates, config.n_epochs)
        components: dict[str, Any] = {"net": net, "optimizer": self._optimizer, "scheduler": self._scheduler}
        if self._ema is not None:
            components["ema"] = self._ema
        # Files may move; what they hold is checked elsewhere.
        options = {
            k: v for k, v in asdict(config).items() if k not in not_part_of_a_run and not k.endswith("_path")
        }
        self._checkpoint = RunCheckpoint(folder, options, components)
        self.progress = Progress(planned=config.n_epochs)

    # --- hooks

    @abstractmethod
    def make_optimizer(self, net: Net) -> Optimizer:
        """The optimizer of the network's parameters."""

    @abstractmethod
    def make_scheduler(self, optimizer: Optimizer, updates: int, epochs: int) -> LRScheduler:
        """The learning rate schedule of `epochs`, which is stepped `updates` times in each."""

    @abstractmethod
    def epoch_order(self, epoch: int) -> IntArray:
        """The samples of an epoch in their order, the same in every process."""

    @abstractmethod
    def make_batch(self, samples: IntArray, rng: np.random.Generator) -> Batch:
        """This process's share of the batch of `samples`; draws the same numbers in every process."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The mean loss of a batch."""

    @abstractmethod
    def validate(self, net: Net) -> dict[str, float] | None:
        """Scores on the validation samples, val_top1 among them; None without validation."""

    def wrap_module(self, net: Net) -> nn.Module:
        """The module whose `forward` computes the inputs of the loss."""
        return net

    def set_training_mode(self) -> None:
        """Put the network's modules into the mode that training steps need."""
        self._net.train()

    def on_epoch_start(self) -> None:
        """Runs before each epoch, after which the network is in training mode."""
        self.set_training_mode()

    # --- running

    def run(
        self,
        bar: ProgressBar,
        on_best: Callable[[Net], None] = lambda _: None,
        *,
        on_epoch: Callable[[Net], None] = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Net:
        """Train to the end.

        Args:
            bar: shows the progress.
            on_best: called in the first process with the network after each epoch that is the best so far.
            on_epoch: called likewise after each epoch, before `on_best`.
            say: gets a line about each epoch.

        Returns:
            The network with the chosen weights, in eval mode.

        Raises:
            EmoliveError: the loss is not finite, or the folder cannot be written.
        """
        progress, epochs = self.progress, self._loop.n_epochs
        is_first = bool(self._fabric.global_rank == 0)
        with closing(EpochLog(self._folder if is_first else None, progress.epoch, epochs)) as log:
            per_epoch = self._steps * self._batch_size
            bar.start(epochs * per_epoch, progress.epoch * per_epoch)
            while progress.epoch < epochs and not self._is_out_of_patience:
                started = time.monotonic()
                loss = self.run_epoch(progress.epoch, bar)
                progress.epoch += 1
                row = {
                    "epoch": progress.epoch,
                    "loss": loss,
                    "learning_rate": float(self._scheduler.get_last_lr()[0]),
                    f"{self.unit}_per_s": per_epoch / (time.monotonic() - started),
                }
                row |= self._validate_epoch()
                progress.history.append(row)
                log.write(row, progress.epoch)
                if is_first:
                    self._checkpoint.write_log(progress)
                    self._checkpoint.save(progress)
                    on_epoch(self.eval_model)
                    if progress.best_epoch == progress.epoch:
                        on_best(self.eval_model)
                bar.describe(scores_text(row))
                say(log.line(row, progress.epoch))
                self._fabric.barrier()
        best = self.eval_model
        if progress.best_weights:
            best.load_state_dict(progress.best_weights)
        return best.float().eval()

    @property
    def eval_model(self) -> Net:
        """The network that is evaluated: the moving average of the weights, if there is one."""
        averaged: Any = self._ema
        return self._raw if averaged is None else averaged.module

    def resume(self) -> bool:
        """Restore the state in the folder; False if there is none.

        A finished run can take more epochs: they have a schedule of their own (a warm restart, Loshchilov and
        Hutter 2017) where that of the run has ended.

        Raises:
            EmoliveError: it is damaged, of a run with other options, or of one that cannot be extended.
        """
        epochs = self._loop.n_epochs
        progress = self._checkpoint.restore(self._fabric.device)
        if progress is None:
            return False
        self.progress = progress
        planned = progress.planned or self._checkpoint.stored_epochs
        if planned and epochs != planned:
            self._extend(planned, epochs)
        progress.planned = epochs
        return True

    def _extend(self, planned: int, epochs: int) -> None:
        """Change the number of epochs of a restored run."""
        done, has_end = self.progress.epoch, isinstance(self._scheduler, OneCycleLR)
        if epochs < done:
            raise ConfigError(f"The run has {done} epochs already: --n-epochs must not be below that.")
        if not has_end:
            return
        if done < planned:
            raise ConfigError(
                f"The run has done {done} of its {planned} epochs, for which its learning rate is planned: "
                f"resume it without --n-epochs first, and then with more."
            )
        self._scheduler = self.make_scheduler(self._optimizer, self._updates, epochs - done)
        self._checkpoint.components["scheduler"] = self._scheduler

    def measure_step_s(self) -> float:
        """Seconds of a training step, as measured now; trains nothing."""
        state = copy.deepcopy(self._raw.state_dict())
        self.set_training_mode()
        started = time.monotonic()
        self._fabric.backward(self.loss(next(self._batches(self.progress.epoch))))
        step_s = time.monotonic() - started
        self._optimizer.zero_grad()
        self._raw.load_state_dict(state)
        return step_s

    @property
    def steps_left(self) -> int:
        """Steps from here to the end of the run."""
        return int(self._steps) * max(0, self._loop.n_epochs - self.progress.epoch)

    @property
    def _is_out_of_patience(self) -> bool:
        patience, progress = self._loop.patience, self.progress
        validated = bool(progress.history) and "val_top1" in progress.history[-1]
        return bool(patience and validated and progress.epoch - progress.best_epoch >= patience)

    def _batches(self, epoch: int) -> Iterator[Batch]:
        seed, order = self._loop.manual_seed, self.epoch_order(epoch)
        for step in range(self._steps):
            rng = seed_step(seed, epoch, step)
            batch = self.make_batch(order[step * self._batch_size : (step + 1) * self._batch_size], rng)
            # Dropout draws for a process's own samples and must differ between processes.
            seed_step(seed, epoch, step, 1 + self._fabric.global_rank)
            yield batch

    def rank_share(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The rows of this process, on its device; their number is divisible by that of the processes."""
        fabric = self._fabric
        return tuple(t[fabric.global_rank :: fabric.world_size].to(fabric.device) for t in tensors)

    def run_epoch(self, epoch: int, bar: ProgressBar) -> float:
        """Train for one epoch; the mean loss over all processes."""
        fabric, accumulate = self._fabric, self._loop.accumulate
        self.on_epoch_start()
        total = torch.zeros((), device=fabric.device)
        for i, batch in enumerate(self._batches(epoch)):
            is_update = (i + 1) % accumulate == 0 or i + 1 == self._steps
            with fabric.no_backward_sync(self._net, enabled=not is_update and fabric.world_size > 1):
                loss = self.loss(batch)
                fabric.backward(loss / accumulate)
            if not bool(loss.isfinite()):
                raise EmoliveError(
                    f"The loss is not finite in epoch {epoch + 1}: lower --learning_rate, or set --grad_clip."
                )
            total += loss.detach()
            if is_update:
                self._update()
            bar.advance(self._batch_size)
        mean: Tensor = total / self._steps
        if fabric.world_size > 1:
            mean = fabric.all_reduce(mean, reduce_op="mean")
        return float(mean)

    def _update(self) -> None:
        if self._loop.grad_clip:
            self._fabric.clip_gradients(self._net, self._optimizer, max_norm=self._loop.grad_clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._scheduler.step()
        if self._ema is not None:
            self._ema.update_parameters(self._raw)

    def _validate_epoch(self) -> dict[str, float]:
        progress, net = self.progress, self.eval_model
        scores = self.validate(net)
        if scores is None:
            progress.best_epoch = progress.epoch
            return {}
        # The first process decides, so that all choose the same epoch.
        agreed: dict[str, float] = self._fabric.broadcast(scores)
        progress.update_best(agreed["val_top1"], net)
        return agreed
