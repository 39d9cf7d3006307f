"""A small data set with separable classes: the mouth opens, and the voice speaks in another way."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from emolive.audio.resample import resample
from emolive.capture.synthetic.emotion_timeline import EMOTIONS
from emolive.capture.synthetic.voice import RATE_HZ, Voice
from emolive.types import FloatArray
from emolive.vision.encoders import landmarks
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.training.dataset_of_clips import build_dataset
from training.window_dataset import WindowDataset

LABELS = ("neutral", "happy", "angry")
MOUTH = slice(48, 68)


@cache
def voice(seed: int, emotion: str) -> FloatArray:
    """1.8 s of the drawn demo's voice at 22,050 Hz, in one emotion throughout."""
    weights = np.eye(len(EMOTIONS))[EMOTIONS.index(emotion)]
    return resample(Voice(seed, lambda _: weights).read(round(1.8 * RATE_HZ)), RATE_HZ, 22_050)


def make_clips(folder: Path, actors: int = 4, repetitions: int = 3) -> Path:
    """Landmarks and audio for each actor, label and repetition; returns their annotations.csv."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    items = []
    for actor in range(1, actors + 1):
        face = landmarks.mean_shape() * 100 + rng.normal(0, 1.5, (68, 2)) + 300
        for label, name in enumerate(LABELS):
            for repetition in range(repetitions):
                key = f"a{actor}_{name}_{repetition}"
                n = 54
                xy = np.repeat(face[None], n, axis=0) + rng.normal(0, 0.3, (n, 68, 2))
                xy[:, MOUTH, 1] += label * 12 * np.sin(np.linspace(0, np.pi, n))[:, None]
                arrays[f"{key}/xy"] = np.round(xy).astype(np.int16)
                arrays[f"{key}/frame"] = np.arange(0, 2 * n, 2)
                sound = rng.normal(0, 1e-3, round(3.6 * 22_050)).astype(np.float32)
                sound[round(0.9 * 22_050) :][: round(1.8 * 22_050)] += voice(10 * actor + repetition, name)
                soundfile.write(folder / f"{key}.wav", sound, 22_050)
                items.append(ClipEntry(key, f"marks.npz#{key}", f"{key}.wav", name, str(actor), ""))
    np.savez(folder / "marks.npz", allow_pickle=False, **arrays)
    path = folder / "annotations.csv"
    annotations.write(path, items)
    return path


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """As in training by default: threads that wait for each other on a busy machine take minutes."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are extracted once for all tests, and not into the user's folder."""
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture
def small(clips: Path) -> list[str]:
    """Options of a run of one or two seconds."""
    options = "--width 0.25 --shifts 3 --batch_size 8 --learning_rate 0.01 --masked_steps 4 --masked_bands 4"
    options += " --audio logmel --conditions 0"
    return ["--annotation_path", str(clips), *options.split()]


@pytest.fixture(scope="session")
def dataset(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> WindowDataset:
    """The windows of two actors' clips at three shifts."""
    return build_dataset(clips, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def trained(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Result folder of a small model that has learned its classes."""
    from training.cli import train

    folder = tmp_path_factory.mktemp("run") / "result"
    options = (
        "--width 0.25 --shifts 3 --batch_size 8 --learning_rate 0.01 --test_actors 3 --validation_actors 4 "
        "--session_gain_db 0 --stream_share 0.4 --audio logmel --conditions 0"
    )
    arguments = ["--annotation_path", str(clips), *options.split(), "--n_epochs", "25"]
    assert train([*arguments, "--result-path", str(folder)]) == 0
    return folder
