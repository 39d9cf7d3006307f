"""Batch normalisation over the batch of all processes, so that their number does not decide what is learned.

On GPUs that is torch's own `SyncBatchNorm`, which refuses tensors on a CPU; there the sums go through
`torch.distributed`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


@cache
def _group() -> Any:
    """A group of its own: the gradients of other layers may be under way in the common one."""
    return distributed.new_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total, group=_group())
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total, group=_group())
        return total


def _total(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total


class GlobalBatchNorm(_BatchNorm):
    """Batch normalisation whose statistics in training are those of all processes together.

    Takes over the weights and running statistics of the layer it stands for. Every process must have
    rows; how many is its own affair.
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
        """(N, C, …) → the same shape."""
        if not self.training:
            return super().forward(input)
        # As torch's own layer: sums in float32 at least, whatever autocast makes of the input.
        given, input = input.dtype, input.to(torch.promote_types(input.dtype, torch.float32))
        over = [0, *range(2, input.ndim)]
        shape = (1, -1, *[1] * (input.ndim - 2))
        count = input.new_full((1,), input.numel() / input.shape[1])
        sums = _total(torch.cat([input.sum(dim=over), count]))
        n = sums[-1].detach()
        mean = sums[:-1] / n
        # A second round for the deviations: the difference of two large sums would cost digits.
        centred = input - mean.view(shape)
        var = _total((centred * centred).sum(dim=over)) / n
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            momentum = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), momentum)
            self.running_var.lerp_(var.detach() * (n / (n - 1)), momentum)
            self.num_batches_tracked += 1
        found: Tensor = centred * ((var + self.eps).rsqrt() * self.weight).view(shape)
        return (found + self.bias.view(shape)).to(given)


def synchronise(net: nn.Module, fabric: Fabric) -> None:
    """Make every batch normalisation in `net` one over all processes, in place; nothing for a single one."""
    if fabric.world_size == 1:
        return
    if fabric.device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
        return
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, GlobalBatchNorm(layer))
