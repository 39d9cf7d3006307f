"""What a training says about each epoch: rows for TensorBoard, and lines for people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from emolive.quantities import duration_text

_SHOWN = ("loss", "val_top1", "val_uar")


def scores_text(row: Mapping[str, float]) -> str:
    """The scores of an epoch that people look at."""
    return " ".join(f"{name} {value:.3f}" for name, value in row.items() if name in _SHOWN)


class EpochLog:
    """Logs the epochs of a run, from now on.

    Args:
        folder: of the run; None in processes that write nothing.
        done: epochs that the run has already.
        planned: epochs of the whole run.
    """

    def __init__(self, folder: Path | None, done: int, planned: int) -> None:
        self._writer = (
            None if folder is None else SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1)
        )
        self._done, self._planned, self._began_s = done, planned, time.monotonic()

    def write(self, row: Mapping[str, float], epoch: int) -> None:
        """Write the scores of an epoch for TensorBoard."""
        if self._writer is None:
            return
        for name, value in row.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def line(self, row: Mapping[str, float], epoch: int) -> str:
        """The scores of an epoch that has just ended, its mean duration, and the time that is left."""
        epoch_s = (time.monotonic() - self._began_s) / (epoch - self._done)
        epochs_left = self._planned - epoch
        left = f", {duration_text(epochs_left * epoch_s)} left" if epochs_left > 0 else ""
        scores = scores_text(row)
        return f"epoch {epoch} of {self._planned}: {scores}; {duration_text(epoch_s)} an epoch{left}"

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
