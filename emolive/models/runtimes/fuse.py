"""Batch normalisation folded into what stands before it: the same function with fewer passes."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Net = TypeVar("Net", bound=nn.Module)

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_DROPOUTS = (nn.Dropout, nn.Dropout2d)


def fuse_batchnorm(net: Net) -> Net:
    """A copy for inference alone, in which no batch normalisation and no dropout is left.

    Each normalisation stands behind its layer in an `nn.Sequential`, here as in every network of
    `emolive.models`; one that stands elsewhere would stay as it is.
    """
    copied = copy.deepcopy(net).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            layers = _folded(list(module))
            module._modules.clear()
            for place, layer in enumerate(layers):
                module.add_module(str(place), layer)
    return copied


def _folded(layers: list[nn.Module]) -> list[nn.Module]:
    kept: list[nn.Module] = []
    for layer in layers:
        before = kept[-1] if kept else None
        if isinstance(layer, _NORMS) and isinstance(before, nn.Conv1d | nn.Conv2d):
            kept[-1] = fuse_conv_bn_eval(before, layer)
        elif isinstance(layer, _NORMS) and isinstance(before, nn.Linear):
            kept[-1] = fuse_linear_bn_eval(before, layer)
        elif not isinstance(layer, _DROPOUTS):
            kept.append(layer)
    return kept
