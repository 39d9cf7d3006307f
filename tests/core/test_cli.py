"""The command line: rows as promised, and one sentence and a 2 for whatever the user can mend."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.cli import main
from emolive.cli.main import parser
from emolive.models.spec import EMOTIONS
from emolive.predictor import load_predictor
from emolive.profile import SpeakerProfile
from tests.helpers.clips import drawn_sound, write_clip
from tests.helpers.listener import eventually

COLUMNS = ["file", "t_s", "fusion", "modality", "probs", "label", "confidence"]


@pytest.fixture(autouse=True)
def _assets(shipped_random, monkeypatch, tmp_path):
    """lt, it and ia with random weights in the place of the shipped ones; an empty folder to work in."""
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def emolive(capsys):
    """Run a command in this process: (exit code, what it wrote, what it complained of)."""

    def run(*arguments) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def rows_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def refused(result: tuple[int, str, str]) -> str:
    """The one sentence of a refusal."""
    code, out, err = result
    assert code == 2, (out, err)
    assert "Traceback" not in err
    (line,) = err.splitlines()
    assert line.startswith("emolive")
    assert out == ""
    return line


# --- analyze


def test_analyze_writes_a_row_an_estimate_and_one_that_sums_up(emolive, clips):
    code, out, err = emolive("analyze", clips["whole"], "--format", "jsonl")
    assert (code, err) == (0, "")
    *rows, summary = rows_of(out)
    assert len(rows) == 11
    for row in rows:
        assert list(row)[:7] == COLUMNS
        assert set(row) - set(COLUMNS) == {"baseline", "summary"}
        assert (row["file"], row["fusion"]) == (str(clips["whole"]), "ia")
        assert row["modality"] in ("av", "a", "v")
        assert list(row["probs"]) == list(EMOTIONS)
        assert sum(row["probs"].values()) == pytest.approx(1, abs=1e-5)
        assert row["confidence"] == row["probs"].get(row["label"], max(row["probs"].values()))
        assert row["label"] in (*EMOTIONS, "unsure")
    assert [row["t_s"] for row in rows] == [round(0.24 * i, 3) for i in range(2, 13)]
    assert list(summary)[:7] == COLUMNS
    assert summary["summary"] is True
    assert summary["label"] == max(summary["probs"], key=summary["probs"].get)
    # The window that lies round the middle of three seconds.
    assert summary["t_s"] == 3.36


@pytest.mark.parametrize("fusion", ["lt", "it"])
def test_analyze_with_each_fusion(emolive, clips, fusion):
    code, out, _ = emolive("analyze", clips["blind"], "--fusion", fusion)
    assert code == 0
    assert {row["fusion"] for row in rows_of(out)} == {fusion}
    assert {row["modality"] for row in rows_of(out)} == {"a"}


def test_analyze_takes_a_checkpoint_and_knows_its_fusion(emolive, clips, random_checkpoint):
    code, out, _ = emolive("analyze", clips["blind"], "--checkpoint", random_checkpoint("lt", heads=2))
    assert code == 0
    assert {row["fusion"] for row in rows_of(out)} == {"lt"}


def test_analyze_as_csv_into_a_file(emolive, clips, tmp_path):
    path = tmp_path / "out.csv"
    code, out, err = emolive("analyze", clips["blind"], "--format", "csv", "--out", path)
    assert (code, out, err) == (0, "", "")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["summary"] for row in rows[-2:]] == ["False", "True"]
    assert {f"p_{label}" for label in EMOTIONS} <= rows[0].keys()
    assert list(tmp_path.glob(".*")) == []


def test_analyze_as_a_table(emolive, clips):
    code, out, _ = emolive("analyze", clips["blind"], "--format", "table")
    assert code == 0
    assert "blind.mkv · ia" in out.splitlines()[0]
    assert out.splitlines()[-1].strip().startswith("whole")


def test_analyze_does_what_it_can_and_names_the_others(emolive, clips, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no film")
    code, out, err = emolive("analyze", tmp_path / "no.mp4", clips["blind"], bad, clips["blind"])
    assert code == 2
    assert [line for line in err.splitlines() if "no.mp4" in line or "bad.mp4" in line] == err.splitlines()
    assert len(err.splitlines()) == 2
    summaries = [row["file"] for row in rows_of(out) if row.get("summary")]
    assert summaries == [str(clips["blind"])] * 2


def test_a_file_in_which_nobody_is_is_named(emolive, tmp_path):
    empty = write_clip(
        tmp_path / "empty.mkv", [np.zeros((240, 320, 3), np.uint8)] * 60, np.zeros(96_000, np.float32)
    )
    assert "empty.mkv holds neither a face nor a voice" in refused(emolive("analyze", empty))


def test_what_is_read_of_a_damaged_file_is_told_with_where_it_ends(emolive, clips, tmp_path):
    path = tmp_path / "cut.mkv"
    content = clips["blind"].read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    code, out, err = emolive("analyze", path)
    assert code == 0
    assert rows_of(out)[-1]["summary"]
    (line,) = err.splitlines()
    assert "cut.mkv is damaged near 1." in line


def test_where_the_middle_is_empty_the_window_next_to_it_sums_up(emolive, tmp_path):
    sound = np.concatenate([drawn_sound(2.0), np.zeros(48_000 * 12, np.float32)])
    path = write_clip(tmp_path / "early.mkv", None, sound)
    code, out, err = emolive("analyze", path)
    assert (code, err) == (0, "")
    *rows, summary = rows_of(out)
    assert summary["summary"]
    assert summary["t_s"] == rows[-1]["t_s"] < 6


def test_results_already_there_stay_if_nothing_can_be_read(emolive, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("yesterday's\n")
    refused(emolive("analyze", tmp_path / "no.mp4", "--out", out))
    assert out.read_text() == "yesterday's\n"


def test_a_file_that_is_read_is_not_written_over(emolive, clips, tmp_path):
    path = tmp_path / "clip.mkv"
    path.write_bytes(clips["blind"].read_bytes())
    before = path.read_bytes()
    assert "one of the files to read" in refused(emolive("analyze", path, "--out", path))
    assert path.read_bytes() == before


def test_clips_of_the_neutral_person_are_their_baseline_whatever_was_saved(emolive, clips):
    arguments = "analyze", clips["blind"], "--neutral", clips["blind"]
    code, build_model, _ = emolive(*arguments)
    assert code == 0
    assert {row["baseline"] for row in rows_of(build_model)} == {"neutral"}
    spec = load_predictor("ia", None, "cpu").spec
    other = SpeakerProfile(spec, "guest")
    other.neutral.audio.total[:] = 1000.0
    object.__setattr__(other.neutral.audio, "count", 50.0)
    other.save()
    assert emolive(*arguments)[1] == build_model


def test_a_saved_person_is_read_against_their_neutral_and_others_are_not(emolive, clips):
    code, out, _ = emolive("analyze", clips["blind"], "--baseline", "neutral", "--person", "Ann")
    assert code == 0
    assert {row["baseline"] for row in rows_of(out)} == {"none"}


def test_running_statistics_go_on_for_the_same_person_only(emolive, clips):
    once = rows_of(emolive("analyze", clips["blind"])[1])
    twice = rows_of(emolive("analyze", clips["blind"], clips["blind"])[1])
    same = rows_of(emolive("analyze", clips["blind"], clips["blind"], "--same-person")[1])
    assert twice == once * 2
    assert same[: len(once)] == once
    assert same[len(once) :] != once


def test_the_python_api_gives_the_same_rows(emolive, clips):
    import emolive as package

    assert [e.to_dict() for e in package.analyze(clips["blind"], fusion="it")] == rows_of(
        emolive("analyze", clips["blind"], "--fusion", "it")[1]
    )
    with pytest.raises(package.EmoliveError):
        list(package.analyze("missing.mp4"))
    with pytest.raises(AttributeError):
        _ = package.nothing


# --- bad input


def bad_media(folder: Path, clips: dict[str, Path]) -> dict[str, Path]:
    made = {name: folder / f"{name}.mp4" for name in ("missing", "empty", "text", "zeros", "picture")}
    made["empty"].write_bytes(b"")
    made["text"].write_text("This is no film. " * 100)
    made["zeros"].write_bytes(bytes(10_000))
    made["picture"].write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    made["folder"] = folder / "folder.mp4"
    made["folder"].mkdir()
    made["cut"] = folder / "cut.mkv"
    made["cut"].write_bytes(clips["mute"].read_bytes()[:300])
    made["pipe"] = folder / "pipe.mp4"
    os.mkfifo(made["pipe"])
    return made


BAD_MEDIA = ["missing", "empty", "text", "zeros", "picture", "folder", "cut", "pipe"]


@pytest.mark.parametrize("kind", BAD_MEDIA)
@pytest.mark.parametrize("command", ["analyze", "run"])
def test_files_that_cannot_be_played(emolive, clips, tmp_path, kind, command):
    path = bad_media(tmp_path, clips)[kind]
    out = tmp_path / "out.jsonl"
    arguments = {
        "analyze": ("analyze", path, "--out", out),
        "run": ("run", "--headless", "--source", path, "--jsonl", out),
    }[command]
    assert path.name in refused(emolive(*arguments))
    assert not out.exists()
    assert list(Path.cwd().iterdir()) == []


def test_a_file_that_may_not_be_read(emolive, clips, tmp_path, without_root):
    path = tmp_path / "secret.mkv"
    path.write_bytes(clips["mute"].read_bytes())
    path.chmod(0)
    assert "secret.mkv" in refused(emolive("analyze", path))


def bad_checkpoint(kind: str, folder: Path, good: Path) -> Path:
    path = folder / f"{kind}.safetensors"
    content = good.read_bytes()
    if kind == "folder":
        path.mkdir()
    elif kind == "foreign":
        from safetensors.torch import save_file

        save_file({"weight": torch.zeros(3)}, path)
    elif kind == "pickled":
        torch.save({"state_dict": {"a": torch.zeros(2)}}, path)
    elif kind == "plain-pickle":
        path.write_bytes(pickle.dumps({"a": 1}))
    elif kind != "missing":
        path.write_bytes(
            {
                "empty": b"",
                "truncated": content[: len(content) // 2],
                "header": content[:20],
                "text": b"not weights at all",
            }[kind]
        )
    return path


@pytest.mark.parametrize(
    "kind",
    ["missing", "folder", "empty", "truncated", "header", "text", "foreign", "pickled", "plain-pickle"],
)
def test_checkpoints_that_cannot_be_used(emolive, clips, tmp_path, random_checkpoint, kind):
    path = bad_checkpoint(kind, tmp_path, random_checkpoint("ia"))
    out = tmp_path / "out.jsonl"
    sentences = [
        refused(emolive("analyze", clips["blind"], "--checkpoint", path, "--out", out)),
        refused(emolive("run", "--headless", "--source", "demo", "--checkpoint", path, "--jsonl", out)),
        refused(emolive("describe", path)),
    ]
    assert all(path.name in sentence for sentence in sentences)
    assert not out.exists()


def test_a_checkpoint_of_another_fusion(emolive, clips, random_checkpoint, tmp_path):
    model, out = random_checkpoint("lt"), tmp_path / "out.jsonl"
    for arguments in (
        ("analyze", clips["blind"], "--out", out),
        ("run", "--headless", "--source", "demo", "--jsonl", out),
    ):
        sentence = refused(emolive(*arguments, "--checkpoint", model, "--fusion", "ia"))
        assert "fusion lt" in sentence
        assert "ia" in sentence.partition("fusion lt")[2]
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["analyze", "x.mp4", "--fusion", "xy"], "lt, it, ia"),
        (["run", "--headless", "--fusion", "xy"], "lt, it, ia"),
        (["analyze", "x.mp4", "--baseline", "odd"], "odd"),
        (["analyze", "x.mp4", "--format", "xml"], "xml"),
        (["analyze", "x.mp4", "--device", "abacus"], "abacus"),
        (["analyze"], "FILE"),
        (["frobnicate"], "frobnicate"),
        (["analyze", "x.mp4", "--frobnicate"], "frobnicate"),
        (["run", "--headless", "--duration", "soon"], "soon is no number of seconds"),
        (["run", "--headless", "--duration", "-1"], "-1 is no number of seconds"),
        (["run", "--headless", "--duration", "nan"], "nan is no number of seconds"),
        (["run", "--unpaced"], "--headless"),
        (["run", "--headless", "--counters", "x.json"], "no window to count for"),
        (["run", "--backend", "fast"], "fast"),
        (["run", "--headless", "--source", "no such camera"], "no such camera"),
        (["run", "--headless", "--source", "97"], "97"),
        (["run", "--headless", "--source", "demo", "--mic", "no such microphone"], "microphone"),
        (["run", "--headless", "--source", "none", "--mic", "none"], "neither a picture nor a sound"),
        (["run", "--headless", "--source", ""], "No source"),
        (["run", "--headless", "--source", "gopher://x/y"], "gopher"),
        (["run", "--headless", "--source", "demo", "--jsonl", "no/such/folder/f"], "no/such/folder/f"),
        (["run", "--headless", "--source", "demo", "--jsonl", "."], "cannot be written"),
        (["analyze", "x.mp4", "--out", "no/such/folder/f"], "no/such/folder/f"),
        (["analyze", "x.mp4", "--out", "."], "folder"),
        (["import-checkpoint", "missing.pth"], "missing.pth"),
        (["describe", "missing.safetensors"], "missing.safetensors"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked_for_is_not_there(emolive, arguments, named):
    assert named in refused(emolive(*arguments))
    assert list(Path.cwd().iterdir()) == []


# --- run


def test_run_writes_live_rows_with_stamps(emolive, clips, tmp_path):
    path = tmp_path / "rows.jsonl"
    code, out, _ = emolive("run", "--headless", "--source", clips["whole"], "--jsonl", path)
    assert (code, out) == (0, "")
    rows = rows_of(path.read_text())
    assert len(rows) == 11
    for row in rows:
        assert list(row)[:7] == COLUMNS
        assert set(row) - set(COLUMNS) == {"baseline", "summary", "capture_ns", "start_ns", "end_ns"}
        assert row["capture_ns"] <= row["start_ns"] <= row["end_ns"]
        assert row["file"] == str(clips["whole"])
    ends = [row["end_ns"] for row in rows]
    assert ends == sorted(ends)


def test_run_as_fast_as_it_goes_says_what_analyze_says(emolive, clips):
    code, out, _ = emolive("run", "--headless", "--unpaced", "--source", clips["mute"])
    assert code == 0
    live = rows_of(out)
    offline = [row for row in rows_of(emolive("analyze", clips["mute"])[1]) if not row.get("summary")]
    assert [row["t_s"] for row in live] == [row["t_s"] for row in offline]
    for mine, theirs in zip(live, offline, strict=True):
        assert (mine["label"], mine["modality"]) == (theirs["label"], theirs["modality"])
        assert mine["probs"] == pytest.approx(theirs["probs"], abs=1e-4)


def test_run_says_which_stream_is_missing(emolive, clips):
    _, _, err = emolive("run", "--headless", "--unpaced", "--source", clips["mute"])
    assert any("sound" in line for line in err.splitlines())
    _, _, err = emolive("run", "--headless", "--unpaced", "--source", clips["blind"])
    assert any("picture" in line for line in err.splitlines())


def test_run_ends_after_its_duration(emolive, tmp_path):
    path = tmp_path / "rows.jsonl"
    code, _, _ = emolive("run", "--headless", "--source", "demo", "--duration", 2, "--jsonl", path)
    assert code == 0
    assert 1 <= len(rows_of(path.read_text())) <= 12


def test_a_session_with_nothing_to_say_has_an_empty_file(emolive, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("yesterday's\n")
    empty = write_clip(tmp_path / "empty.mkv", [np.zeros((240, 320, 3), np.uint8)] * 20, None)
    code, _, _ = emolive("run", "--headless", "--unpaced", "--source", empty, "--jsonl", path)
    assert (code, path.read_text()) == (0, "")


def test_what_nobody_names_is_left_to_last_time():
    for arguments in ([], ["run"]):
        given = parser().parse_args(arguments)
        assert (given.fusion, given.baseline, given.person) == (None, None, None)


# --- devices, describe, import-checkpoint


def test_devices_are_listed_or_said_to_be_none(emolive):
    code, out, _ = emolive("devices")
    assert code == 0
    assert "cameras" in out
    assert "microphones" in out
    code, out, _ = emolive("devices", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"cameras", "microphones"}


def test_describe_shows_what_a_checkpoint_is(emolive, random_checkpoint):
    code, out, _ = emolive("describe", random_checkpoint("it"))
    assert code == 0
    told = json.loads(out)
    assert (told["spec"]["fusion"], told["spec"]["landmarker"]) == ("it", "dlib68")
    assert told["provenance"] == {"data": "none: random weights"}


@pytest.mark.parametrize("fusion", ["lt", "it", "ia"])
def test_a_published_checkpoint_is_imported(emolive, parity, tmp_path, fusion):
    out = tmp_path / "mine.safetensors"
    code, said, err = emolive("import-checkpoint", parity / f"{fusion}_1head.pth", "--out", out)
    assert (code, err) == (0, "")
    assert f"{fusion} with 1 head\n" in said
    assert json.loads(emolive("describe", out)[1])["spec"]["fusion"] == fusion


@pytest.mark.parametrize(
    "more", [["--heads", "0"], ["--fusion", "lt"], ["--fusion", "xy"], ["--heads", "7"]], ids=" ".join
)
def test_a_published_checkpoint_that_does_not_fit_what_is_asked(emolive, parity, tmp_path, more):
    out = tmp_path / "mine.safetensors"
    refused(emolive("import-checkpoint", parity / "ia_1head.pth", "--out", out, *more))
    assert not out.exists()


@pytest.mark.parametrize("kind", ["folder", "empty", "text", "plain-pickle", "pickled", "header"])
def test_what_is_no_published_checkpoint(emolive, tmp_path, random_checkpoint, kind):
    path = bad_checkpoint(kind, tmp_path, random_checkpoint("ia"))
    out = tmp_path / "mine.safetensors"
    assert path.name in refused(emolive("import-checkpoint", path, "--out", out))
    assert not out.exists()


# --- as people run it


def started(*arguments, **how) -> subprocess.Popen:
    # As in a terminal: what a shell runs in the background inherits that Ctrl-C is ignored.
    heed = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    command = f"{heed} from emolive.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path.cwd(),
        **how,
    )


def test_nothing_but_the_sentence_is_on_the_terminal(clips, tmp_path):
    process = started("analyze", tmp_path / "no.mp4", clips["blind"], "--out", tmp_path / "rows.jsonl")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert out == b""
    assert err.decode().splitlines() == [f"emolive: There is no file {tmp_path / 'no.mp4'}: check the path."]
    assert rows_of((tmp_path / "rows.jsonl").read_text())[-1]["summary"]


def test_a_terminal_that_knows_no_letters_gets_what_it_can(clips, tmp_path, monkeypatch):
    path = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    path.write_bytes(clips["blind"].read_bytes())
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert main(["analyze", str(path), "--format", "table"]) == 0
    assert b"whole" in written.getvalue()


def test_a_reader_that_has_seen_enough_is_no_fault(clips):
    process = started("run", "--headless", "--unpaced", "--source", clips["mute"], "--loop")
    assert json.loads(process.stdout.readline())["fusion"] == "ia"
    process.stdout.close()
    assert process.wait(60) == 0
    assert b"Traceback" not in (err := process.stderr.read())
    assert b"Broken" not in err
    process.stderr.close()


def test_interrupted_it_ends_without_a_traceback(clips, tmp_path):
    path = tmp_path / "rows.jsonl"
    process = started("run", "--headless", "--source", "demo", "--jsonl", path)
    try:
        eventually(lambda: path.exists() and path.read_text().count("\n") > 1, "two rows", 60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert all("probs" in row for row in rows_of(path.read_text()))


def test_asking_what_there_is_does_not_import_torch():
    code = (
        "import sys; from emolive.cli.main import parser; parser().parse_args(['devices']);"
        "sys.exit('torch' in sys.modules or 'PySide6' in sys.modules or 'cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "given", [["--source", "demo", "run"], ["run", "--source", "demo"], ["--source", "demo"]]
)
def test_options_count_before_and_behind_the_word_run(given):
    args = parser().parse_args(given)
    assert (args.source, args.mic, args.headless, args.fusion) == ("demo", "auto", False, None)
