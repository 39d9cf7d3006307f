"""Conversion of weights that were trained with the published code of this model, and of EfficientFace.

Such files are Python pickles. They are read with PyTorch's restricted reader, which builds tensors and
plain containers and runs no code from the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive import bounded_json
from emolive.errors import CheckpointError
from emolive.models import factory
from emolive.models.efficientface import EfficientFace
from emolive.models.input_spec import AudioSpec, PixelSpec
from emolive.models.network import EmotionNet
from emolive.models.spec import EMOTIONS, ModelSpec
from emolive.plugins import FUSIONS

_BACKBONE_NAMES = (
    (r"conv1\.", "stem."),
    (r"(stage\d\.\d+)\.branch1\.", r"\1.skip."),
    (r"(stage\d\.\d+)\.branch2\.", r"\1.main."),
    *(
        (rf"local\.{kind}{quadrant + 1}_{step + 1}\.", f"local.quadrants.{quadrant}.{3 * step + place}.")
        for quadrant in range(4)
        for step in range(2)
        for place, kind in enumerate(("conv", "bn"))
    ),
    *(
        (rf"modulator\.channel_att\.gate_c\.{name}\.", f"modulator.channel_gate.{place}.")
        for place, name in ((0, "gate_c_fc_0"), (1, "gate_c_bn_1"), (3, "gate_c_fc_final"))
    ),
    *(
        (rf"modulator\.spatial_att\.gate_s\.gate_s_{name}\.", f"modulator.spatial_gate.{place}.")
        for place, name in (
            (0, "conv_reduce0"),
            (1, "bn_reduce0"),
            (3, "conv_di_0"),
            (4, "bn_di_0"),
            (6, "conv_di_1"),
            (7, "bn_di_1"),
            (9, "conv_final"),
        )
    ),
    (r"conv5\.", "last."),
)
_BRANCH_NAMES = tuple(
    (rf"conv1d_{2 * stage + block}\.", f"stage{stage + 1}.{block}.")
    for stage in range(2)
    for block in range(2)
)
_BLOCK_NAMES = (
    (r"norm1_q\.", "norm_query."),
    (r"norm1_k\.", "norm_key."),
    (r"norm2\.", "norm_mlp."),
    (r"mlp\.fc1\.", "mlp.0."),
    (r"mlp\.fc2\.", "mlp.2."),
    (r"attn\.", "attention."),
)
_MAX_VALUES = 1 << 26
"""Of one tensor."""
_FUSION_MARKS = {"lt": "av.norm1_q.weight", "it": "av1.norm1_q.weight", "ia": "av1.q.weight"}


_STATE_DICT_NAMES = ("state_dict", "model", "model_state_dict", "net")


class _Inert:
    """Replaces the training log that EfficientFace's files hold beside the weights."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


_HARMLESS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Inert, name)
    for name in (
        "__main__.RecorderMeter",
        "__main__.RecorderMeter1",
        "numpy.ndarray",
        "numpy.dtype",
        *(
            f"numpy.{core}.multiarray.{name}"
            for core in ("core", "_core")
            for name in ("_reconstruct", "scalar")
        ),
    )
]


def _weights(path: Path, what: str) -> dict[str, Tensor]:
    """The state dict of a training checkpoint, in float32, without `module.` before its keys."""
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The reader is an interpreter of opcodes: a file can make any operation in it fail.
        raise CheckpointError(f"{path} is not {what}: PyTorch's safe reader cannot read it.") from error
    state = _state_dict(content)
    if state is None:
        raise CheckpointError(f"{path} is not {what}: it holds no weights.")
    # A tensor can be a large view of few stored numbers.
    if not all(_is_plain(value) for value in state.values()):
        raise CheckpointError(f"{path} is not {what}: it holds something else than plain weights.")
    return {
        key.removeprefix("module."): value.float() if value.is_floating_point() else value
        for key, value in state.items()
    }


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor is dense, on the CPU, of real numbers and of a plausible size."""
    return (
        value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and not value.is_complex()
        and value.numel() <= _MAX_VALUES
    )


def _state_dict(content: Any) -> dict[str, Tensor] | None:
    """The weights that a file holds: bare, or under one of the usual names; None if there are none."""
    if not isinstance(content, Mapping):
        return None
    for part in (content, *(content.get(name) for name in _STATE_DICT_NAMES)):
        if isinstance(part, Mapping) and part and all(isinstance(value, Tensor) for value in part.values()):
            return {str(key): value for key, value in part.items()}
    return None


def _rename(key: str, table: tuple[tuple[str, str], ...]) -> str | None:
    for pattern, replacement in table:
        new, count = re.subn(rf"^{pattern}", replacement, key)
        if count:
            return new
    return None


def _net_key(key: str) -> str | None:
    """Our name of a published parameter, or None if there is no such parameter."""
    head, _, rest = key.partition(".")
    if head == "classifier_1":
        return f"classifier.{rest.removeprefix('0.')}"
    if head in ("audio_model", "visual_model"):
        stream = "audio" if head == "audio_model" else "video"
        if rest.startswith("classifier_1.0."):
            return f"{stream}_classifier.{rest.removeprefix('classifier_1.0.')}"
        if new := _rename(rest, _BRANCH_NAMES):
            return f"{stream}_branch.{new}"
        new = _rename(rest, _BACKBONE_NAMES) if stream == "video" else None
        return new and f"backbone.{new}"
    if head in ("av", "av1", "va", "va1"):
        ours = "audio_queries" if head.startswith("av") else "video_queries"
        new = (_rename(rest, _BLOCK_NAMES) or rest).replace("proj.", "out.")
        return f"fusion.{ours}.{new}"
    return None


def _fill(module: nn.Module, weights: dict[str, Tensor], own: set[str], path: Path, what: str) -> None:
    """Load strictly; `own` are buffers of ours that the published form does not have."""
    expected = {key: value for key, value in module.state_dict().items() if key not in own}
    odd = sorted(set(weights) - set(expected))
    if odd:
        raise CheckpointError(f"{path} is not {what}: it holds {odd[0]}, which that model does not have.")
    missing = sorted(set(expected) - set(weights))
    if missing:
        raise CheckpointError(f"{path} is not {what}: it lacks {missing[0]}.")
    for key, value in expected.items():
        if value.shape != weights[key].shape:
            shape, expected_shape = tuple(weights[key].shape), tuple(value.shape)
            raise CheckpointError(f"{path} is not {what}: {key} is {shape} and should be {expected_shape}.")
        if not bool(weights[key].isfinite().all()):
            raise CheckpointError(f"{path} is damaged: {key} holds values that are not finite.")
    module.load_state_dict(weights, strict=False)


def convert_checkpoint(path: Path, *, fusion: str | None = None, heads: int | None = None) -> EmotionNet:
    """Read a checkpoint of the published audio-visual model (Chumachenko et al., ICPR 2022).

    Args:
        path: a file with `state_dict`, as its training writes it, from CPU or GPU, in any precision.
        fusion: refuse the file if it has another fusion; by default any is accepted.
        heads: attention heads, which the weights do not determine: by default the number in the options that
            the published code writes beside it (`opts*.json`), else before "head" in the file's name, else 1.

    Returns:
        The network in eval mode; its description records BGR pixels / 255, 224 x 224, and the
        published MFCC, without baselines.

    Raises:
        CheckpointError: the file is something else, or holds another fusion.
        ConfigError: there is no fusion of this name, or the heads do not fit.
    """
    path = Path(path)
    what = "a checkpoint of the published audio-visual model"
    weights = _weights(path, what)
    held = next((name for name, mark in _FUSION_MARKS.items() if mark in weights), None)
    if held is None or "classifier_1.0.weight" not in weights or not weights["classifier_1.0.weight"].dim():
        raise CheckpointError(f"{path} is not {what}: none of its three fusions is in it.")
    if fusion is not None:
        FUSIONS.check(fusion)
        if fusion != held:
            raise CheckpointError(f"{path} holds the fusion {held}, and {fusion} was asked for.")
    if heads is None:
        heads = _heads_beside(path, held)
    if heads is None:
        named = re.search(r"(\d+)[-_ ]?heads?(?![a-z])", path.stem, re.IGNORECASE)
        heads = int(named[1]) if named else 1
    classes = len(weights["classifier_1.0.weight"])
    labels = EMOTIONS if classes == len(EMOTIONS) else tuple(f"class {i + 1}" for i in range(classes))
    net = factory.build(
        ModelSpec(fusion=held, num_heads=heads, labels=labels, pixels=PixelSpec(), audio=AudioSpec())
    )
    renamed: dict[str, Tensor] = {}
    for key, value in weights.items():
        ours = _net_key(key)
        if ours is None:
            raise CheckpointError(f"{path} is not {what}: it holds {key}, which that model does not have.")
        renamed[ours] = value
    own = {key for key, _ in net.named_buffers() if "." not in key}
    _fill(net, renamed, own, path, what)
    return net.eval()


def _heads_beside(path: Path, fusion: str) -> int | None:
    """The heads in the newest options beside a checkpoint that are of its fusion; None if there are none."""
    for options in sorted(path.parent.glob("opts*.json"), reverse=True):
        try:
            values = bounded_json.read(options)
            if values.get("fusion", fusion) == fusion and "num_heads" in values:
                return int(values["num_heads"])
        except (OSError, ValueError, TypeError, AttributeError, OverflowError):
            # Options that cannot be read say nothing about the heads.
            continue
    return None


def load_efficientface(path: Path) -> EfficientFace:
    """Read EfficientFace's released weights (`.pth.tar`); its face classifier `fc` is left out.

    Returns:
        The backbone in eval mode; put its state dict into `EmotionNet.backbone`.

    Raises:
        CheckpointError: the file is something else.
    """
    path = Path(path)
    what = "a released EfficientFace model"
    weights = _weights(path, what)
    renamed: dict[str, Tensor] = {}
    for key, value in weights.items():
        if key.startswith("fc."):
            continue
        ours = _rename(key, _BACKBONE_NAMES)
        if ours is None:
            raise CheckpointError(f"{path} is not {what}: it holds {key}, which that model does not have.")
        renamed[ours] = value
    backbone = EfficientFace()
    _fill(backbone, renamed, set(), path, what)
    return backbone.eval()
