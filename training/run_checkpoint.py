"""What a run needs to go on bit for bit where it was stopped: kept after each epoch, whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError

LAST = "last.pt"
LOG = "log.csv"
FORMAT = 1


@dataclass
class Progress:
    """Where a run is; with seed and epoch all that is random begins anew in each epoch."""

    epoch: int = 0
    """Epochs done."""
    best: float = -1.0
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def judge(self, figure: float, net: nn.Module) -> bool:
        """Keep the weights of the best epoch so far; whether this one is it."""
        if figure <= self.best:
            return False
        self.best, self.best_epoch = figure, self.epoch
        self.best_weights = {k: v.detach().cpu().clone() for k, v in net.state_dict().items()}
        return True


def running_mean(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Of weights; it forgets faster at first, so that a short run is not left with where it began."""

    def update(mean: Tensor, value: Tensor, seen: Tensor | int) -> Tensor:
        n = float(seen)
        return mean + (1 - min(decay, (1 + n) / (10 + n))) * (value - mean)

    return update


class RunState:
    """The state of a run in its folder.

    Args:
        folder: of the run.
        told: all options that decide the result, by name; a run with others does not go on from it.
        parts: what has a state_dict: net, optimizer, scheduler, ema.
    """

    def __init__(self, folder: Path, told: dict[str, Any], parts: dict[str, Any]) -> None:
        self._folder, self._told, self._parts = folder, told, parts

    def save(self, progress: Progress) -> None:
        """Write everything that the next epoch depends on."""
        state = {
            "format": FORMAT,
            "options": self._told,
            "progress": {f.name: getattr(progress, f.name) for f in fields(Progress)},
            **{name: part.state_dict() for name, part in self._parts.items()},
        }
        with atomic_write(self._folder / LAST) as path:
            torch.save(state, path)

    def resume(self, device: torch.device) -> Progress | None:
        """Take up the state in the folder; None if there is none.

        Raises:
            EmoliveError: it is damaged, or of a run with other options.
        """
        path = self._folder / LAST
        if not path.is_file():
            return None
        damaged = f"{path} is damaged: start the run anew."
        try:
            state = torch.load(path, map_location=device, weights_only=True)
            stored = dict(state["options"])
        except Exception as error:
            # What a cut-off or foreign file makes of the unpickler cannot be foreseen.
            raise EmoliveError(damaged) from error
        for name, value in self._told.items():
            if stored.get(name) != value:
                raise EmoliveError(
                    f"The run in {self._folder} had {name} {stored.get(name)}, and now it is {value}: "
                    f"choose another --result_path."
                )
        try:
            for name, part in self._parts.items():
                part.load_state_dict(state[name])
            return Progress(**state["progress"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise EmoliveError(damaged) from error

    def write_log(self, progress: Progress) -> None:
        """The history as CSV, one row an epoch."""
        with atomic_write(self._folder / LOG) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(progress.history[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(progress.history)
