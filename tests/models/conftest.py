"""Fixtures of the model tests."""

from pathlib import Path

import pytest
import torch

from emolive.models.factory import build
from emolive.models.io import checkpoint
from emolive.models.network import EmotionNet
from tests.helpers.checkpoints import SMALL


@pytest.fixture
def net() -> EmotionNet:
    torch.manual_seed(0)
    net = build(SMALL)
    for name, buffer in net.named_buffers():
        if "." not in name:
            buffer.uniform_(0.5, 2.0)
    return net


@pytest.fixture
def path(tmp_path, net) -> Path:
    path = tmp_path / "it.safetensors"
    checkpoint.save(path, net, provenance={"data": "drawn", "figures": {"uar": 0.5}, "licence": "MIT"})
    return path
