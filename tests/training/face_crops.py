"""Face crops with separable classes, and a backbone with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch

from emolive.models.input_spec import PixelSpec
from emolive.models.io.backbone import FaceClassifier, save_backbone
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.training.conftest import voice

SIZE = 32
LABELS = ("neutral", "happy", "angry")


def crop(kind: int, rng: np.random.Generator) -> np.ndarray:
    """(S, S, 3) uint8: bright above, in the middle or below, in a colour of its own."""
    image = rng.normal(90, 12, (SIZE, SIZE, 3))
    image[kind * 10 : kind * 10 + 12] += np.array([110, 60, 20])
    return np.clip(image, 0, 255).astype(np.uint8)


def make_crop_clips(folder: Path, actors: int = 4, repetitions: int = 2) -> Path:
    """An `.npy` of 20 crops, two of them missing, and a voice for each actor, label and repetition."""
    rng = np.random.default_rng(0)
    items = []
    for actor in range(1, actors + 1):
        for kind, label in enumerate(LABELS):
            spoken = voice(10, label)
            for repetition in range(repetitions):
                key = f"a{actor}_{label}_{repetition}"
                images = np.stack([crop(kind, rng) for _ in range(20)])
                images[[4, 5]] = 0
                np.save(folder / f"{key}.npy", images)
                sound = rng.normal(0, 1e-3, round(3.6 * 22_050))
                sound[20_000:][: round(1.8 * 22_050)] += spoken
                soundfile.write(folder / f"{key}.wav", sound.astype(np.float32), 22_050)
                items.append(ClipEntry(key, f"{key}.npy", f"{key}.wav", label, str(actor), ""))
    path = folder / "annotations.csv"
    annotations.write(path, items)
    return path


def make_backbone(path: Path, size: int = SIZE) -> Path:
    """A backbone file with random weights and running statistics of a few random images."""
    torch.manual_seed(3)
    net = FaceClassifier(LABELS, PixelSpec(size, "RGB", (0.4, 0.4, 0.4), (0.2, 0.2, 0.2)))
    net.train()
    with torch.no_grad():
        for _ in range(8):
            net(torch.randn(8, 3, size, size))
    save_backbone(path, net.eval(), provenance={"data": "none: random weights"})
    return path
