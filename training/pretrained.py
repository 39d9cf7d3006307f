"""The weights that a run starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from emolive import paths
from emolive.errors import CheckpointError
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.io.backbone import is_backbone_file
from emolive.models.io.backbone import load_backbone as load_backbone_file
from emolive.models.io.chumachenko2022 import load_efficientface
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from training.config import TrainConfig
from training.ineffective_options import ineffective_options

RANDOM = "None"
"""In place of a file: random weights (the spelling of the published code)."""
EFFICIENTFACE_MEAN = (0.57535914, 0.44928582, 0.40079932)
EFFICIENTFACE_STD = (0.20735591, 0.18981615, 0.18132027)
"""Of RGB / 255, with which EfficientFace's released weights were trained (Zhao, Liu and Zhou, AAAI 2021)."""


def start_path(config: TrainConfig, encoders: Sequence[str]) -> Path | None:
    """The initial weights: the file of the options, else the shipped backbone if an encoder needs one."""
    if config.pretrain_path:
        return None if config.pretrain_path == RANDOM else Path(config.pretrain_path)
    learned = ModelSpec(encoders=tuple(encoders)).learned_encoder
    return None if learned is None else paths.asset("models", f"{learned.name}.safetensors")


def pretrained(config: TrainConfig, spec: ModelSpec) -> tuple[EmotionNet | None, ModelSpec]:
    """The network to start from, and the model description with the pixels that its backbone expects.

    Weights that the file lacks are random, determined by the seed. A size of the options replaces that of
    the pixels that the backbone was trained on.

    Raises:
        CheckpointError: the file is missing or holds nothing that this model can start from.
    """
    path = start_path(config, spec.encoders)
    if path is None:
        return None, spec
    if not path.is_file():
        raise CheckpointError(f"There is no file {path} to start from.")
    torch.manual_seed(config.manual_seed)
    spec_of = partial(_with_size, config.sample_size)
    if is_backbone_file(path):
        if spec.learned_encoder is None:
            raise CheckpointError(f"{path} is a backbone, but this model reads no images.")
        faces = load_backbone_file(path).net
        return _with_backbone(spec_of(spec, faces.pixels), faces.backbone)
    if path.suffix != ".safetensors":
        if spec.learned_encoder is None:
            raise CheckpointError(
                f"{path} holds a face network, and {config.encoder} reads no pixels: choose --encoder "
                f"efficientface, or leave out --encoder and --recipe for the published model."
            )
        # The published model reads BGR / 255, whatever EfficientFace was trained on.
        published = PixelSpec(), PixelSpec(224, "RGB", EFFICIENTFACE_MEAN, EFFICIENTFACE_STD)
        pixels = published[0] if config.is_published else published[1]
        return _with_backbone(spec_of(spec, pixels), load_efficientface(path))
    return _from_checkpoint(path, spec, config.sample_size)


def _with_size(size: int, spec: ModelSpec, pixels: PixelSpec) -> ModelSpec:
    return replace(spec, pixels=replace(pixels, size=size or pixels.size))


def start_notes(config: TrainConfig, spec: ModelSpec) -> tuple[str, ...]:
    """What the options do that one would not expect, in sentences.

    Args:
        config: options of the run.
        spec: of the model, as `pretrained` returns it.
    """
    learned, path = spec.learned_encoder, start_path(config, spec.encoders)
    notes = list(ineffective_options(config, spec))
    if learned is None:
        return tuple(notes)
    if config.is_published and not config.pretrain_path:
        notes.append(
            "The backbone starts from the shipped weights (trained on FER+), not from the published ones: "
            "name EfficientFace_Trained_on_AffectNet7.pth.tar with --pretrain_path."
        )
    if path is not None and is_backbone_file(path):
        trained_px = load_backbone_file(path).net.pixels.size
        if trained_px != spec.pixels.size:
            notes.append(
                f"{path.name} was trained on faces of {trained_px} px, and reads {spec.pixels.size} px "
                f"because of --sample-size."
            )
    return tuple(notes)


def _with_backbone(spec: ModelSpec, backbone: torch.nn.Module) -> tuple[EmotionNet, ModelSpec]:
    net = factory.build(spec)
    assert net.backbone is not None
    net.backbone.load_state_dict(backbone.state_dict())
    return net.eval(), spec


def _from_checkpoint(path: Path, spec: ModelSpec, size: int) -> tuple[EmotionNet, ModelSpec]:
    source = checkpoint.load(path)
    if spec.learned_encoder is not None and source.net.backbone is not None:
        spec = _with_size(size, spec, source.spec.pixels)
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
