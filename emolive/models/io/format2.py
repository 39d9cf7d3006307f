"""Conversion of checkpoint format 2, which used other names, to the present format."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from emolive.types import FloatArray

_SPEC = {"frames": "n_bins", "heads": "num_heads", "tracker": "landmarker", "variant": "arch"}
_ARCH = {"reference": "chumachenko2022", "residual": "emolive"}
_AUDIO = {"hop": "hop_length"}
_PREFIXES = (
    ("audio.picture.", "audio_branch.spectrogram."),
    ("audio.", "audio_branch."),
    ("visual.", "video_branch."),
    ("visual_classifier.", "video_classifier."),
    ("trunk.", "backbone."),
)
_STREAMS = {"face": "video", "voice": "audio"}
_STATS = {"mean": "mean", "std": "std", "within": "within_speaker_std"}
_BUFFERS = {
    f"{old}_{stat}": f"{new}_{present}" for old, new in _STREAMS.items() for stat, present in _STATS.items()
}


def spec_values(values: Any) -> Any:
    """The values of a model description under their present names; anything else as it is."""
    if not isinstance(values, Mapping):
        return values
    renamed = {_SPEC.get(name, name): value for name, value in values.items()}
    if isinstance(arch := renamed.get("arch"), str):
        renamed["arch"] = _ARCH.get(arch, arch)
    if isinstance(audio := renamed.get("audio"), Mapping):
        renamed["audio"] = {_AUDIO.get(name, name): value for name, value in audio.items()}
    return renamed


def tensor_name(name: str) -> str:
    """The present name of a tensor."""
    if name in _BUFFERS:
        return _BUFFERS[name]
    for old, new in _PREFIXES:
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def face_head(stored: Mapping[str, Any]) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """The classifier of single faces that format 2 stored as base64 in the metadata.

    Returns:
        Labels, weight (classes, dim) and bias (classes,).

    Raises:
        ValueError, TypeError, KeyError: it is damaged.
    """
    labels = tuple(map(str, stored["labels"]))
    weight, bias = (
        np.frombuffer(base64.b64decode(stored[name]), "<f4").astype(np.float32) for name in ("weight", "bias")
    )
    if len(bias) != len(labels):
        raise ValueError("the classifier of faces has another number of labels than of classes")
    return labels, weight.reshape(len(labels), -1), bias
