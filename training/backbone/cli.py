"""The words `faces` of `emolive-train` and `ferplus` of `emolive-evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from training.backbone import config as options


def train(arguments: Sequence[str]) -> int:
    """`emolive-train faces DATA`. EmoliveError for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="emolive-train faces",
        description="Pretrain the pixel trunk on pictures of single faces.",
        allow_abbrev=False,
    )
    options.add_arguments(parser)
    chosen = options.options_from(vars(parser.parse_args(arguments)))
    from training.backbone.train import train as run

    run(chosen, Console(soft_wrap=True))
    return 0


def ferplus(arguments: Sequence[str]) -> int:
    """`emolive-evaluate ferplus PATH`. EmoliveError for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="emolive-evaluate ferplus",
        description="How right a pixel trunk is on FER+, by the majority of the raters' votes.",
        allow_abbrev=False,
    )
    parser.add_argument("path", type=Path, help="folder or zip file in FERPlus's layout")
    parser.add_argument(
        "--checkpoint", required=True, type=Path, help="a trunk file, or a checkpoint that began with one"
    )
    parser.add_argument("--json", type=Path, help="write figures and the probabilities of each face")
    parser.add_argument("--threads", type=int, default=1, help="threads for torch on a CPU (default: 1)")
    values = parser.parse_args(arguments)
    import torch

    from training.backbone.evaluate import ferplus as run
    from training.malloc import keep_memory

    keep_memory()
    torch.set_num_threads(max(1, values.threads))
    run(values.path, values.checkpoint, Console(soft_wrap=True), values.json)
    return 0
