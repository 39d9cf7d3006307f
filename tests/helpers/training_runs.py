"""Runs training commands in separate processes, and reads their logs."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "training.cli"]


def run(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Run `emolive-train` with these arguments in a separate process."""
    return subprocess.Popen([*COMMAND, *arguments], env=dict(os.environ), stdout=subprocess.DEVNULL)


def losses(folder: Path) -> list[float]:
    """The training loss of each epoch of a run."""
    with (folder / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]
