"""A small window dataset and its model, for tests that need windows."""

from __future__ import annotations

from pathlib import Path

from preprocessing import annotations
from training import config, window_dataset
from training.model_options import model_spec
from training.window_dataset import WindowDataset

CONFIG = config.from_values({"audio": "logmel"})
SPEC = model_spec(CONFIG, ("angry", "happy", "neutral"))
N = 18


def build_dataset(clips: Path, cache: Path) -> WindowDataset:
    """The windows of two actors' clips at three shifts."""
    entries = annotations.read(clips)
    entries = annotations.Annotations(entries.items[:N], entries.root)
    return window_dataset.build(entries, SPEC, cache=cache, shifts_s=(-0.3, 0.0, 0.3))
