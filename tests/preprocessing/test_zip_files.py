"""Clips in zip files: read where they are, and nothing a zip file contains can do harm."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import EmoliveError, MediaError, OutputError
from emolive.plugins import DATASETS
from preprocessing import annotations, archive_listing, archive_streams, archives, zip_files
from preprocessing.cli import main
from preprocessing.datasets.index import index_dataset
from preprocessing.records import DatasetIndex
from tests.helpers.mutations import change_bytes
from tests.helpers.small_clips import write_face

TRIAL = "01-01-05-01-01-01-01"
FAST = ("--size", "32", "--workers", "0")


def pack(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def index(name: str, root: Path) -> DatasetIndex:
    return index_dataset(name, DATASETS.get(name)(), root)


def issues(name: str, root: Path) -> list[tuple[str, str, str]]:
    return [
        (issue.kind, issue.clip, issue.text)
        for issue in index(name, root).issues
        if issue.clip[:5] != "actor"
    ]


def content_of(path: Path) -> bytes:
    with archives.local_file(path) as copy:
        return copy.read_bytes()


def test_ravdess_as_downloaded_gives_the_same_files_as_unpacked(tmp_path: Path) -> None:
    tree, zips, out = tmp_path / "tree", tmp_path / "zips", tmp_path / "out"
    for actor, label in (("01", "angry"), ("02", "happy")):
        clip = write_face(tree / f"Actor_{actor}/01-01-05-01-01-01-{actor}.mp4", label, 220, 0.5)
        pack(zips / f"Video_Speech_Actor_{actor}.zip", {f"Actor_{actor}/{clip.name}": clip.read_bytes()})
    assert main(["ravdess", str(zips), str(out), *FAST]) == 0
    assert main(["ravdess", str(tree), str(tmp_path / "plain"), *FAST]) == 0
    for path in sorted((tmp_path / "plain").rglob("*")):
        # Records and the plan name the source of a clip.
        if path.is_file() and path.suffix != ".json":
            assert (out / path.relative_to(tmp_path / "plain")).read_bytes() == path.read_bytes(), path
    assert len(annotations.read(out / "annotations.csv").items) == 2
    record = out / f"records/{TRIAL}.json"
    assert list(json.loads(record.read_text())["source"]) == [
        f"Video_Speech_Actor_01.zip/Actor_01/{TRIAL}.mp4"
    ]
    before = record.stat().st_mtime_ns
    assert main(["ravdess", str(zips), str(out), *FAST]) == 0
    assert record.stat().st_mtime_ns == before, "a second run changes nothing"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_files_in_a_zip_file_are_read(tmp_path: Path, method: int) -> None:
    video, sound = bytes(range(256)) * 300, b"wave" * 999
    path = pack(
        tmp_path / "1188976.zip",
        {
            "Video_Speech_Actor_01.zip": packed({f"Actor_01/{TRIAL}.mp4": video}, zipfile.ZIP_DEFLATED),
            "Audio_Speech_Actors_01-24.zip": packed({f"Actor_01/03{TRIAL[2:]}.wav": sound}),
        },
        method,
    )
    for root, prefix in ((tmp_path, "1188976.zip/"), (path, "")):
        (clip,) = index("ravdess", root).clips
        assert clip.video == f"{prefix}Video_Speech_Actor_01.zip/Actor_01/{TRIAL}.mp4"
        assert clip.audio == f"{prefix}Audio_Speech_Actors_01-24.zip/Actor_01/03{TRIAL[2:]}.wav"
        for _ in range(2):
            assert content_of(root / clip.video) == video
            assert content_of(root / clip.audio) == sound


def test_a_zip_file_counts_as_a_folder_of_its_name(tmp_path: Path) -> None:
    pack(tmp_path / "happy.zip", {"a.mp4": b"1", "notes.txt": b"", "__MACOSX/._a.mp4": b"", ".x/b.mp4": b""})
    pack(tmp_path / "test.zip", {"sad/b.mp4": b"2", "sad\\c.mp4": b"3"})
    found = index("folder", tmp_path)
    assert [(clip.id, clip.video, clip.label, clip.split) for clip in found.clips] == [
        ("happy__a", "happy.zip/a.mp4", "happy", ""),
        ("test__sad__b", "test.zip/sad/b.mp4", "sad", "testing"),
        ("test__sad__c", "test.zip/sad/c.mp4", "sad", "testing"),
    ]
    assert content_of(tmp_path / "test.zip/sad/c.mp4") == b"3"
    assert found.skipped == {".txt files": 1}
    (tmp_path / "labels.csv").write_text("file,label\nhappy.zip/a.mp4,keen\ntest/sad/b.mp4,low\n")
    clips = index_dataset("folder", DATASETS.get("folder")(tmp_path / "labels.csv"), tmp_path).clips
    assert [clip.label for clip in clips] == ["keen", "low"]
    pack(tmp_path / "M003.zip", {"video/front/angry/level_1/001.mp4": b""})
    assert [clip.id for clip in index("mead", tmp_path).clips] == ["M003_angry_1_001"]
    assert [clip.id for clip in index("mead", tmp_path / "M003.zip").clips] == ["M003_angry_1_001"]


def test_what_is_unpacked_already_is_used(tmp_path: Path) -> None:
    pack(tmp_path / "Video_Speech_Actor_01.zip", {f"Actor_01/{TRIAL}.mp4": b"1"})
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / f"Actor_01/{TRIAL}.mp4").write_bytes(b"1")
    found = index("ravdess", tmp_path)
    assert [clip.video for clip in found.clips] == [f"Actor_01/{TRIAL}.mp4"]
    assert found.skipped == {"second copies in archives": 1}


def test_names_that_lead_elsewhere_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    names = [
        "../secret.mp4",
        "/etc/x.mp4",
        "C:/x.mp4",
        "happy/../../secret.mp4",
        "a\x1b[31m/x.mp4",
        "..\\secret.mp4",
    ]
    path = pack(tmp_path / "clips/happy.zip", {**dict.fromkeys(names, b"x"), "a.mp4": b"fine"})
    link = zipfile.ZipInfo("link.mp4")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert [clip.video for clip in index("folder", path.parent).clips] == ["happy.zip/a.mp4"]
    assert len(issues("folder", path.parent)) == len(names)
    assert all("no path within" in text for _, _, text in issues("folder", path.parent))
    assert "\x1b" not in str(issues("folder", path.parent))
    with pytest.raises(MediaError, match="has no file"):
        content_of(path / "../../secret.mp4")


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_files, "SMALL_BYTES", 1 << 20)
    bomb = packed({"x.mp4": bytes(4 << 20)}, zipfile.ZIP_DEFLATED)
    inner = packed({"y.zip": packed({"z.zip": packed({"w.zip": packed({"v.mp4": b""})})}), "b.mp4": b""})
    pack(tmp_path / "happy.zip", {"x.zip": bomb, "deep.zip": inner, "a.mp4": b""})
    assert issues("folder", tmp_path) == [
        ("packed", "happy.zip/x.zip/x.mp4", "It would grow 1028 times to 4.2 MB: it is no clip."),
        ("packed", "happy.zip/deep.zip/y.zip/z.zip", "It is packed too many times: unpack it."),
    ]
    monkeypatch.setattr(archive_listing, "MAX_MEMBERS", 1)
    archives._listing.cache_clear()
    pack(tmp_path / "happy.zip", {"a.mp4": b"", "b.mp4": b""})
    assert issues("folder", tmp_path) == [("packed", "happy.zip", "It has more than 1 files: unpack it.")]


def test_encrypted_and_damaged_zip_files_are_a_sentence(tmp_path: Path) -> None:
    content = bytearray(packed({"a.mp4": b"1234", "b.mp4": b"5678"}))
    for start in (content.find(b"PK\x01\x02") + 8, content.rfind(b"PK\x01\x02") + 8):
        content[start] |= 1
    (tmp_path / "happy.zip").write_bytes(content)
    (tmp_path / "cut.zip").write_bytes(packed({"a.mp4": b"1234"})[:40])
    pack(tmp_path / "sad.zip", {"c.mp4": b"", "inner.zip": b"PK\x03\x04 no"})
    damaged = "It is damaged, a part of a larger one, or no zip file: copy it again."
    assert issues("folder", tmp_path) == [
        ("corrupt", "cut.zip", damaged),
        ("packed", "happy.zip", "2 of its files are encrypted: unpack it with its password."),
        ("corrupt", "sad.zip/inner.zip", damaged),
    ]
    with pytest.raises(EmoliveError, match="2 of its files are encrypted: unpack it with its password"):
        index("folder", tmp_path / "happy.zip")


def test_a_damaged_clip_is_an_issue_of_that_clip_alone(tmp_path: Path) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    content = write_face(tmp_path / "a.mp4", "happy", 300).read_bytes()
    path = pack(root / "happy.zip", {"a.mp4": content, "b.mp4": b"mark" + content})
    data = bytearray(path.read_bytes())
    data[data.find(b"mark") + 2000] ^= 0xFF
    path.write_bytes(data)
    assert main(["folder", str(root), str(out), *FAST]) == 0
    assert [item.id for item in annotations.read(out / "annotations.csv").items] == ["happy__a"]
    found = {
        issue["clip"]: issue["text"] for issue in json.loads((out / "report.json").read_text())["issues"]
    }
    assert found == {"happy__b": "happy.zip/b.mp4 is damaged: copy or download the archive again."}


def test_a_full_disk_is_no_fault_of_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    pack(root / "happy.zip", {"a.mp4": b"1234"})
    monkeypatch.setattr(archive_streams.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0}))
    with pytest.raises(OutputError, match="has no room"):
        content_of(root / "happy.zip/a.mp4")
    assert main(["folder", str(root), str(out), *FAST]) == 2
    assert not (out / "records").exists()


def test_training_on_clips_in_a_zip_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(tmp_path / "happy.zip", {"a.mp4": b"1234"})
    assert main(["folder", str(tmp_path), str(tmp_path / "list.csv")]) == 2
    assert "is in an archive, and training reads no archives" in capsys.readouterr().err


def test_any_bytes_are_read_or_are_a_sentence(tmp_path: Path) -> None:
    rng = random.Random(3)
    noise = np.random.default_rng(0).bytes(300)
    whole = packed(
        {"in.zip": packed({"b.mp4": noise}, zipfile.ZIP_DEFLATED), "a.mp4": noise}, zipfile.ZIP_DEFLATED
    )
    path = tmp_path / "happy.zip"
    for _ in range(300):
        path.write_bytes(change_bytes(whole, rng))
        archives._listing.cache_clear()
        for name in archives.list_archive(path).members:
            with contextlib.suppress(EmoliveError), archives.local_file(path / name) as copy:
                assert copy.stat().st_size < 1 << 20
