"""`emolive devices`, `import-checkpoint` and `describe`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from emolive.errors import EmoliveError


def devices(args: argparse.Namespace) -> int:
    """List what there is; nothing there is no fault."""
    from emolive.capture.devices import cameras, microphones

    found = {"cameras": cameras(), "microphones": microphones()}
    if args.json:
        listed = {kind: [asdict(device) for device in those] for kind, those in found.items()}
        sys.stdout.write(json.dumps(listed, indent=1) + "\n")
        return 0
    for kind, those in found.items():
        sys.stdout.write(f"{kind}\n" if those else f"{kind}: none found\n")
        for device in those:
            mark = "*" if device.default else " "
            sys.stdout.write(f" {mark}{device.index:3}  {device.name}  {device.detail}\n")
    return 0


def import_checkpoint(args: argparse.Namespace) -> int:
    """Convert a published checkpoint."""
    from emolive.models.io.checkpoint import save
    from emolive.models.io.chumachenko2022 import convert_checkpoint

    if args.path.suffix == ".safetensors":
        raise EmoliveError(f"{args.path} is no published checkpoint: those are .pth files.")
    if args.heads is not None and args.heads < 1:
        raise EmoliveError(f"A model has at least one head, not {args.heads}.")
    net = convert_checkpoint(args.path, fusion=args.fusion, heads=args.heads)
    out = args.out or args.path.with_suffix(".safetensors")
    save(out, net, provenance={"imported_from": args.path.name, "form": "Chumachenko et al. 2022"})
    spec = net.spec
    sys.stdout.write(f"{out}: {spec.fusion} with {spec.num_heads} head{'s' if spec.num_heads > 1 else ''}\n")
    return 0


def describe(args: argparse.Namespace) -> int:
    """Print a checkpoint's metadata."""
    from emolive.models.io.onnx import describe as read

    told = read(args.path)
    shown = {"spec": told.spec.to_dict(), "provenance": told.provenance}
    sys.stdout.write(json.dumps(shown, indent=1, ensure_ascii=False) + "\n")
    return 0
