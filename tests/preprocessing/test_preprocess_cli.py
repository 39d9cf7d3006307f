"""`emolive-preprocess`: issues, --strict, --dry-run, single steps, interrupted runs."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.errors import EmoliveError
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from preprocessing.cli import main
from preprocessing.clip_processor import ClipProcessor
from preprocessing.output import OutputFolder
from preprocessing.records import Record
from tests.helpers import leaks
from tests.helpers.listener import eventually
from tests.helpers.small_clips import RATE_HZ, tone, write_clip, write_face

FAST = ("--size", "32", "--workers", "0")


def files_of(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def issues_of(out: Path) -> dict[str, set[str]]:
    issues: dict[str, set[str]] = {}
    for issue in json.loads((out / "report.json").read_text())["issues"]:
        issues.setdefault(issue["kind"], set()).add(issue["clip"])
    return issues


def test_ravdess_from_clips_to_annotations(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["ravdess", str(tree), str(out), *FAST]
    assert main([*arguments, "--splits", "custom", "--test_actors", "2"]) == 0
    table = annotations.read(out / "annotations.csv")
    assert [(item.id, item.label, item.actor, item.split) for item in table.items] == [
        ("01-01-03-01-01-01-01", "happy", "01", "training"),
        ("01-01-05-01-01-01-01", "angry", "01", "training"),
        ("01-01-03-01-01-01-02", "happy", "02", "testing"),
        ("01-01-04-01-01-01-02", "sad", "02", "testing"),
    ]
    landmarks = annotations.read(out / "annotations-landmarks.csv")
    path, key = landmarks.locate(landmarks.items[0].video)
    with np.load(path) as stored:
        assert stored[f"{key}/xy"].shape[1:] == (68, 2)
    samples, rate_hz = soundfile.read(out / landmarks.items[0].audio)
    assert len(samples) / rate_hz == pytest.approx(1.5, abs=0.01)
    assert {p.name for p in (out / "contact-sheets").iterdir()} == {"actor_01.png", "actor_02.png"}
    assert set(issues_of(out)) == {"missing"}

    before = files_of(out)
    assert main(["check", str(out)]) == 0
    assert "4 of 4 clips are done" in capsys.readouterr().out
    assert main([*arguments, "--splits", "custom", "--test-actors", "2"]) == 0
    assert files_of(out) == before, "a second run changes nothing"

    assert main(["annotations", str(out), "--splits", "loao"]) == 0
    assert [item.split for item in annotations.read(out / "annotations.csv").items] == [
        "testing", "testing", "training", "training",
    ]  # fmt: skip
    (out / "crops/01-01-03-01-01-01-01.npy").write_bytes(b"x")
    assert main(["check", str(out), "--strict"]) == 1
    assert "was changed or removed" in capsys.readouterr().out
    assert main([*arguments, "--splits", "custom", "--test-actors", "2"]) == 0
    assert files_of(out) == before, "damaged files are written again"


def test_every_issue_is_reported(tmp_path: Path) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    write_face(root / "good/a.mp4", "happy", 300)
    shutil.copy(root / "good/a.mp4", root / "good/b.mp4")
    write_clip(root / "good/blank.mp4", sound=tone(1.5, 410))
    write_clip(root / "good/no_sound.mp4", sound=None)
    write_clip(root / "good/quiet.mp4", sound=tone(1.5, 420, level=0.0))
    write_clip(root / "good/no_picture.mp4", picture=None, sound=tone(1.5, 430))
    data = (root / "good/a.mp4").read_bytes()
    (root / "good/noise.mp4").write_bytes(os.urandom(3000))
    (root / "good/empty.mp4").touch()
    (root / "good/cut.mp4").write_bytes(data[: len(data) // 2])
    (root / "stray.mp4").write_bytes(data)
    soundfile.write(root / "good/voice.wav", tone(1.5, 440), RATE_HZ)
    assert main(["folder", str(root), str(out), *FAST]) == 0
    issues = issues_of(out)
    assert issues["corrupt"] == {"good__noise", "good__empty", "good__cut"}
    assert issues["duplicated"] == {"good__b"}
    assert issues["misnamed"] == {"stray.mp4"}
    assert issues["faceless"] == {"good__blank", "good__no_sound", "good__quiet", "good__no_picture"}
    assert issues["silent"] == {"good__no_sound", "good__quiet"}
    table = {item.id: item for item in annotations.read(out / "annotations.csv").items}
    assert {"good__noise", "good__empty", "good__no_sound"}.isdisjoint(table)
    assert (table["good__voice"].video, table["good__blank"].video) == ("", "")
    assert table["good__a"].video
    assert table["good__a"].audio
    assert main(["folder", str(root), str(out), *FAST, "--strict"]) == 1
    assert main(["check", str(out), "--strict"]) == 1


def test_the_audio_file_replaces_a_silent_track(tmp_path: Path) -> None:
    root, out = tmp_path / "clips", tmp_path / "out"
    write_clip(root / "01-01-03-01-01-01-01.mp4", sound=tone(1.5, level=0.0))
    soundfile.write(root / "03-01-03-01-01-01-01.wav", tone(1.5), RATE_HZ)
    assert main(["ravdess", str(root), str(out), "--steps", "audio", *FAST]) == 0
    report = json.loads((out / "report.json").read_text())
    assert (report["audio_sources"], report["silent_tracks"]) == ({"file": 1}, 1)
    assert "silent" not in issues_of(out)


def test_single_steps_give_the_same_files(tree: Path, tmp_path: Path) -> None:
    together, apart = tmp_path / "together", tmp_path / "apart"
    assert main(["ravdess", str(tree), str(together), *FAST]) == 0
    assert main(["ravdess", str(tree), str(apart), "--steps", "faces", *FAST]) == 0
    assert not (apart / "audio").exists()
    assert main(["ravdess", str(tree), str(apart), "--steps", "audio", *FAST]) == 0
    assert files_of(apart) == files_of(together)


def test_a_dry_run_writes_nothing(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ravdess", str(tree), str(tmp_path / "out"), "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "Clips to process: 4" in printed
    assert re.search(r"They take about \S+ s .*processes: .* of disk, measured on 3 of them", printed)
    assert not (tmp_path / "out").exists()


HANGS_AT_THE_THIRD = """
import time
from preprocessing.clip_processor import ClipProcessor
process, clips = ClipProcessor.__call__, []
def hang(self, clip):
    clips.append(clip)
    if len(clips) == 3:
        time.sleep(600)
    return process(self, clip)
ClipProcessor.__call__ = hang
"""


def test_a_killed_run_continues_to_the_same_files(tree: Path, tmp_path: Path) -> None:
    """The first run uses a worker process, the second runs in this process."""
    plugin = tmp_path / "hangs.py"
    plugin.write_text(HANGS_AT_THE_THIRD)
    uninterrupted, killed = tmp_path / "uninterrupted", tmp_path / "killed"
    assert main(["ravdess", str(tree), str(uninterrupted), *FAST]) == 0
    command = [sys.executable, "-m", "preprocessing.cli", "ravdess", str(tree), str(killed), "--size", "32"]
    process = subprocess.Popen(
        [*command, "--workers", "1", "--plugin", str(plugin)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    records = killed / "records"
    eventually(lambda: len(list(records.glob("*.json"))) == 2 or process.poll() is not None, "two clips", 150)
    assert process.poll() is None, "it ended before it could be killed"
    workers = leaks.children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(records.glob("*.json"))) == 2
    assert not (killed / "annotations.csv").exists()
    eventually(lambda: not any(map(leaks.command, workers)), "the end of its worker", 60)
    (killed / "crops" / ".x.npy.1.part").write_bytes(b"half")
    assert main(["ravdess", str(tree), str(killed), *FAST]) == 0
    assert files_of(killed) == files_of(uninterrupted)


def test_a_stopped_run_keeps_its_results(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process, out, processed = ClipProcessor.__call__, tmp_path / "out", []

    def stop_at_the_third(self: ClipProcessor, clip: ClipEntry) -> Record:
        processed.append(clip.id)
        if len(processed) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return process(self, clip)

    monkeypatch.setattr(ClipProcessor, "__call__", stop_at_the_third)
    assert main(["ravdess", str(tree), str(out), *FAST]) == 130
    assert "2 of 4 clips are done" in capsys.readouterr().err
    assert main(["check", str(out), "--strict"]) == 1
    assert main(["ravdess", str(tree), str(out), *FAST]) == 0
    assert len(processed) == 3 + 2, "only what was left is processed"
    assert not list(out.rglob(".*"))


def test_a_full_disk_is_reported_and_leaves_no_partial_files(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, out = Path.write_bytes, tmp_path / "out"

    def full(self: Path, data: bytes) -> int:
        if len(data) > 20_000:
            write(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["ravdess", str(tree), str(out), *FAST]) == 2
    assert "cannot be written: No space left" in capsys.readouterr().err
    assert [p.name for p in out.rglob("*") if p.is_file()] == ["plan.json"]


def test_a_changed_clip_is_processed_again(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["ravdess", str(tree), str(out), "--steps", "audio", *FAST]
    assert main(arguments) == 0
    before = files_of(out)
    write_face(tree / "Actor_01/01-01-03-01-01-01-01.mp4", "happy", 500)
    assert main(arguments) == 0
    changed = {name for name, data in files_of(out).items() if before.get(name) != data}
    assert "audio/01-01-03-01-01-01-01.flac" in changed
    assert "audio/01-01-05-01-01-01-01.flac" not in changed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ravdess", "nowhere", "out"], "There is nothing at nowhere"),
        (["ravdess", ".", "out"], "has no RAVDESS clip"),
        (["folder", "clips", "out", "--size", "7"], "--size must be a whole number from 16 to 1024, not 7."),
        (
            ["folder", "clips", "out", "--workers", "-1"],
            "--workers must be a whole number from 0 to 1024, not -1.",
        ),
        (["folder", "clips", "out", "--splits", "9fold"], "cannot be split into 9"),
        (["folder", "clips", "out", "--splits", "loao:9"], "has the folds 1 to 1"),
        (["folder", "clips", "out", "--splits", "custom"], "needs --test-actors"),
        (["folder", "clips", "out", "--test-actors", "9"], "no actor 9"),
        (["folder", "clips", "out", "--labels", "no.csv"], "no.csv cannot be read: there is no such file"),
        (["check", "clips"], "holds no preprocessed clips"),
        (["annotations", "clips"], "holds no preprocessed clips"),
        (["landmarks", "no.npz", "a.csv"], "There is nothing at no.npz"),
        (["landmarks", "clips/1/happy/a.mp4", "a.csv"], "it is damaged or not an .npz file."),
        (["folder", "clips", "out", "--splits", "odd"], "--splits must be one of auto, custom"),
        (["folder", "clips", "clips"], "OUT must be another folder"),
        (["folder", "clips", "out", "--dry-rum"], "did you mean --dry-run?"),
        (["foldr", "clips", "out"], "did you mean folder?"),
        (["folder", "clips"], "OUT is missing"),
        (["check"], "OUT is missing"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips/1/happy").mkdir(parents=True)
    (tmp_path / "clips/1/happy/a.mp4").touch()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_another_size_needs_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(tmp_path / "clips/happy/a.mp4", sound=tone(1.5))
    clips, out = str(tmp_path / "clips"), str(tmp_path / "out")
    arguments = ["folder", clips, out, "--steps", "audio", *FAST]
    assert main(arguments) == 0
    assert main([*arguments, "--size", "48"]) == 2
    assert "holds clips with size 32, not 48" in capsys.readouterr().err


def test_landmarks_are_paired_with_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "01-01-03-01-01-01-01"
    arrays = {f"{key}/xy": np.zeros((4, 68, 2), np.int16), f"{key}/frame": np.arange(0, 8, 2)}
    np.savez(tmp_path / "marks.npz", **arrays)
    (tmp_path / "sound").mkdir()
    soundfile.write(tmp_path / f"sound/03{key[2:]}.flac", tone(1.5), RATE_HZ)
    table = tmp_path / "marks.csv"
    assert main(["landmarks", str(tmp_path / "marks.npz"), str(table)]) == 0
    (item,) = annotations.read(table).items
    assert (item.video, item.audio) == (f"marks.npz#{key}", f"sound/03{key[2:]}.flac")
    assert "clips: 1" in capsys.readouterr().out


def test_a_damaged_record_counts_as_missing(tmp_path: Path) -> None:
    output = OutputFolder(tmp_path)
    (tmp_path / "records").mkdir()
    (tmp_path / "records/x.json").write_text('{"clip": 1}')
    assert output.record("x") is None
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(EmoliveError, match="is damaged"):
        output.plan()
