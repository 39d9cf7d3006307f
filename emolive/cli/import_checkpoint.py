"""`emolive import-checkpoint X.pth`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.cli.config import Arg, Range, Registered
from emolive.errors import ConfigError
from emolive.plugins import FUSIONS


@dataclass(frozen=True)
class ImportOptions:
    """Convert a checkpoint of the published code (Chumachenko et al., ICPR 2022) to .safetensors."""

    path: Annotated[Path, Arg(positional=True, metavar="X.pth")]
    """The published checkpoint."""
    fusion: Annotated[str | None, Registered(FUSIONS), Arg(metavar="F")] = None
    """Fusion of the model, only needed if the file does not determine it."""
    num_heads: Annotated[int | None, Range(1, 64), Arg(metavar="N", aliases=("heads",))] = None
    """Attention heads of the model, only needed if the file does not determine them."""
    out: Annotated[Path | None, Arg(metavar="FILE")] = None
    """File to write. Default: the same name with the suffix .safetensors."""
    overwrite: bool = False
    """Replace the file if it exists."""

    def __post_init__(self) -> None:
        if self.path.suffix == ".safetensors":
            raise ConfigError(f"{self.path} is not a published checkpoint: those are .pth files.")


def import_checkpoint(options: ImportOptions) -> int:
    """Convert the checkpoint and print its contents."""
    from emolive.models.io.checkpoint import save
    from emolive.models.io.chumachenko2022 import convert_checkpoint
    from emolive.user_output import check_replaceable

    out = options.out or options.path.with_suffix(".safetensors")
    check_replaceable(out, allowed=options.overwrite)
    net = convert_checkpoint(options.path, fusion=options.fusion, heads=options.num_heads)
    save(out, net, provenance={"imported_from": options.path.name, "form": "Chumachenko et al. 2022"})
    spec = net.spec
    sys.stdout.write(f"{out}: {spec.fusion} with {spec.num_heads} head{'s' if spec.num_heads > 1 else ''}\n")
    return 0
