"""`emolive analyze`: rows per estimate, a summary per file, and one line per file that cannot be read."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emolive.cli import main
from emolive.models.spec import EMOTIONS
from emolive.predictor import load_predictor
from emolive.profile import SpeakerProfile
from emolive.user_output import reserved
from tests.cli.conftest import BAD_CHECKPOINTS, Run
from tests.helpers.clips import RATE_HZ, demo_audio, demo_frames, write_clip
from tests.helpers.sounds import music, noise, sine, tremolo

COLUMNS = ["file", "t_s", "fusion", "modality", "probs", "label", "confidence"]
BAD_MEDIA = ["missing", "empty", "text", "zeros", "picture", "folder", "cut", "pipe"]

Clips = dict[str, Path]


def test_one_row_per_estimate_and_a_summary(emolive: Run, clips: Clips) -> None:
    result = emolive("analyze", clips["full"], "--format", "jsonl")
    assert (result.code, result.err) == (0, "")
    *rows, summary = result.rows
    # It begins within speech: 0.3 s of it are a voice, and two bins are a face for the classifier of faces.
    assert len(rows) == 11
    assert [row["modality"] for row in rows] == ["a", *["av"] * 10]
    for row in rows:
        assert list(row)[:7] == COLUMNS
        assert set(row) - set(COLUMNS) == {"baseline", "summary", "answer_age_s", "hints"}
        assert (row["file"], row["fusion"]) == (str(clips["full"]), "ia")
        assert row["modality"] in ("av", "a", "v")
        assert list(row["probs"]) == list(EMOTIONS)
        assert sum(row["probs"].values()) == pytest.approx(1, abs=1e-5)
        assert row["confidence"] == row["probs"].get(row["label"], max(row["probs"].values()))
        assert row["label"] in (*EMOTIONS, "unsure")
    assert [row["t_s"] for row in rows] == [round(0.24 * i, 3) for i in range(2, 13)]
    assert list(summary)[:7] == COLUMNS
    assert summary["summary"] is True
    assert summary["label"] == max(summary["probs"], key=summary["probs"].get)
    # The window in the middle of three seconds.
    assert summary["t_s"] == 3.36


NOT_SPEECH = {
    "hum": sine(50, RATE_HZ, 3, 0.3),
    "noise": noise(RATE_HZ, 3, -20),
    "music": music(RATE_HZ, 3),
    "tremolo": tremolo(RATE_HZ, 3),
    "nobody": noise(RATE_HZ, 3, -80),
}


@pytest.mark.parametrize("kind", NOT_SPEECH)
def test_sound_without_speech_is_no_voice(emolive: Run, tmp_path: Path, kind: str) -> None:
    path = write_clip(tmp_path / "sound.mkv", None, NOT_SPEECH[kind])
    error = emolive("analyze", path).error
    assert "neither a face nor a voice" in error
    assert ("There is sound, but no speech." in error) is (kind != "nobody")


def test_beside_a_face_it_leaves_the_face_alone(emolive: Run, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", demo_frames(2), NOT_SPEECH["music"][: 2 * RATE_HZ])
    rows = emolive("analyze", path).rows
    assert rows
    assert {row["modality"] for row in rows} == {"v"}


def test_a_report_of_a_file_has_the_rows_of_its_analysis(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    options = ("--out", out, "--fusion", "lt", "--baseline", "none")
    result = emolive("report", clips["full"], *options)
    assert result.code == 0
    rows = emolive("analyze", clips["full"], "--fusion", "lt", "--baseline", "none").rows
    text = out.read_text()
    assert f"File {clips['full'].name}" in text
    assert f"({len(rows) - 1} estimates of each fusion)" in text, "and no summary row"
    assert "<td>lt</td>" in text
    assert "--overwrite" in emolive("report", clips["full"], *options).err


@pytest.mark.parametrize("fusion", ["lt", "it"])
def test_each_fusion(emolive: Run, clips: Clips, fusion: str) -> None:
    result = emolive("analyze", clips["audio_only"], "--fusion", fusion)
    assert result.code == 0
    assert {row["fusion"] for row in result.rows} == {fusion}
    assert {row["modality"] for row in result.rows} == {"a"}


def test_a_checkpoint_determines_the_fusion(
    emolive: Run, clips: Clips, random_checkpoint: Callable[..., Path]
) -> None:
    result = emolive("analyze", clips["audio_only"], "--checkpoint", random_checkpoint("lt"))
    assert result.code == 0
    assert {row["fusion"] for row in result.rows} == {"lt"}


def test_csv_into_a_file(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    result = emolive("analyze", clips["audio_only"], "--format", "csv", "--out", path)
    assert (result.code, result.out, result.err) == (0, "", "")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["summary"] for row in rows[-2:]] == ["False", "True"]
    assert {f"p_{label}" for label in EMOTIONS} <= rows[0].keys()
    assert list(tmp_path.glob(".*")) == []


def test_a_table(emolive: Run, clips: Clips) -> None:
    result = emolive("analyze", clips["audio_only"], "--format", "table")
    assert result.code == 0
    assert "audio_only.mkv · ia" in result.out.splitlines()[0]


def test_options_from_a_file(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    config = tmp_path / "analyze.yaml"
    config.write_text(f"files: [{clips['audio_only']}]\nfusion: lt\nformat: jsonl\n")
    assert {row["fusion"] for row in emolive("analyze", "--config", config).rows} == {"lt"}
    result = emolive("analyze", "--config", config, "--fusion", "it")
    assert {row["fusion"] for row in result.rows} == {"it"}


def test_unreadable_files_are_reported_and_skipped(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no film")
    result = emolive("analyze", tmp_path / "no.mp4", clips["audio_only"], bad, clips["audio_only"])
    assert result.code == 2
    lines = result.err.splitlines()
    assert [line for line in lines if "no.mp4" in line or "bad.mp4" in line] == lines
    assert len(lines) == 2
    summaries = [row["file"] for row in result.rows if row.get("summary")]
    assert summaries == [str(clips["audio_only"])] * 2


def test_a_file_without_face_and_voice(emolive: Run, tmp_path: Path) -> None:
    empty = write_clip(
        tmp_path / "empty.mkv", [np.zeros((240, 320, 3), np.uint8)] * 60, np.zeros(96_000, np.float32)
    )
    assert "empty.mkv holds neither a face nor a voice" in emolive("analyze", empty).error


def test_a_damaged_file_is_analysed_as_far_as_it_goes(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    content = clips["audio_only"].read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    result = emolive("analyze", path)
    assert result.code == 0
    assert result.rows[-1]["summary"]
    (line,) = result.err.splitlines()
    assert "cut.mkv is damaged near 1." in line


def test_the_summary_of_a_file_with_an_empty_middle(emolive: Run, tmp_path: Path) -> None:
    sound = np.concatenate([demo_audio(2.0), np.zeros(48_000 * 12, np.float32)])
    path = write_clip(tmp_path / "early.mkv", None, sound)
    result = emolive("analyze", path)
    assert (result.code, result.err) == (0, "")
    *rows, summary = result.rows
    assert summary["summary"]
    assert summary["t_s"] == rows[-1]["t_s"] < 6


def test_an_older_output_stays_if_nothing_can_be_read(emolive: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("yesterday's\n")
    arguments = ("analyze", tmp_path / "no.mp4", "--out", out)
    assert "no.mp4" in emolive(*arguments, "--overwrite").error
    assert out.read_text() == "yesterday's\n"


def test_an_older_output_is_replaced_only_if_that_is_asked_for(
    emolive: Run, clips: Clips, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("yesterday's\n")
    arguments = ("analyze", clips["audio_only"], "--out", out)
    assert f"{out} exists: name another file, or add --overwrite" in emolive(*arguments).error
    assert out.read_text() == "yesterday's\n"
    with reserved(out):
        assert f"Another emolive is writing {out}" in emolive(*arguments, "--overwrite").error
    assert emolive(*arguments, "--overwrite").code == 0
    assert "yesterday" not in out.read_text()
    assert not list(tmp_path.glob(".*")), "no lock is left"


def test_the_output_must_not_be_an_input(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(clips["audio_only"].read_bytes())
    before = path.read_bytes()
    assert "one of the input files" in emolive("analyze", path, "--out", path).error
    assert path.read_bytes() == before


def test_neutral_clips_replace_a_saved_baseline(emolive: Run, clips: Clips) -> None:
    # Two clips, for one second of speech.
    arguments = "analyze", clips["audio_only"], "--neutral", clips["audio_only"], clips["audio_only"]
    fresh = emolive(*arguments)
    assert fresh.code == 0
    assert {row["baseline"] for row in fresh.rows} == {"neutral"}
    spec = load_predictor("ia", None, "cpu").spec
    other = SpeakerProfile(spec, "guest")
    other.neutral.audio.total[:] = 1000.0
    object.__setattr__(other.neutral.audio, "count", 50.0)
    other.save()
    assert emolive(*arguments).out == fresh.out


def test_without_a_saved_baseline_there_is_none(emolive: Run, clips: Clips) -> None:
    result = emolive("analyze", clips["audio_only"], "--baseline", "neutral", "--person", "Ann")
    assert result.code == 0
    assert {row["baseline"] for row in result.rows} == {"none"}
    assert result.err == (
        "emolive: There is no saved neutral baseline of Ann: --neutral FILE measures one.\n"
    )


def test_running_statistics_continue_only_for_the_same_person(emolive: Run, clips: Clips) -> None:
    once = emolive("analyze", clips["audio_only"]).rows
    twice = emolive("analyze", clips["audio_only"], clips["audio_only"]).rows
    same = emolive("analyze", clips["audio_only"], clips["audio_only"], "--same-person").rows
    assert twice == once * 2
    assert same[: len(once)] == once
    assert same[len(once) :] != once


@pytest.mark.parametrize("kind", BAD_MEDIA)
@pytest.mark.parametrize("command", ["analyze", "run"])
def test_files_that_cannot_be_played(
    emolive: Run, bad_media: dict[str, Path], tmp_path: Path, kind: str, command: str
) -> None:
    path = bad_media[kind]
    out = tmp_path / "out.jsonl"
    arguments = {
        "analyze": ("analyze", path, "--out", out),
        "run": ("run", "--headless", "--source", path, "--jsonl", out),
    }[command]
    assert path.name in emolive(*arguments).error
    assert not out.exists()
    assert list(Path.cwd().iterdir()) == []


def test_a_file_without_read_permission(
    emolive: Run, clips: Clips, tmp_path: Path, without_root: None
) -> None:
    path = tmp_path / "secret.mkv"
    path.write_bytes(clips["video_only"].read_bytes())
    path.chmod(0)
    assert "secret.mkv" in emolive("analyze", path).error


@pytest.mark.parametrize("kind", BAD_CHECKPOINTS)
def test_checkpoints_that_cannot_be_used(
    emolive: Run, clips: Clips, tmp_path: Path, bad_checkpoint: Callable[[str], Path], kind: str
) -> None:
    path = bad_checkpoint(kind)
    out = tmp_path / "out.jsonl"
    results = [
        emolive("analyze", clips["audio_only"], "--checkpoint", path, "--out", out),
        emolive("run", "--headless", "--source", "demo", "--checkpoint", path, "--jsonl", out),
        emolive("describe", path),
    ]
    assert all(path.name in result.error for result in results)
    assert not out.exists()


def test_a_checkpoint_of_another_fusion(
    emolive: Run, clips: Clips, random_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    model, out = random_checkpoint("lt"), tmp_path / "out.jsonl"
    for arguments in (
        ("analyze", clips["audio_only"], "--out", out),
        ("run", "--headless", "--source", "demo", "--jsonl", out),
    ):
        line = emolive(*arguments, "--checkpoint", model, "--fusion", "ia").error
        assert "fusion lt" in line
        assert "ia" in line.partition("fusion lt")[2]
    assert not out.exists()


def test_an_ascii_terminal_gets_escapes(
    clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    path.write_bytes(clips["audio_only"].read_bytes())
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert main(["analyze", str(path), "--format", "table"]) == 0
    assert b"caf" in written.getvalue()
