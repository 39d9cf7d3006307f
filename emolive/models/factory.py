"""Building networks from descriptions, and which models ship. Reading names does not import torch."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from emolive import paths
from emolive.errors import CheckpointError, ConfigError, EmoliveError
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS

if TYPE_CHECKING:
    from emolive.models.network import EmotionNet

ARCHITECTURES = {
    "chumachenko2022": "emolive.models.network:Chumachenko2022Net",
    "emolive": "emolive.models.emolive_net:EmoliveNet",
    "emolive-stream": "emolive.models.emolive_net:EmoliveStreamNet",
}
"""Name of an architecture → where its class is; the published form first."""


def architecture(name: str) -> type[EmotionNet]:
    """The class of an architecture. ConfigError if there is none of this name."""
    if name not in ARCHITECTURES:
        raise ConfigError(f"There is no architecture {name}: choose {', '.join(ARCHITECTURES)}.")
    module, _, attribute = ARCHITECTURES[name].partition(":")
    return cast("type[EmotionNet]", getattr(importlib.import_module(module), attribute))


def build(spec: ModelSpec) -> EmotionNet:
    """A network with fresh weights.

    Args:
        spec: its description.

    Raises:
        ConfigError: the description is out of range, or names something that is not registered.
    """
    spec.validate()
    return architecture(spec.arch)(spec)


def shipped_path(fusion: str) -> Path:
    """The path of a fusion's shipped checkpoint, whether or not it exists."""
    return paths.assets_dir() / "models" / f"{fusion}.safetensors"


def available_fusions() -> tuple[str, ...]:
    """The registered fusions whose weights ship with emolive."""
    return tuple(name for name in FUSIONS if shipped_path(name).is_file())


def shipped_checkpoint(fusion: str) -> Path:
    """The checkpoint of a fusion that ships with emolive.

    Raises:
        ConfigError: there is no such fusion.
        CheckpointError: no weights ship for it.
    """
    FUSIONS.check(fusion)
    path = shipped_path(fusion)
    if not path.is_file():
        others = ", ".join(available_fusions())
        choose = f"choose {others}, or open a checkpoint of it" if others else "open a checkpoint of it"
        raise CheckpointError(f"No weights ship for the fusion {fusion}: {choose}.")
    try:
        return paths.asset("models", path.name)
    except EmoliveError as error:
        raise CheckpointError(str(error)) from error
