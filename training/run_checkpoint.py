"""The state of a run after each epoch, from which it continues bit for bit; written atomically."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, ConfigError

LAST = "last.pt"
LOG = "log.csv"
FORMAT = 2


@dataclass
class Progress:
    """The progress of a run. Random numbers are determined by seed and epoch, so no generator is stored."""

    epoch: int = 0
    """Epochs done."""
    best: float = -1.0
    """Score of the best epoch."""
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    """A row for each epoch."""
    planned: int = 0
    """Epochs for which the learning rate is scheduled; 0 where an earlier version did not record it."""

    def update_best(self, score: float, net: nn.Module) -> None:
        """Store the weights of the epoch just done if it is the best so far."""
        if score > self.best:
            self.best, self.best_epoch = score, self.epoch
            self.best_weights = {k: v.detach().cpu().clone() for k, v in net.state_dict().items()}


def warmed_up_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average for `AveragedModel` whose decay rises to `decay`.

    With a constant decay, a short run would end near its initial weights.
    """

    def update(average: Tensor, value: Tensor, n_averaged: Tensor | int) -> Tensor:
        n = float(n_averaged)
        return average + (1 - min(decay, (1 + n) / (10 + n))) * (value - average)

    return update


class RunCheckpoint:
    """The state of a run in its folder.

    Args:
        folder: of the run.
        options: all options that decide the result; a run with others is not resumed.
        components: objects with a state_dict: net, optimizer, scheduler, ema.
    """

    def __init__(self, folder: Path, options: dict[str, Any], components: dict[str, Any]) -> None:
        self._folder, self._options, self.components = folder, options, components
        self.stored_epochs = 0
        """`n_epochs` in the state that was restored, where an earlier version kept it among the options."""

    def save(self, progress: Progress) -> None:
        """Write everything that the next epoch depends on.

        Raises:
            OutputError: the file cannot be written.
        """
        state = {
            "format": FORMAT,
            "options": self._options,
            "progress": {f.name: getattr(progress, f.name) for f in fields(Progress)},
            **{name: part.state_dict() for name, part in self.components.items()},
        }
        with atomic_write(self._folder / LAST) as path:
            torch.save(state, path)

    def restore(self, device: torch.device) -> Progress | None:
        """Load the state in the folder into the components; None if there is none.

        Raises:
            CheckpointError: it is damaged or of another version.
            ConfigError: it is of a run with other options.
        """
        path = self._folder / LAST
        if not path.is_file():
            return None
        damaged = f"{path} is damaged: start the run again."
        try:
            state = torch.load(path, map_location=device, weights_only=True)
            version, stored = state["format"], dict(state["options"])
        except Exception as error:
            # A truncated or foreign file may raise any error in the unpickler.
            raise CheckpointError(damaged) from error
        if version != FORMAT:
            raise CheckpointError(
                f"{path} was written by another version of emolive: start the run again with --config."
            )
        for name, value in self._options.items():
            # Options that are newer than the run had their default in it.
            if stored.get(name, value) != value:
                raise ConfigError(
                    f"The run in {self._folder} has {name} {stored.get(name)}, not {value}: "
                    f"choose another --result_path."
                )
        try:
            self.stored_epochs = int(stored.get("n_epochs", 0))
            for name, part in self.components.items():
                part.load_state_dict(state[name])
            return Progress(**state["progress"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(damaged) from error

    def write_log(self, progress: Progress) -> None:
        """Write the history as CSV, one row for each epoch.

        Raises:
            OutputError: the file cannot be written.
        """
        with atomic_write(self._folder / LOG) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(progress.history[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(progress.history)
