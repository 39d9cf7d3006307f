"""Batch normalisation fused into the layers before it: the same function in fewer passes."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Net = TypeVar("Net", bound=nn.Module)

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_DROPOUTS = (nn.Dropout, nn.Dropout2d)


def fuse_batchnorm(net: Net) -> Net:
    """A copy for inference without batch normalisation and dropout.

    Each normalisation must follow its layer in an `nn.Sequential`, as in every network of
    `emolive.models`; others are unchanged.
    """
    copied = copy.deepcopy(net).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            layers = _fused(list(module))
            module._modules.clear()
            for index, layer in enumerate(layers):
                module.add_module(str(index), layer)
    return copied


def _fused(layers: list[nn.Module]) -> list[nn.Module]:
    fused: list[nn.Module] = []
    for layer in layers:
        before = fused[-1] if fused else None
        if isinstance(layer, _NORMS) and isinstance(before, nn.Conv1d | nn.Conv2d):
            fused[-1] = fuse_conv_bn_eval(before, layer)
        elif isinstance(layer, _NORMS) and isinstance(before, nn.Linear):
            fused[-1] = fuse_linear_bn_eval(before, layer)
        elif not isinstance(layer, _DROPOUTS):
            fused.append(layer)
    return fused
