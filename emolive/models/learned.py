"""Masks what a model did not learn: a stream or a label that training never showed has random weights."""

from __future__ import annotations

import torch
from torch import Tensor

from emolive.models.spec import ModelSpec

NEVER = -1e4
"""Logit of a label without training clips: its probability is 0 in any number format."""


def mask_streams(video: Tensor, audio: Tensor, spec: ModelSpec) -> tuple[Tensor, Tensor]:
    """The inputs of a network, zero in the stream that it did not learn.

    A product instead of new zeros keeps the input in an exported graph.
    """
    return (video if "v" in spec.streams else video * 0, audio if "a" in spec.streams else audio * 0)


def mask_labels(logits: Tensor, spec: ModelSpec) -> Tensor:
    """(B, classes) logits, `NEVER` for the labels that the model did not learn."""
    if not spec.unlearned:
        return logits
    unlearned = torch.tensor([label in spec.unlearned for label in spec.labels], device=logits.device)
    return logits.masked_fill(unlearned, NEVER)
