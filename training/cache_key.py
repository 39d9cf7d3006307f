"""The name of a set of cached windows."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from emolive.models.feature_space import FeatureSpace
from emolive.models.io.backbone import weights_digest
from emolive.models.io.onnx import OnnxCheckpoint
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from preprocessing.annotations import Annotations
from training import recording_conditions

FORMAT = 7
"""Rises with every change of what is stored."""


def cache_key(
    annotations: Annotations,
    spec: ModelSpec,
    shifts_s: Sequence[float],
    net: EmotionNet | OnnxCheckpoint | None = None,
    *,
    crops: bool = False,
    condition: int = 0,
) -> str:
    """A name for windows of these files, this feature space, these shifts and this backbone or crops, under
    this recording condition."""
    files = []
    for item in annotations.items:
        for entry in (item.video, item.audio):
            path, key = annotations.locate(entry)
            files.append([os.path.realpath(path), key, *_state(path)] if entry else ["", "", 0, 0])
    content: dict[str, object] = {
        "format": FORMAT,
        "features": FeatureSpace.of(spec, _weights(net, crops)).digest(),
        "window_s": spec.window_s,
        "n_bins": spec.n_bins,
        "shifts_s": list(shifts_s),
        "items": [item.id for item in annotations.items],
        "files": files,
    }
    if condition:
        content["condition"] = [condition, recording_conditions.VERSION]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def _state(path: Path) -> tuple[int, int]:
    """Size and modification time (ns); -1 and 0 for a missing file, which `--skip_faults` leaves out."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return -1, 0
    return stat.st_size, stat.st_mtime_ns


def _weights(net: EmotionNet | OnnxCheckpoint | None, crops: bool) -> str | None:
    """Digest of a learned encoder's weights, or a placeholder for it, in the feature space."""
    if crops:
        return "crops"
    if isinstance(net, OnnxCheckpoint):
        return net.weights
    return None if net is None or net.backbone is None else weights_digest(net.backbone)
