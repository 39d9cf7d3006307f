"""The name of a set of cached windows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from preprocessing.annotations import Annotations
from training.encoder_traits import has_backbone

FORMAT = 4
"""Rises with every change of what is stored."""


def cache_key(
    annotations: Annotations,
    spec: ModelSpec,
    shifts_s: Sequence[float],
    net: EmotionNet | None = None,
    *,
    crops: bool = False,
) -> str:
    """A name for windows of these files, this feature space, these shifts and this backbone or crops."""
    files = []
    for item in annotations.items:
        for entry in (item.video, item.audio):
            path, key = annotations.locate(entry)
            if entry:
                stat = path.stat()
                files.append([str(path.resolve()), key, stat.st_size, stat.st_mtime_ns])
            else:
                files.append(["", "", 0, 0])
    content = {
        "format": FORMAT,
        "features": feature_space(spec),
        "window_s": spec.window_s,
        "n_bins": spec.n_bins,
        "shifts_s": list(shifts_s),
        "backbone": "crops" if crops else _backbone_digest(net),
        "items": [item.id for item in annotations.items],
        "files": files,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def feature_space(spec: ModelSpec) -> Any:
    """What decides how video and audio features are measured, apart from a backbone's weights."""
    return {
        "encoders": spec.encoders,
        "landmarker": spec.landmarker,
        "pooling": spec.pooling,
        "pixels": asdict(spec.pixels) if has_backbone(spec) else None,
        "audio": asdict(spec.audio),
    }


def _backbone_digest(net: EmotionNet | None) -> str:
    if net is None or net.backbone is None:
        return ""
    digest = hashlib.sha256()
    for _, values in sorted(net.backbone.state_dict().items()):
        digest.update(values.cpu().numpy().tobytes())
    return digest.hexdigest()
