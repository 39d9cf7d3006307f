"""Clips in tar files: read as in a folder of that name, and nothing a tar file contains can do harm."""

from __future__ import annotations

import contextlib
import io
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import ConfigError, EmoliveError, MediaError, OutputError
from emolive.plugins import DATASETS
from preprocessing import annotations, archive_streams, archives, tar_files
from preprocessing.cli import main
from preprocessing.datasets.index import index_dataset
from preprocessing.records import DatasetIndex
from tests.helpers.mutations import change_bytes
from tests.helpers.small_clips import write_face

MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = next(suffix for suffix in reversed(MODES) if path.name.endswith(suffix))
    with tarfile.open(path, MODES[suffix]) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def index(root: Path) -> DatasetIndex:
    return index_dataset("folder", DATASETS.get("folder")(), root)


def issues(root: Path) -> list[tuple[str, str, str]]:
    return [(issue.kind, issue.clip, issue.text) for issue in index(root).issues]


def content_of(path: Path) -> bytes:
    with archives.local_file(path) as copy:
        return copy.read_bytes()


@pytest.mark.parametrize("suffix", MODES)
def test_a_tar_file_counts_as_a_folder_of_its_name(tmp_path: Path, suffix: str) -> None:
    film, sound = bytes(range(256)) * 300, b"wave" * 999
    pack(tmp_path / f"train{suffix}", {"happy/a.mp4": film, "./happy/a.wav": sound, "happy/._a.mp4": b""})
    pack(tmp_path / f"test{suffix}", {"sad/b.mp4": film[::-1], "notes.txt": b"", "sad/more.zip": b""})
    found = index(tmp_path)
    assert [(clip.id, clip.video, clip.label, clip.split) for clip in found.clips] == [
        ("test__sad__b", f"test{suffix}/sad/b.mp4", "sad", "testing"),
        ("train__happy__a", f"train{suffix}/happy/a.mp4", "happy", "training"),
    ]
    assert found.clips[1].audio == f"train{suffix}/happy/a.wav"
    assert found.skipped == {".txt files": 1}
    (issue,) = issues(tmp_path)
    assert issue[1:] == (
        f"test{suffix}/sad/more.zip",
        "It is a .zip file, whose clips are not read: unpack it.",
    )
    for _ in range(2):
        assert content_of(tmp_path / f"train{suffix}/happy/a.mp4") == film
        assert content_of(tmp_path / f"test{suffix}/sad/b.mp4") == film[::-1]
        assert content_of(tmp_path / f"train{suffix}/happy/a.wav") == sound
    (clip,) = index(tmp_path / f"test{suffix}").clips
    assert clip.video == "sad/b.mp4"


def test_mead_as_downloaded_is_preprocessed(tmp_path: Path) -> None:
    clip = write_face(tmp_path / "x.mp4", "angry", 300, 0.5).read_bytes()
    pack(tmp_path / "MEAD/M003/video.tar", {"video/front/angry/level_1/001.mp4": clip})
    out = tmp_path / "out"
    assert main(["mead", str(tmp_path / "MEAD"), str(out), "--size", "32", "--workers", "0"]) == 0
    (item,) = annotations.read(out / "annotations.csv").items
    assert (item.label, item.actor) == ("angry", "M003")


def test_names_links_and_devices_that_lead_elsewhere_are_not_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "happy.tar", {"../x.mp4": b"x", "/etc/x.mp4": b"x", "a.mp4": b"fine"})
    with tarfile.open(path, "a") as archive:
        for name, kind in (
            ("link.mp4", tarfile.SYMTYPE),
            ("hard.mp4", tarfile.LNKTYPE),
            ("p.mp4", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert [clip.video for clip in index(tmp_path).clips] == ["happy.tar/a.mp4"]
    assert [text for _, _, text in issues(tmp_path)] == [
        "Its name is no path within the archive: it is not read."
    ] * 2
    with pytest.raises(MediaError, match="has no file"):
        content_of(path / "../happy.tar/link.mp4")


def test_damaged_tar_files_are_a_sentence(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(30_000)
    for suffix in (".tar", ".tar.gz"):
        whole = pack(tmp_path / f"sad{suffix}", {"a.mp4": noise, "b.mp4": noise[::-1]}).read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(whole[:45_000])
    (tmp_path / "no.tar").write_bytes(b"\x00 no archive " * 99)
    (tmp_path / "no.tgz").write_bytes(b"no archive")
    (tmp_path / "sad.rar").write_bytes(b"Rar!")
    found = {clip: (kind, text) for kind, clip, text in issues(tmp_path) if "same name" not in text}
    assert found["sad.rar"] == ("packed", "It is a .rar file, whose clips are not read: unpack it.")
    assert {kind for clip, (kind, _) in found.items() if clip != "sad.rar"} == {"corrupt"}
    assert found.keys() == {"cut.tar", "cut.tar.gz", "no.tar", "no.tgz", "sad.rar"}
    assert all(text.endswith(".") and text.count(". ") == 0 for _, text in found.values())
    assert content_of(tmp_path / "cut.tar/a.mp4") == noise, "what comes before the cut is read"


def test_a_bomb_is_not_decompressed_and_a_full_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_files, "SMALL_BYTES", 1 << 20)
    pack(tmp_path / "happy.tar.gz", {"a.mp4": bytes(8 << 20)})
    with pytest.raises(ConfigError, match=r"would grow beyond .* MB: it holds no clips"):
        index(tmp_path)
    path = pack(tmp_path / "sad.tgz", {"a.mp4": b"12"})
    monkeypatch.setattr(archive_streams.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0}))
    with pytest.raises(OutputError, match="has no room"):
        content_of(path / "a.mp4")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_any_bytes_are_read_or_are_a_sentence(tmp_path: Path, suffix: str) -> None:
    rng = random.Random(5)
    path = tmp_path / f"happy{suffix}"
    whole = pack(path, {"a.mp4": np.random.default_rng(0).bytes(300), "b.mp4": b"x" * 700}).read_bytes()
    for _ in range(150):
        path.write_bytes(change_bytes(whole, rng))
        archives._listing.cache_clear()
        with contextlib.suppress(EmoliveError):
            for name in archives.list_archive(path).members:
                with contextlib.suppress(EmoliveError), archives.local_file(path / name) as copy:
                    assert copy.stat().st_size < 1 << 20
