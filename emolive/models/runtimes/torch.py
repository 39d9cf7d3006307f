"""Torch as it is ("eager"), and torch with batch normalisation fused into the layers before it ("folded")."""

from __future__ import annotations

import torch

from emolive.models.network import EmotionNet
from emolive.models.runtimes.base import EAGER, FOLDED, Runtime
from emolive.models.runtimes.fuse import fuse_batchnorm


def eager(net: EmotionNet, device: torch.device) -> Runtime:
    """A network that is in eval mode and on `device`, as it is."""
    return Runtime(EAGER, net, device)


def folded(net: EmotionNet, device: torch.device) -> Runtime:
    """A fused copy of a network; on a graphics card it runs in half precision."""
    fused = fuse_batchnorm(net)
    if fused.backbone is not None:
        fused.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Runtime(FOLDED, fused, device, half=device.type in ("cuda", "mps"))
