"""Cutting clips into windows: the same bytes by whichever way, and nothing is cut twice."""

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
from preprocessing import annotations
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.worker_pool import Stopped
from training import config
from training import window_cache as store
from training import window_dataset as windows
from training.cli import train
from training.clip_reader import ClipReader
from training.window_dataset import WindowDataset

SPEC = config.spec_of(config.options_from({}), ("angry", "happy", "neutral"))
SHIFTS_S = (-0.3, 0.0, 0.3)
N = 8


@pytest.fixture(scope="module")
def some(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    """Landmarks with sound, sound alone, landmarks alone."""
    found = annotations.read(clips)
    items = list(found.items[:N])
    items[2] = ClipEntry("sound", "", items[2].audio, "happy", "1")
    items[5] = ClipEntry("marks", items[5].video, "", "happy", "1")
    return Annotations(tuple(items), found.root)


def cut(some: Annotations, cache: Path, **options: object) -> WindowDataset:
    return windows.cut(some, SPEC, cache=cache, shifts_s=SHIFTS_S, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def known(some: Annotations, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    cache = tmp_path_factory.mktemp("known")
    cut(some, cache)
    return files_of(cache)


def files_of(cache: Path) -> dict[str, bytes]:
    found = {p.relative_to(cache).as_posix(): p.read_bytes() for p in cache.rglob("*") if p.is_file()}
    return {name: data for name, data in found.items() if not name.endswith("lock")}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the clips that were read."""
    seen: list[str] = []
    read = ClipReader.read

    def noted(self: ClipReader, item: ClipEntry) -> object:
        seen.append(item.id)
        return read(self, item)

    monkeypatch.setattr(ClipReader, "read", noted)
    return seen


def test_processes_cut_the_same_bytes_in_the_same_order(
    some: Annotations, known: dict[str, bytes], tmp_path: Path
) -> None:
    found = cut(some, tmp_path, workers=2)
    assert files_of(tmp_path) == known
    assert [item.id for item in found.items] == [item.id for item in some.items]
    assert not found.bins_present[2].any()
    assert not found.steps_present[5].any()
    assert len(found.live.rows("voice", 5)) == 0 < len(found.live.rows("voice", 6))


def test_a_process_of_its_own_sees_pixels_with_the_same_trunk(tmp_path: Path) -> None:
    options = {"encoder": "efficientface", "sample_size": 64, "width": 0.25}
    spec = config.spec_of(config.options_from(options), ("angry", "happy"))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8))
    found = Annotations(
        (ClipEntry("x", "x.npy", "", "happy", "1"), ClipEntry("y", "x.npy", "", "angry", "2")), tmp_path
    )
    torch.manual_seed(0)
    net = factory.build(spec).eval()
    made = {}
    for workers in (0, 1):
        cache = tmp_path / str(workers)
        cut = windows.cut(found, spec, cache=cache, shifts_s=(0.0,), net=net, workers=workers)
        assert cut.bins[0][cut.bins_present[0]].any()
        made[workers] = files_of(cache)
    assert made[0] == made[1]
    other = factory.build(spec).eval()
    assert windows.cache_key(found, spec, (0.0,), net) != windows.cache_key(found, spec, (0.0,), other)
    with pytest.raises(EmoliveError, match="wants trained weights"):
        windows.cut(found, spec, cache=tmp_path, shifts_s=(0.0,))


def test_what_is_cut_is_not_cut_again(some: Annotations, tmp_path: Path, reads: list[str]) -> None:
    cut(some, tmp_path)
    assert len(reads) == N
    cut(some, tmp_path)
    assert len(reads) == N


HANGS_AT_THE_FIFTH = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_windows
from preprocessing import annotations
from preprocessing.annotations import Annotations, Item
from training import window_cache as store
from training.clip_reader import ClipReader
read, seen = ClipReader.read, []
def hang(self, item):
    seen.append(item)
    if len(seen) == 5:
        time.sleep(600)
    return read(self, item)
ClipReader.read, store.COMMIT_S = hang, 0.0
items = tuple(Item(*row) for row in eval(sys.argv[3]))
test_windows.cut(Annotations(items, Path(sys.argv[4])), Path(sys.argv[1]))
"""


def test_a_killed_process_is_gone_on_from(
    some: Annotations, known: dict[str, bytes], tmp_path: Path, reads: list[str]
) -> None:
    rows = [(i.id, i.video, i.audio, i.label, i.actor, i.split) for i in some.items]
    here = str(Path(__file__).parent)
    arguments = [HANGS_AT_THE_FIFTH, str(tmp_path), here, repr(rows), str(some.root)]
    process = subprocess.Popen([sys.executable, "-c", *arguments])
    deadline = time.monotonic() + 120
    while not any(len(json.loads(p.read_text())) == 4 for p in tmp_path.glob("*/journal.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (folder,) = tmp_path.iterdir()
    with (folder / "bins.bin").open("ab") as file:
        file.write(b"half a clip")
    (folder / ".journal.json.x.part").write_bytes(b"half")
    cut(some, tmp_path)
    assert reads == [item.id for item in some.items[4:]]
    assert files_of(tmp_path) == known


def test_a_stop_is_counted_and_gone_on_from(
    some: Annotations, known: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ClipReader.read

    def stopped(self: ClipReader, item: ClipEntry) -> object:
        if item.id == some.items[3].id:
            os.kill(os.getpid(), signal.SIGTERM)
        return read(self, item)

    with monkeypatch.context() as patch:
        patch.setattr(ClipReader, "read", stopped)
        with pytest.raises(Stopped, match=f"3 of {N} clips are cut"):
            cut(some, tmp_path)
    cut(some, tmp_path, workers=1)
    assert files_of(tmp_path) == known


@pytest.mark.parametrize("damage", ["journal", "short"])
def test_a_damaged_beginning_is_begun_anew(
    some: Annotations, known: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / next(iter(known)).partition("/")[0]
    folder.mkdir()
    (folder / "journal.json").write_text("{" if damage == "journal" else '[{"failed": "x"}, {"id": "a"}]')
    (folder / "bins.bin").write_bytes(b"123")
    cut(some, tmp_path)
    assert files_of(tmp_path) == known


def test_a_clip_that_cannot_be_read_is_left_out_or_named(
    some: Annotations, tmp_path: Path, reads: list[str]
) -> None:
    bad = Annotations(
        (*some.items[:3], ClipEntry("bad", "", "bad.wav", "happy", "1"), *some.items[3:]), some.root
    )
    (some.root / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(EmoliveError, match="The clip bad cannot be used"):
        cut(bad, tmp_path)
    found = cut(bad, tmp_path, skip_faults=True, workers=0)
    assert len(reads) == 3 + 1 + 1 + N - 3, "what was cut before the fault is kept"
    assert len(found.failed) == 1
    assert [item.id for item in found.items] == [item.id for item in some.items]
    atomic_write = cut(some, tmp_path / "whole")
    assert (found.bins == atomic_write.bins).all()
    assert (found.live.voice == atomic_write.live.voice).all()


def test_a_full_disk_is_said_and_gone_on_from(
    clips: Path, small: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file may grow beyond a megabyte, which stops the second or third clip of many."""
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
    command = [sys.executable, "-c", limit + "from training.cli import train; sys.exit(train())", *small]
    command += ["--n_epochs", "1", "--cache_path", str(tmp_path / "cache")]
    done = subprocess.run([*command, "--result_path", str(tmp_path / "r")], timeout=170, check=False)
    assert done.returncode == 2
    said = capfd.readouterr().err
    assert "cannot be written: File too large" in said
    assert len(said.strip().splitlines()) == 1
    assert not list((tmp_path / "cache").rglob("done.json"))
    options = [*small, "--n_epochs", "1", "--result_path", str(tmp_path / "r")]
    assert train([*options, "--cache_path", str(tmp_path / "cache")]) == 0
    options[-1] = str(tmp_path / "r2")
    assert train([*options, "--cache_path", str(tmp_path / "cache2")]) == 0
    assert files_of(tmp_path / "cache") == files_of(tmp_path / "cache2")


def test_damage_after_the_end_is_said(some: Annotations, tmp_path: Path) -> None:
    cut(some, tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "steps.bin").write_bytes(b"")
    with pytest.raises(EmoliveError, match="is damaged: delete it"):
        cut(some, tmp_path)
    assert (folder / store.DONE).is_file()
