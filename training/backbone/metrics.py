"""How right a face classifier is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.errors import EmoliveError
from emolive.models.io.backbone import FaceClassifier
from training import metrics
from training.backbone import ferplus as votes
from training.backbone.augment import prepared, to_pixels
from training.backbone.dataset import Faces, Step

BATCH = 64
NAMES = {
    "neutral": ("neutral",),
    "happiness": ("happiness", "happy"),
    "surprise": ("surprise", "surprised"),
    "sadness": ("sadness", "sad"),
    "anger": ("anger", "angry"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful", "afraid"),
    "contempt": ("contempt",),
}
"""What other data sets call the classes of FER+."""


def logits(net: FaceClassifier, faces: Faces, step: Step = lambda: None) -> NDArray[np.float32]:
    """(n, classes) of the pictures as they are; the network is left in eval mode.

    Args:
        net: on any device.
        faces: n of them.
        step: called after each face.
    """
    net.eval()
    like = net.classifier.weight
    found = [np.zeros((0, len(net.labels)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(faces), BATCH):
            x = to_pixels(
                torch.from_numpy(faces.images[start : start + BATCH]).to(like.device), net.pixels.size
            )
            found.append(net(prepared(x, net.pixels).to(like)).float().cpu().numpy())
            for _ in range(len(found[-1])):
                step()
    return np.concatenate(found)


def columns(labels: Sequence[str]) -> list[int]:
    """For each class of FER+ the model's column, or -1 for a class that it does not know.

    Raises:
        EmoliveError: it knows fewer than two of them.
    """
    lower = [label.lower() for label in labels]
    found = [next((lower.index(n) for n in NAMES[c] if n in lower), -1) for c in votes.LABELS]
    if sum(place >= 0 for place in found) < 2:
        raise EmoliveError(f"The model's labels are not those of FER+: {', '.join(labels)}.")
    return found


def as_ferplus(raw: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """(n, classes) logits in any order of labels → (n, 8) in the order of FER+."""
    padded = np.concatenate([raw, np.full((len(raw), 1), -1e4, np.float32)], axis=1)
    return np.asarray(padded[:, columns(labels)])


def figures(faces: Faces, raw: NDArray[np.float32], labels: Sequence[str]) -> dict[str, Any]:
    """Of the faces that count: shares, not percent; `over_half` of those that raters agree on.

    Args:
        faces: n of them.
        raw: (n, classes) logits.
        labels: of the columns.
    """
    counted = faces.classes != votes.LEFT_OUT
    truth, probs = faces.classes[counted], metrics.softmax(raw[counted])
    sure = faces.sure[counted]
    recall = metrics.recalls(truth, probs)
    return {
        "n": len(truth),
        "top1": metrics.top_k(truth, probs, 1),
        "uar": metrics.uar(truth, probs),
        "ece": metrics.ece(truth, probs) if len(truth) else float("nan"),
        "per_class_recall": {
            label: None if np.isnan(share) else float(share)
            for label, share in zip(labels, recall, strict=True)
        },
        "confusion": metrics.confusion(truth, probs).tolist(),
        "over_half": {"n": int(sure.sum()), "top1": metrics.top_k(truth[sure], probs[sure], 1)},
    }
