"""`emolive export CHECKPOINT`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from emolive.cli.config import Arg


@dataclass(frozen=True)
class ExportOptions:
    """Export a checkpoint to a format that other programs read.

    Prints the inputs and outputs of each file and the largest difference from PyTorch.
    """

    path: Annotated[Path, Arg(positional=True, metavar="CHECKPOINT")]
    """A .safetensors file."""
    format: Literal["onnx"] = "onnx"
    """Format to write."""
    out: Annotated[Path | None, Arg(metavar="FILE")] = None
    """File to write. Default: the same name with the suffix .onnx."""
    overwrite: bool = False
    """Replace the file if it exists."""


def export(options: ExportOptions) -> int:
    """Write the files and print their signatures."""
    from emolive.models.io.onnx import backbone_path
    from emolive.models.io.onnx_export import export_onnx
    from emolive.user_output import check_replaceable

    out = options.out or options.path.with_suffix(".onnx")
    for path in (out, backbone_path(out)):
        check_replaceable(path, allowed=options.overwrite)
    for file in export_onnx(options.path, options.out):
        signature = f"{', '.join(file.inputs)} → {', '.join(file.outputs)}"
        sys.stdout.write(f"{file.path}: {signature}; within {file.difference:.1e} of torch\n")
    return 0
