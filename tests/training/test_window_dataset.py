"""Windows of clips: the same files however they were extracted, and no clip is extracted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.windowing import centre_window_end_ns, extract_window
from preprocessing import annotations
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.worker_pool import Stopped
from tests.training.dataset_of_clips import SPEC
from training import config, window_dataset
from training.cache_key import cache_key
from training.cli import train
from training.clip_reader import ClipReader
from training.model_options import model_spec
from training.window_cache import INDEX
from training.window_dataset import WindowDataset

SHIFTS_S = (-0.3, 0.0, 0.3)
N = 8


@pytest.fixture(scope="module")
def some(clips: Path) -> Annotations:
    """Landmarks with audio, audio alone, landmarks alone."""
    entries = annotations.read(clips)
    items = list(entries.items[:N])
    items[2] = ClipEntry("audio", "", items[2].audio, "happy", "1")
    items[5] = ClipEntry("landmarks", items[5].video, "", "happy", "1")
    return Annotations(tuple(items), entries.root)


def build(some: Annotations, cache: Path, **options: object) -> WindowDataset:
    return window_dataset.build(some, SPEC, cache=cache, shifts_s=SHIFTS_S, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def expected(some: Annotations, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    cache = tmp_path_factory.mktemp("expected")
    build(some, cache)
    return files_of(cache)


def files_of(cache: Path) -> dict[str, bytes]:
    files = {p.relative_to(cache).as_posix(): p.read_bytes() for p in cache.rglob("*") if p.is_file()}
    return {name: content for name, content in files.items() if not name.endswith("lock")}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the clips that were read."""
    ids: list[str] = []
    read = ClipReader.read

    def recorded(self: ClipReader, item: ClipEntry) -> object:
        ids.append(item.id)
        return read(self, item)

    monkeypatch.setattr(ClipReader, "read", recorded)
    return ids


def test_a_centre_window_is_that_of_the_live_code(dataset: WindowDataset, clips: Path) -> None:
    entries = annotations.read(clips)
    clip = ClipReader(entries, SPEC).read(entries.items[3])
    window = extract_window(clip.video, clip.audio, centre_window_end_ns(clip.duration_s, SPEC), SPEC)
    stored = dataset.window(3)
    assert np.array_equal(stored.video, window.video)
    # Several shifts are stored in half precision.
    assert np.abs(stored.audio - window.audio).max() < 0.05


def test_worker_processes_write_the_same_files(
    some: Annotations, expected: dict[str, bytes], tmp_path: Path
) -> None:
    dataset = build(some, tmp_path, workers=2)
    assert files_of(tmp_path) == expected
    assert [item.id for item in dataset.items] == [item.id for item in some.items]
    assert not dataset.video_present[2].any()
    assert not dataset.audio_present[5].any()
    assert len(dataset.session.evidence("audio", 5)) == 0 < len(dataset.session.evidence("audio", 6))


def test_a_worker_process_has_the_same_backbone(tmp_path: Path) -> None:
    options = config.from_values({"encoder": "efficientface", "sample_size": 64, "width": 0.25})
    spec = model_spec(options, ("angry", "happy"))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8))
    items = (ClipEntry("x", "x.npy", "", "happy", "1"), ClipEntry("y", "x.npy", "", "angry", "2"))
    entries = Annotations(items, tmp_path)
    torch.manual_seed(0)
    net = factory.build(spec).eval()
    files = {}
    for workers in (0, 1):
        cache = tmp_path / str(workers)
        built = window_dataset.build(entries, spec, cache=cache, shifts_s=(0.0,), net=net, workers=workers)
        assert built.video[0][built.video_present[0]].any()
        files[workers] = files_of(cache)
    assert files[0] == files[1]
    other = factory.build(spec).eval()
    assert cache_key(entries, spec, (0.0,), net) != cache_key(entries, spec, (0.0,), other)
    with pytest.raises(EmoliveError, match="needs trained weights"):
        window_dataset.build(entries, spec, cache=tmp_path, shifts_s=(0.0,))


def test_cached_windows_are_not_extracted_again(some: Annotations, tmp_path: Path, reads: list[str]) -> None:
    build(some, tmp_path)
    assert len(reads) == N
    build(some, tmp_path)
    assert len(reads) == N


HANGS_AT_THE_FIFTH = """
import sys, time
from pathlib import Path
from preprocessing.annotations import Annotations, ClipEntry
from tests.training import test_window_dataset
from training import window_cache
from training.clip_reader import ClipReader
read, items_read = ClipReader.read, []
def hang(self, item):
    items_read.append(item)
    if len(items_read) == 5:
        time.sleep(600)
    return read(self, item)
ClipReader.read, window_cache.COMMIT_S = hang, 0.0
items = tuple(ClipEntry(*row) for row in eval(sys.argv[2]))
test_window_dataset.build(Annotations(items, Path(sys.argv[3])), Path(sys.argv[1]))
"""


def test_a_killed_extraction_continues(
    some: Annotations, expected: dict[str, bytes], tmp_path: Path, reads: list[str]
) -> None:
    rows = [(i.id, i.video, i.audio, i.label, i.actor, i.split) for i in some.items]
    arguments = [HANGS_AT_THE_FIFTH, str(tmp_path), repr(rows), str(some.root)]
    process = subprocess.Popen([sys.executable, "-c", *arguments])
    deadline = time.monotonic() + 120
    while not any(len(json.loads(p.read_text())["clips"]) == 4 for p in tmp_path.glob(f"*/{INDEX}")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = tmp_path.iterdir()
    with (folder / "bin_video.npy").open("ab") as file:
        file.write(b"half a clip")
    (folder / f".{INDEX}.x.part").write_bytes(b"half")
    build(some, tmp_path)
    assert reads == [item.id for item in some.items[4:]]
    assert files_of(tmp_path) == expected


def test_a_stopped_extraction_reports_its_progress_and_continues(
    some: Annotations, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ClipReader.read

    def stopped(self: ClipReader, item: ClipEntry) -> object:
        if item.id == some.items[3].id:
            os.kill(os.getpid(), signal.SIGTERM)
        return read(self, item)

    with monkeypatch.context() as patch:
        patch.setattr(ClipReader, "read", stopped)
        with pytest.raises(Stopped, match=f"3 of {N} clips are extracted"):
            build(some, tmp_path)
    build(some, tmp_path, workers=1)
    assert files_of(tmp_path) == expected


def test_a_clip_that_cannot_be_read_is_left_out_or_named(
    some: Annotations, tmp_path: Path, reads: list[str]
) -> None:
    items = (*some.items[:3], ClipEntry("bad", "", "bad.wav", "happy", "1"), *some.items[3:])
    bad = Annotations(items, some.root)
    (some.root / "bad.wav").write_bytes(b"not audio")
    with pytest.raises(EmoliveError, match="The clip bad cannot be used"):
        build(bad, tmp_path)
    dataset = build(bad, tmp_path, skip_faults=True)
    assert len(reads) == 3 + 1 + 1 + N - 3, "clips before the fault are not extracted again"
    assert len(dataset.failed) == 1
    assert [item.id for item in dataset.items] == [item.id for item in some.items]
    without = build(some, tmp_path / "without")
    assert (dataset.video == without.video).all()
    assert (dataset.session.bins.audio == without.session.bins.audio).all()


def test_a_full_disk_is_reported_and_the_extraction_continues(
    clips: Path, small: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file may grow beyond a megabyte, which stops one of the first clips."""
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
    command = [sys.executable, "-c", limit + "from training.cli import train; sys.exit(train())", *small]
    command += ["--n_epochs", "1", "--cache_path", str(tmp_path / "cache")]
    done = subprocess.run([*command, "--result_path", str(tmp_path / "r")], timeout=170, check=False)
    assert done.returncode == 2
    error = capfd.readouterr().err
    assert "cannot be written: File too large" in error
    assert len(error.strip().splitlines()) == 1
    assert not any(json.loads(p.read_text())["complete"] for p in (tmp_path / "cache").rglob(INDEX))
    options = [*small, "--n_epochs", "1", "--result_path", str(tmp_path / "r")]
    assert train([*options, "--cache_path", str(tmp_path / "cache")]) == 0
    options[-1] = str(tmp_path / "r2")
    assert train([*options, "--cache_path", str(tmp_path / "cache2")]) == 0
    assert files_of(tmp_path / "cache") == files_of(tmp_path / "cache2")


def test_shifts_lie_around_the_centre_window() -> None:
    assert window_dataset.training_shifts(1) == (0.0,)
    assert window_dataset.training_shifts(3) == (-0.9, 0.0, 0.9)
