"""A classifier of single faces on ONNX Runtime. torch is needed only where its export is not cached yet."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emolive import paths
from emolive.errors import EmoliveError
from emolive.models.runtimes.session import create_session

log = logging.getLogger(__name__)


def classifier_session(path: Path, digest: str) -> Any:
    """A session from pixels (1, 3, S, S) to logits (1, classes), for one thread.

    Args:
        path: the backbone checkpoint.
        digest: of its tensors, under which the export is cached.

    Raises:
        EmoliveError: packages are missing, or the checkpoint cannot be read or exported.
    """
    cached = paths.cache_dir() / "onnx" / f"faces-{digest[:24]}-{version('emolive')}.onnx"
    try:
        return create_session(cached.read_bytes(), cached.name, 1)
    except (OSError, EmoliveError) as error:
        log.info("%s is exported: %s", cached.name, error)
    import torch

    from emolive.models.io.backbone import load_backbone
    from emolive.models.runtimes.onnxruntime import export_module, store

    net = load_backbone(path).net
    pixels = torch.zeros(1, 3, net.pixels.size, net.pixels.size)
    content = export_module(net, (pixels,), ("pixels",), "logits")
    store(cached, content)
    return create_session(content, "The export", 1)
