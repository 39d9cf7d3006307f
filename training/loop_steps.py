"""What the steps of every training share: the options of the loop, seeds, and losses in float32."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class LoopConfig(Protocol):
    """The options of a run that the loop reads."""

    @property
    def n_epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def manual_seed(self) -> int: ...
    @property
    def accumulate(self) -> int: ...
    @property
    def grad_clip(self) -> float: ...
    @property
    def ema_decay(self) -> float: ...
    @property
    def patience(self) -> int: ...


def seed_step(seed: int, epoch: int, step: int, *more: int) -> np.random.Generator:
    """Seed torch's global generator for a step, and return a generator of numpy for it."""
    seeds = np.random.SeedSequence([seed, epoch, step, *more])
    torch.manual_seed(int(seeds.generate_state(1)[0]))
    return np.random.default_rng(seeds)


def log_softmax(logits: Tensor) -> Tensor:
    """Log-softmax over the last axis, in float32 at least."""
    return logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
