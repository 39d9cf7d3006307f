"""Requirements for every registered data set. A new entry needs a sample of its clips in SAMPLES."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emolive.cli.config import option_fields
from emolive.cli.parser import OptionsParser
from emolive.errors import EmoliveError
from emolive.plugins import DATASETS, load_plugin
from preprocessing.cli import PreprocessOptions
from preprocessing.datasets.index import index_dataset
from preprocessing.records import KINDS, DatasetIndex

load_plugin(Path(__file__).parents[2] / "examples/plugin_dataset.py")


def _ravdess(folder: Path) -> Path:
    for name in ("01-01-05-01-02-01-12.mp4", "03-01-05-01-02-01-12.wav", "02-01-05-01-02-01-12.mp4", "x.mp4"):
        (folder / name).touch()
    return folder


def _folder(folder: Path) -> Path:
    for name in ("anna/bored/a.mp4", "keen/b.wav", "c.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def _touch(folder: Path, *names: str) -> Path:
    for name in (*names, "x.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def _crema_d(folder: Path) -> Path:
    return _touch(folder, "VideoFlash/1001_DFA_ANG_XX.flv", "AudioWAV/1001_DFA_ANG_XX.wav")


def _mead(folder: Path) -> Path:
    return _touch(folder, "M003/video/front/angry/level_1/001.mp4", "M003/video/top/angry/level_1/001.mp4")


def _savee(folder: Path) -> Path:
    return _touch(folder, "AudioVisualClip/DC/sa03.avi", "AudioData/DC/sa03.wav")


def _emodb(folder: Path) -> Path:
    return _touch(folder, "wav/03a01Fa.wav")


def _landmarks(folder: Path) -> Path:
    key = "01-01-05-01-02-01-12"
    arrays = {f"{key}/xy": np.zeros((2, 68, 2)), f"{key}/frame": np.arange(2)}
    np.savez(folder / "marks.npz", **arrays)  # type: ignore[arg-type]
    (folder / "03-01-05-01-02-01-12.wav").touch()
    return folder / "marks.npz"


def _my_clips(folder: Path) -> Path:
    for name in ("anna_bored_1.mp4", "bert_keen_1.mp4", "x.mp4"):
        (folder / name).touch()
    return folder


SAMPLES: dict[str, Callable[[Path], Path]] = {
    "ravdess": _ravdess,
    "folder": _folder,
    "crema-d": _crema_d,
    "mead": _mead,
    "savee": _savee,
    "emodb": _emodb,
    "landmarks": _landmarks,
    "my-clips": _my_clips,
}
"""Write a few clips into a folder; return the ROOT."""


@pytest.fixture(params=tuple(DATASETS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def index_of(name: str, root: Path) -> DatasetIndex:
    return index_dataset(name, DATASETS.get(name)(), root)


def test_it_has_a_sample(name: str) -> None:
    assert name in SAMPLES, f"add a sample of {name} to SAMPLES"


def test_it_is_described(name: str) -> None:
    assert DATASETS.titles()[name] not in ("", name)
    cls = DATASETS.get(name)
    assert inspect.getdoc(cls)
    assert all(field.help for field in option_fields(cls, with_help=True))


def test_its_options_have_defaults_and_fit_the_command(name: str) -> None:
    cls = DATASETS.get(name)
    dataset, options = OptionsParser(cls, PreprocessOptions).parse(["clips", "out"])
    assert dataset == cls() or not option_fields(cls)
    assert options.root == Path("clips")


def test_its_clips_can_be_used(name: str, tmp_path: Path) -> None:
    index = index_of(name, SAMPLES[name](tmp_path))
    assert index.dataset == name
    assert index.clips
    for clip in index.clips:
        assert clip.label
        assert clip.video or clip.audio
    assert all(issue.kind in KINDS and issue.text.endswith(".") for issue in index.issues)


def test_it_is_reproducible(name: str, tmp_path: Path) -> None:
    root = SAMPLES[name](tmp_path)
    assert index_of(name, root) == index_of(name, root)


def test_its_index_round_trips_through_json(name: str, tmp_path: Path) -> None:
    import json

    index = index_of(name, SAMPLES[name](tmp_path))
    assert DatasetIndex.from_dict(json.loads(json.dumps(index.to_dict()))) == index


def test_no_clips_is_one_sentence(name: str, tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EmoliveError) as error:
            index_of(name, root)
        assert "\n" not in str(error.value)
