"""Expression of a face in a single frame by a classifier of single faces, and the quality of the picture.

The classifier is the backbone checkpoint that ships with emolive, trained on FER+ (Barsoum et al., "Training
deep networks for facial expression recognition with crowd-sourced label distribution", ICMI 2016). It has
seen many thousands of people and none of them twice, so that it holds for people whom no model has met.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emolive import bounded_json, paths
from emolive._compat.opencv import cv2
from emolive.clock import to_ns
from emolive.errors import CheckpointError, EmoliveError
from emolive.expression_stats import EXPRESSIONS
from emolive.models import checks as check
from emolive.models.input_spec import PixelSpec, read_pixels
from emolive.types import FaceQuality, FloatArray, Image
from emolive.vision.landmarks import eye_roll_deg
from emolive.vision.occlusion import covered_probability

log = logging.getLogger(__name__)

INTERVAL_S = 0.09
"""Frames closer than this to the last classified one are not classified: every second of 15 a second."""

SQUARE_SIDE = 1.2
"""Side of the crop over the longer side of the upright box round the 68 landmarks. This and the shift are the
medians over FER+ validation images, whose own border is the crop."""
SQUARE_SHIFT = -0.19
"""Offset of the crop's centre from that of the box, downwards, in sides of the box."""
TARGET_LIGHT = 0.45
"""Mean luma (0..1) that the middle of a crop is brought to."""
MIN_GAIN, MAX_GAIN = 0.6, 14.0
_HIGHLIGHTS = 98
"""Percentile that the gain must not push over white, unless it was there before."""
NOSE_DEPTH = 1.2
"""How far the nose's tip lies before the axis of the head, over half the head's width."""
_NOSE_TIP = 30
RIGHT_JAW, LEFT_JAW = slice(0, 3), slice(14, 17)
"""The ends of the jaw among the 68 landmarks."""

Classify = Callable[[FloatArray], FloatArray]
"""Prepared pixels (1, 3, S, S) → logits (1, classes)."""


def crop_expression(image: Image, points_px: FloatArray, size: int) -> tuple[Image, float, float]:
    """Cut a face as FER+ frames its faces: grey, upright by the line of the eyes.

    Args:
        image: (height, width, 3) BGR.
        points_px: (68, 2) landmarks.
        size: side of the crop in pixels.

    Returns:
        (size, size) uint8, parts outside of the image repeat its edge; the side of the square in pixels of
        the image; the roll in degrees.
    """
    roll_deg = eye_roll_deg(points_px)
    c, s = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    upright = points_px @ np.array([[c, -s], [s, c]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    box_px = max(1.0, float((high - low).max()))
    x, y = (low + high) / 2 + np.array([0.0, SQUARE_SHIFT * box_px])
    x, y, side_px = float(c * x - s * y), float(s * x + c * y), SQUARE_SIDE * box_px
    scale, half = side_px / size, (size - 1) / 2
    ac, as_ = c * scale, s * scale
    matrix = np.array([[ac, -as_, x - half * (ac - as_)], [as_, ac, y - half * (as_ + ac)]])
    # Linear sampling that skips pixels aliases: the neighbourhood is reduced by a whole number first.
    step = max(1, int(scale))
    height, width = image.shape[:2]
    reach = 0.72 * side_px + 2 * step
    x0, y0 = min(max(0, int(x - reach)), width - 1), min(max(0, int(y - reach)), height - 1)
    x1, y1 = max(x0 + 1, min(width, int(x + reach) + 1)), max(y0 + 1, min(height, int(y + reach) + 1))
    near = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_BGR2GRAY)
    if step > 1:
        reduced = max(1, near.shape[1] // step), max(1, near.shape[0] // step)
        near = cv2.resize(near, reduced, interpolation=cv2.INTER_AREA)
    across, down = near.shape[1] / (x1 - x0), near.shape[0] / (y1 - y0)
    matrix[0] *= across
    matrix[1] *= down
    # Pixels are counted by their centres.
    matrix[0, 2] += across * (0.5 - x0) - 0.5
    matrix[1, 2] += down * (0.5 - y0) - 0.5
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(near, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), side_px, roll_deg


def even_light(crop: Image) -> tuple[Image, float]:
    """Bring the middle of a grey crop to TARGET_LIGHT by one gain.

    Returns:
        The crop, and the mean luma (0..1) of its middle before.
    """
    quarter = len(crop) // 4
    middle = crop[quarter:-quarter, quarter:-quarter]
    light = float(middle.mean()) / 255
    highlights = max(float(np.percentile(middle, _HIGHLIGHTS)) / 255, 1e-3)
    gain = min(TARGET_LIGHT / max(light, 1e-3), max(1 / highlights, 1.0))
    gain = min(max(gain, MIN_GAIN), MAX_GAIN)
    return (np.asarray(cv2.convertScaleAbs(crop, alpha=gain), np.uint8) if gain != 1 else crop), light


def estimate_yaw_deg(points_px: FloatArray) -> float:
    """Rough yaw from 68 landmarks (68, 2), positive when the face turns to the right of the image.

    The nose's tip moves between the two ends of the jaw as on a cylinder seen from far away.
    """
    right, left = points_px[RIGHT_JAW].mean(axis=0), points_px[LEFT_JAW].mean(axis=0)
    axis = left - right
    width = float(np.hypot(*axis))
    if width < 1e-6:
        return 0.0
    offset = float((points_px[_NOSE_TIP] - (right + left) / 2) @ axis) / (width * width / 2)
    return math.degrees(math.atan(offset / NOSE_DEPTH))


class ExpressionClassifier:
    """Classifies the expression of one face at a time. Not thread-safe.

    Args:
        classify: the network.
        size: side of its input in pixels.
        mean, std: of its input, one number for all channels since the crop is grey.
    """

    def __init__(self, classify: Classify, size: int, mean: float, std: float) -> None:
        self._classify = classify
        self._size = size
        self._scale, self._shift = np.float32(1 / (255 * std)), np.float32(-mean / std)
        self.reset()

    def reset(self) -> None:
        """Forget which frame was classified last, as for a new source."""
        self._last_ns: int | None = None

    def accept(self, t_ns: int) -> bool:
        """Whether to classify a face in the frame of `t_ns`; asked once per frame, in order."""
        if self._last_ns is not None and 0 <= t_ns - self._last_ns < to_ns(INTERVAL_S):
            return False
        self._last_ns = t_ns
        return True

    def __call__(self, image: Image, points_px: FloatArray) -> tuple[FloatArray, FaceQuality]:
        """Classify a face.

        Args:
            image: (height, width, 3) BGR.
            points_px: its landmarks (68, 2).

        Returns:
            Log-probabilities (8,) in the order of EXPRESSIONS, and the quality of the picture.
        """
        crop, quality = self._crop(image, points_px)
        plane = crop * self._scale + self._shift
        pixels = np.ascontiguousarray(np.broadcast_to(plane, (1, 3, *plane.shape)), np.float32)
        logits = self._classify(pixels)[0].astype(np.float64)
        logits -= logits.max()
        log_probs = logits - np.log(np.exp(logits).sum())
        return log_probs.astype(np.float32), quality

    def quality(self, image: Image, points_px: FloatArray) -> FaceQuality:
        """The quality of the picture of a face, without classifying it; arguments as for a call."""
        return self._crop(image, points_px)[1]

    def _crop(self, image: Image, points_px: FloatArray) -> tuple[Image, FaceQuality]:
        """A face as the network sees it, (size, size) uint8, and the quality of its picture."""
        crop, side_px, roll_deg = crop_expression(image, points_px, self._size)
        crop, light = even_light(crop)
        contrast = max(float(crop.std()), 1.0)
        sharpness = float(cv2.Laplacian(crop, cv2.CV_32F).std()) / contrast
        quality = FaceQuality(
            size_px=side_px / SQUARE_SIDE,
            light=light,
            sharpness=sharpness,
            roll_deg=roll_deg,
            yaw_deg=estimate_yaw_deg(points_px),
            covered=covered_probability(image, points_px),
        )
        return crop, quality


def classifier_path() -> Path:
    """Where the shipped classifier lies.

    Raises:
        CheckpointError: it is missing, or was changed.
    """
    try:
        return paths.asset("models", "efficientface.safetensors")
    except EmoliveError as error:
        raise CheckpointError(str(error)) from error


@lru_cache(maxsize=4)
def classifier_digest(path: Path) -> str:
    """SHA-256 of the tensors in a backbone checkpoint, without its other metadata. Does not import torch.

    Raises:
        CheckpointError: the file cannot be read.
    """
    from emolive.models.io.checkpoint import open_safetensors

    digest = hashlib.sha256()
    with open_safetensors(path, "np") as file:
        for name in sorted(file.keys()):
            values = np.ascontiguousarray(file.get_tensor(name))
            digest.update(name.replace("trunk.", "backbone.", 1).encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def load_classifier(digest: str, path: Path | None = None) -> ExpressionClassifier:
    """The classifier of a model, on ONNX Runtime, or on torch where that is missing.

    Args:
        digest: which one, as `classifier_digest`.
        path: its file; by default the shipped one.

    Raises:
        CheckpointError: it is missing, or another one.
    """
    path = classifier_path() if path is None else path
    if classifier_digest(path) != digest:
        raise CheckpointError(
            f"{path} is not the classifier of faces that this model was fitted with: install the emolive "
            f"that it belongs to."
        )
    labels, pixels = _description(path)
    if labels != EXPRESSIONS:
        raise CheckpointError(f"{path} classifies {', '.join(labels)}, not the expressions of FER+.")
    return ExpressionClassifier(_network(path, digest), pixels.size, pixels.mean[0], pixels.std[0])


def _description(path: Path) -> tuple[tuple[str, ...], PixelSpec]:
    """Labels and input of a backbone checkpoint, without torch."""
    from emolive.models.io.checkpoint import open_safetensors

    with open_safetensors(path, "np") as file:
        metadata = file.metadata() or {}
    try:
        text = metadata.get("emolive-backbone") or metadata["emolive-trunk"]
        entry = check.mapping("the metadata", bounded_json.parse(text))
        return check.texts("labels", entry["labels"]), read_pixels(entry["pixels"])
    except (EmoliveError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is not a classifier of faces.") from error


def _network(path: Path, digest: str) -> Classify:
    try:
        from emolive.models.runtimes.classifier import classifier_session

        session: Any = classifier_session(path, digest)
        return lambda pixels: np.asarray(session.run(["logits"], {"pixels": pixels})[0], np.float32)
    except EmoliveError as error:
        log.info("the classifier of faces runs on torch: %s", error)
    import torch

    from emolive.models.io.backbone import load_backbone
    from emolive.models.runtimes.fuse import fuse_batchnorm

    net = fuse_batchnorm(load_backbone(path).net)

    def classify(pixels: FloatArray) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(net(torch.from_numpy(pixels)).numpy(), np.float32)

    return classify
