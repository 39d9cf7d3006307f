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


def run_on(devices: int, arguments: list[str]) -> int:
    """Run `emolive-train` on so many devices; returns its exit code. One device is this process, in which
    torch is imported already."""
    from training.cli import train

    arguments = [*arguments, "--devices", str(devices)]
    return train(arguments) if devices == 1 else run(arguments).wait(170)


def losses(folder: Path) -> list[float]:
    """The training loss of each epoch of a run."""
    with (folder / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]
