"""`emolive describe CHECKPOINT`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.cli.config import Arg
from emolive.printable import printable_json


@dataclass(frozen=True)
class DescribeOptions:
    """Print the metadata of a checkpoint as JSON: the model's description, its training and its scores."""

    path: Annotated[Path, Arg(positional=True, metavar="CHECKPOINT")]
    """A .safetensors or .onnx file."""


def describe(options: DescribeOptions) -> int:
    """Print the metadata."""
    from emolive.models.io.onnx import describe as read_metadata

    metadata = read_metadata(options.path)
    content = {"spec": metadata.spec.to_dict(), "provenance": metadata.provenance}
    sys.stdout.write(printable_json(content, indent=1) + "\n")
    return 0
