"""Predictions of a face classifier, and the results computed from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.errors import CheckpointError
from emolive.models.io.backbone import FaceClassifier
from training import metrics
from training.augment.pipeline import ImagePipeline
from training.backbone import ferplus
from training.backbone.dataset import Faces
from training.backbone.pixels import prepare_pixels
from training.scoring import recall_by_label

CHUNK = 64
SYNONYMS = {
    "neutral": ("neutral",),
    "happiness": ("happiness", "happy"),
    "surprise": ("surprise", "surprised"),
    "sadness": ("sadness", "sad"),
    "anger": ("anger", "angry"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful", "afraid"),
    "contempt": ("contempt",),
}
"""Names that other data sets have for the classes of FER+."""


def predict_logits(
    net: FaceClassifier, faces: Faces, on_face: Callable[[], None] = lambda: None
) -> NDArray[np.float32]:
    """(n, classes) logits of the images as they are; the network is left in eval mode.

    Args:
        net: on any device.
        faces: n of them.
        on_face: called after each face.
    """
    net.eval()
    like, plain = net.classifier.weight, ImagePipeline()
    logits = [np.zeros((0, len(net.labels)), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(faces), CHUNK):
            images = torch.from_numpy(faces.images[start : start + CHUNK]).to(like.device)
            x = prepare_pixels(plain(images, net.pixels.size), net.pixels)
            logits.append(net(x.to(like)).float().cpu().numpy())
            for _ in range(len(logits[-1])):
                on_face()
    return np.concatenate(logits)


def ferplus_columns(labels: Sequence[str]) -> list[int]:
    """For each class of FER+ the index of the model's label, or -1 for a class that it does not have.

    Raises:
        CheckpointError: the model has fewer than two of them.
    """
    lower = [label.lower() for label in labels]
    columns = [
        next((lower.index(name) for name in SYNONYMS[label] if name in lower), -1) for label in ferplus.LABELS
    ]
    if sum(column >= 0 for column in columns) < 2:
        raise CheckpointError(f"The model's labels are not those of FER+: {', '.join(labels)}.")
    return columns


def to_ferplus(logits: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """(n, classes) logits in the order of `labels` → (n, 8) in the order of FER+."""
    padded = np.concatenate([logits, np.full((len(logits), 1), -1e4, np.float32)], axis=1)
    return np.asarray(padded[:, ferplus_columns(labels)])


def summarize(faces: Faces, logits: NDArray[np.float32], labels: Sequence[str]) -> dict[str, Any]:
    """Results on the faces that count, as shares from 0 to 1.

    Args:
        faces: n of them.
        logits: (n, classes)
        labels: of the columns.

    Returns:
        Among others `over_half`: the accuracy on faces on which more than half of the raters agree.
    """
    counted = faces.classes != ferplus.EXCLUDED
    truth, probs = faces.classes[counted], metrics.softmax(logits[counted])
    agreed = faces.has_majority[counted]
    return {
        "n": len(truth),
        "top1": metrics.accuracy(truth, probs),
        "uar": metrics.unweighted_average_recall(truth, probs),
        "ece": metrics.calibration_error(truth, probs),
        "per_class_recall": recall_by_label(metrics.class_recalls(truth, probs), labels),
        "confusion": metrics.confusion_matrix(truth, probs).tolist(),
        "over_half": {"n": int(agreed.sum()), "top1": metrics.accuracy(truth[agreed], probs[agreed])},
    }
