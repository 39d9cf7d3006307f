"""Batch normalization over the batch of all processes, so that their number does not change the result.

On GPUs this is `torch.nn.SyncBatchNorm`. Its forward pass raises a ValueError for CPU tensors (seen with
torch 2.13), since it is built on fused GPU kernels, and no other module of torch does it. For CPU processes
(gloo) the statistics are therefore computed here, with the differentiable all-reduce of torch.distributed.nn.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm


@cache
def _group() -> Any:
    """A separate process group: gradients of other layers may be in flight in the default one."""
    return distributed.new_group()


def _total(x: Tensor) -> Tensor:
    """The sum over all processes; its gradient is the sum of theirs."""
    total: Tensor = all_reduce(x, group=_group())  # type: ignore[no-untyped-call]
    return total


class CpuSyncBatchNorm(_BatchNorm):
    """Batch normalization whose statistics in training are those of all processes together.

    It shares the weights and running statistics of the layer that it replaces. Every process must have rows;
    their numbers may differ.
    """

    def __init__(self, layer: _BatchNorm) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum, layer.affine)
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        self.train(layer.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) → the same shape."""
        if not self.training:
            return super().forward(input)
        # As in torch's own layers, sums are at least float32 for any type of the input under autocast.
        dtype, input = input.dtype, input.to(torch.promote_types(input.dtype, torch.float32))
        dims = [0, *range(2, input.ndim)]
        shape = (1, -1, *[1] * (input.ndim - 2))
        count = input.new_full((1,), input.numel() / input.shape[1])
        sums = _total(torch.cat([input.sum(dim=dims), count]))
        n = sums[-1].detach()
        mean = sums[:-1] / n
        # A second pass for the variance: the difference of two large sums would lose digits.
        centred = input - mean.view(shape)
        var = _total((centred * centred).sum(dim=dims)) / n
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            momentum = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), momentum)
            self.running_var.lerp_(var.detach() * (n / (n - 1)), momentum)
            self.num_batches_tracked += 1
        result: Tensor = centred * ((var + self.eps).rsqrt() * self.weight).view(shape)
        return (result + self.bias.view(shape)).to(dtype)


def synchronize(net: nn.Module, fabric: Fabric) -> None:
    """Replace every batch normalization in `net` by one over all processes, in place."""
    if fabric.world_size == 1:
        return
    if fabric.device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
        return
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, CpuSyncBatchNorm(layer))
