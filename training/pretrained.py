"""The weights that a run starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from emolive import paths
from emolive.errors import CheckpointError
from emolive.models import factory
from emolive.models.io import checkpoint
from emolive.models.io.backbone import is_backbone_file
from emolive.models.io.backbone import load_backbone as load_backbone_file
from emolive.models.io.chumachenko2022 import load_efficientface
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec, PixelSpec
from training.config import TrainConfig

EFFICIENTFACE_MEAN = (0.57535914, 0.44928582, 0.40079932)
EFFICIENTFACE_STD = (0.20735591, 0.18981615, 0.18132027)
"""Of RGB / 255, with which EfficientFace's released weights were trained (Zhao, Liu and Zhou, AAAI 2021)."""


def start_path(config: TrainConfig, encoders: Sequence[str]) -> Path | None:
    """The initial weights: the file of the options, else the shipped backbone if an encoder needs one."""
    if config.pretrain_path:
        return Path(config.pretrain_path)
    learned = ModelSpec(encoders=tuple(encoders)).learned_encoder
    return None if learned is None else paths.asset("models", f"{learned.name}.safetensors")


def pretrained(config: TrainConfig, spec: ModelSpec) -> tuple[EmotionNet | None, ModelSpec]:
    """The network to start from, and the model description with the pixels that its backbone was trained on.

    Weights that the file lacks are random, determined by the seed.

    Raises:
        CheckpointError: the file is missing or holds nothing that this model can start from.
    """
    path = start_path(config, spec.encoders)
    if path is None:
        return None, spec
    if not path.is_file():
        raise CheckpointError(f"There is no file {path} to start from.")
    torch.manual_seed(config.manual_seed)
    if is_backbone_file(path):
        if spec.learned_encoder is None:
            raise CheckpointError(f"{path} is a backbone, but this model reads no images.")
        faces = load_backbone_file(path).net
        return _with_backbone(replace(spec, pixels=faces.pixels), faces.backbone)
    if path.suffix != ".safetensors":
        if spec.learned_encoder is None:
            raise CheckpointError(
                f"{path} is not an emolive checkpoint, and this model has no backbone to load it into."
            )
        pixels = PixelSpec(config.sample_size, "RGB", EFFICIENTFACE_MEAN, EFFICIENTFACE_STD)
        return _with_backbone(replace(spec, pixels=pixels), load_efficientface(path))
    return _from_checkpoint(path, spec)


def _with_backbone(spec: ModelSpec, backbone: torch.nn.Module) -> tuple[EmotionNet, ModelSpec]:
    net = factory.build(spec)
    assert net.backbone is not None
    net.backbone.load_state_dict(backbone.state_dict())
    return net.eval(), spec


def _from_checkpoint(path: Path, spec: ModelSpec) -> tuple[EmotionNet, ModelSpec]:
    source = checkpoint.load(path)
    if spec.learned_encoder is not None and source.net.backbone is not None:
        spec = replace(spec, pixels=source.spec.pixels)
    net = factory.build(spec)
    source_state, target_state = source.net.state_dict(), net.state_dict()
    same = {k for k, v in target_state.items() if k in source_state and source_state[k].shape == v.shape}
    if same == set(target_state) == set(source_state):
        net.load_state_dict(source_state)
    elif net.backbone is not None and source.net.backbone is not None:
        net.backbone.load_state_dict(source.net.backbone.state_dict())
    else:
        raise CheckpointError(
            f"{path} holds another model ({source.spec.fusion}, {'+'.join(source.spec.encoders)}), of which "
            f"nothing fits this one."
        )
    return net.eval(), spec
