"""Fixtures of all tests: an empty home folder, small models with random weights, real clips."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from emolive import paths

# Before torch is imported, and for child processes too: on a busy machine, threads that wait for each other
# take minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

RandomCheckpoint = Callable[..., Path]

pytest_plugins = ["tests.helpers.leaks", "tests.helpers.sessions", "tests.helpers.devices"]


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures of wider scope: the user's own baselines are neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOLIVE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New folders: `mktemp` looks at all that there are, once for each test."""
    parent = tmp_path_factory.mktemp("homes")
    return (parent / str(number) for number in count())


@pytest.fixture(autouse=True)
def _home_of_the_test(
    _homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch, _home_of_the_session: None
) -> None:
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("EMOLIVE_HOME", str(home))


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> RandomCheckpoint:
    """`random_checkpoint(fusion, **spec)`: a landmark model with random weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    created: dict[str, Path] = {}

    def make(fusion: str = "ia", **changes: Any) -> Path:
        import torch

        from emolive.models import factory
        from emolive.models.input_spec import AudioSpec
        from emolive.models.io import checkpoint
        from emolive.models.spec import ModelSpec

        spec = replace(
            ModelSpec(
                fusion=fusion,
                encoders=("landmarks",),
                landmarker="dlib68",
                pooling="mean",
                audio=AudioSpec(
                    kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000
                ),
                baselines=("none", "neutral", "running"),
                arch="emolive",
            ),
            **changes,
        )
        key = repr(spec)
        if key not in created:
            torch.manual_seed(7)
            net = factory.build(spec)
            # The spread of real landmarks and decibels, so that features have a realistic range.
            for stream, middle, spread in (("video", 0.0, 0.3), ("audio", -50.0, 20.0)):
                getattr(net, f"{stream}_mean").fill_(middle)
                getattr(net, f"{stream}_std").fill_(spread)
                getattr(net, f"{stream}_within_speaker_std").fill_(spread / 2)
            created[key] = folder / f"{fusion}-{len(created)}.safetensors"
            checkpoint.save(created[key], net, provenance={"data": "none: random weights"})
        return created[key]

    return make


@pytest.fixture(scope="session")
def real_clips() -> list[Path]:
    """The real mp4 clips of one actor, shortest first."""
    folder = paths.data_dir() / "ravdess" / "video"
    clips = sorted(folder.rglob("*.mp4"), key=lambda path: path.stat().st_size)
    if not clips:
        pytest.skip(f"no real clips in {folder}: set EMOLIVE_DATA")
    return clips


@pytest.fixture(scope="session")
def parity() -> Path:
    """The folder of checkpoints in the published form."""
    folder = paths.data_dir().parent / "parity"
    if not folder.is_dir():
        pytest.skip("the checkpoints in the published form are not on this computer")
    return folder


@pytest.fixture(scope="session")
def without_root() -> None:
    """Skip tests of permissions, which do not apply to root."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        pytest.skip("root may write everywhere")


@pytest.fixture(scope="session")
def shipped_random(random_checkpoint: RandomCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assets folder whose lt, it and ia have random weights."""
    folder = tmp_path_factory.mktemp("assets")
    for part in ("face", "audio"):
        shutil.copytree(paths.assets_dir() / part, folder / part)
    (folder / "models").mkdir()
    for fusion in ("lt", "it", "ia"):
        shutil.copy(random_checkpoint(fusion), folder / "models" / f"{fusion}.safetensors")
    return folder
