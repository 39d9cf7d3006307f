"""`emolive export`: a checkpoint for other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FORMATS = ("onnx",)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="default: onnx")
    parser.add_argument("--out", type=Path, metavar="F", help="default: beside it, as .onnx")


def export(args: argparse.Namespace) -> int:
    """Write it, and say what goes in, what comes out, and how near it comes to torch."""
    from emolive.models.io.onnx_export import export_onnx

    for file in export_onnx(args.path, args.out):
        ends = f"{', '.join(file.inputs)} → {', '.join(file.outputs)}"
        sys.stdout.write(f"{file.path}: {ends}; within {file.difference:.1e} of torch\n")
    return 0
