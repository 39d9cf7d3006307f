"""`emolive run`: live rows, the end of a session, and problems of devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emolive.cli.config import parse_options
from emolive.cli.headless import EstimateWriter
from emolive.cli.no_estimate import NoEstimate
from emolive.cli.run import RunOptions, session_config
from emolive.errors import OutputError
from emolive.session.pipeline import LivePipeline
from emolive.session.subscription import Publisher
from emolive.snapshot import Snapshot
from emolive.types import Estimate, Status
from emolive.user_output import reserved
from tests.cli.conftest import Run, environment
from tests.cli.test_analyze import COLUMNS, Clips
from tests.helpers.clips import write_clip
from tests.helpers.estimates import make_estimate
from tests.helpers.listener import eventually
from tests.helpers.puppet import Puppet


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_live_rows_have_timestamps(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    result = emolive("run", "--headless", "--source", clips["full"], "--jsonl", path)
    assert (result.code, result.out) == (0, "")
    rows = rows_of(path)
    offline = [row["t_s"] for row in emolive("analyze", clips["full"]).rows if not row["summary"]]
    # A busy machine may skip windows, and never adds one.
    assert rows
    assert {row["t_s"] for row in rows} <= set(offline)
    for row in rows:
        assert list(row)[:7] == COLUMNS
        assert set(row) - set(COLUMNS) == {
            *("baseline", "summary", "answer_age_s", "hints", "capture_ns", "start_ns", "end_ns")
        }
        assert row["capture_ns"] <= row["start_ns"] <= row["end_ns"]
        assert row["file"] == str(clips["full"])
    ends = [row["end_ns"] for row in rows]
    assert ends == sorted(ends)


def test_unpaced_rows_equal_those_of_analyze(emolive: Run, clips: Clips) -> None:
    result = emolive("run", "--headless", "--unpaced", "--source", clips["video_only"])
    assert result.code == 0
    offline = [row for row in emolive("analyze", clips["video_only"]).rows if not row.get("summary")]
    assert [row["t_s"] for row in result.rows] == [row["t_s"] for row in offline]
    for live, expected in zip(result.rows, offline, strict=True):
        assert (live["label"], live["modality"]) == (expected["label"], expected["modality"])
        assert live["probs"] == pytest.approx(expected["probs"], abs=1e-4)


def test_a_missing_stream_is_reported(emolive: Run, clips: Clips) -> None:
    result = emolive("run", "--headless", "--unpaced", "--source", clips["video_only"])
    assert any("sound" in line or "audio" in line for line in result.err.splitlines())
    result = emolive("run", "--headless", "--unpaced", "--source", clips["audio_only"])
    assert any("picture" in line or "video" in line for line in result.err.splitlines())


def test_duration(emolive: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    result = emolive("run", "--headless", "--source", "demo", "--duration", 2, "--jsonl", path)
    assert result.code == 0
    # The demo itself has no end.
    assert rows_of(path)


def test_a_session_without_estimates_writes_an_empty_file(emolive: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("yesterday's\n")
    empty = write_clip(tmp_path / "empty.mkv", [np.zeros((240, 320, 3), np.uint8)] * 50, None)
    arguments = ("run", "--headless", "--unpaced", "--source", empty, "--jsonl", path)
    assert f"{path} exists: name another file, or add --append" in emolive(*arguments).error
    assert path.read_text() == "yesterday's\n"
    assert emolive(*arguments, "--append").code == 0
    assert path.read_text() == "yesterday's\n"
    result = emolive(*arguments, "--overwrite")
    assert (result.code, path.read_text()) == (0, "")
    assert "neither a face nor a voice" in result.err.splitlines()[-1]


def test_a_file_that_is_too_short_is_said_to_be(emolive: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "short.mkv", [np.zeros((240, 320, 3), np.uint8)] * 10, None)
    result = emolive("run", "--headless", "--unpaced", "--source", clip)
    assert (result.code, result.out) == (0, "")
    assert "short.mkv is too short: it lasts 0." in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (Status("face", "info", "none", ""), "neither a face nor a voice was detected while the model ran."),
        (Status("voice", "info", "no speech", ""), "There is sound, but no speech."),
        (Status("model", "warning", "stalled", ""), "this computer was too slow"),
        (Status("camera", "warning", "slow", ""), "this computer was too slow"),
    ],
)
def test_the_reason_for_no_estimate_is_the_one_that_was_seen(status: Status, part: str) -> None:
    why = NoEstimate("demo")
    why.note(Snapshot(statuses=(status,)))
    why.note(Snapshot())
    assert part in why.sentence(Snapshot())


def test_the_end_of_a_file_is_reported_once(emolive: Run, clips: Clips) -> None:
    result = emolive("run", "--headless", "--unpaced", "--source", clips["full"])
    assert result.err.count("has played to its end") == 1
    assert "There is no estimate" not in result.err


def test_unset_options_are_left_to_the_window() -> None:
    options = parse_options(RunOptions, [], prog="emolive")
    assert (options.fusion, options.baseline, options.person) == (None, None, None)


def test_the_options_become_a_session() -> None:
    argv = ["--source", "demo", "--fusion", "lt", "--person", "Ann", "--loop", "--headless", "--unpaced"]
    config = session_config(parse_options(RunOptions, argv, prog="emolive"))
    assert (config.source, config.mic, config.fusion, config.person) == ("demo", "auto", "lt", "Ann")
    assert (config.paced, config.loop, config.baseline) == (False, True, "running")


@pytest.mark.parametrize("command", [[], ["run"]])
def test_run_is_the_default_command(emolive: Run, command: list[str]) -> None:
    arguments = ["--source", "none", "--mic", "none", "--headless"]
    assert "neither" in emolive(*command, *arguments).error


def test_without_arguments_the_window_opens(emolive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[RunOptions] = []
    monkeypatch.setattr("emolive.cli.run.run", lambda options: opened.append(options) or 0)
    monkeypatch.setattr("emolive.cli.run.run.__annotations__", {"options": RunOptions}, raising=False)
    assert emolive().code == 0
    assert opened == [RunOptions()]


# --- in a separate process


def started(*arguments: object) -> subprocess.Popen[bytes]:
    # A shell starts background jobs with SIGINT ignored; a terminal does not.
    restore = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    command = f"{restore} from emolive.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


def test_stderr_holds_nothing_but_the_error(clips: Clips, tmp_path: Path) -> None:
    process = started("analyze", tmp_path / "no.mp4", clips["audio_only"], "--out", tmp_path / "rows.jsonl")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert out == b""
    (line,) = err.decode().splitlines()
    assert line.startswith("emolive: ")
    assert str(tmp_path / "no.mp4") in line
    assert rows_of(tmp_path / "rows.jsonl")[-1]["summary"]


def test_a_closed_pipe_ends_the_session_quietly(clips: Clips) -> None:
    process = started("run", "--headless", "--unpaced", "--source", clips["video_only"], "--loop")
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read().decode()
    assert json.loads(line)["fusion"] == "ia"
    process.stdout.close()
    # Until it has ended: a busy computer may take long for the next row.
    err = process.stderr.read()
    assert process.wait() == 0, err
    assert b"Traceback" not in err
    assert b"Broken" not in err
    process.stderr.close()


def test_rows_are_appended_to_those_that_are_there(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    arguments = ("run", "--headless", "--unpaced", "--source", clips["video_only"], "--jsonl", path)
    assert emolive(*arguments).code == 0
    first = path.read_text()
    assert first
    assert emolive(*arguments, "--append").code == 0
    assert path.read_text().startswith(first)
    assert len(rows_of(path)) == 2 * len(first.splitlines())
    with reserved(path):
        assert f"Another emolive is writing {path}" in emolive(*arguments, "--append").error


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("command", ["run", "run --jsonl", "analyze", "analyze --format csv"])
def test_a_full_disk_is_one_line(clips: Clips, command: str) -> None:
    arguments = {
        "run": ["run", "--headless", "--unpaced", "--source", clips["video_only"]],
        "run --jsonl": ["run", "--headless", "--unpaced", "--source", clips["video_only"], "--jsonl", FULL],
        "analyze": ["analyze", clips["audio_only"]],
        "analyze --format csv": ["analyze", clips["audio_only"], "--format", "csv"],
    }[command]
    with FULL.open("wb") as out:
        process = subprocess.run(
            [sys.executable, "-m", "emolive.cli", *map(str, arguments)],
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    errors = process.stderr.decode()
    assert process.returncode == 2
    assert errors.endswith("cannot be written: No space left on device.\n")
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_session_in_order(
    emolive: Run, monkeypatch: pytest.MonkeyPatch, puppet: Puppet, *, signum: int, code: int, tmp_path: Path
) -> None:
    assert puppet.info.live
    path = tmp_path / "rows.jsonl"
    write = EstimateWriter.__call__

    def interrupted(writer: EstimateWriter, estimate: Estimate) -> None:
        write(writer, estimate)
        if writer.n_written == 2:
            os.kill(os.getpid(), signum)

    monkeypatch.setattr(EstimateWriter, "__call__", interrupted)
    # A shell starts background jobs with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = emolive("run", "--headless", "--source", "0", "--jsonl", path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.code == code
    assert "Traceback" not in result.err
    assert len(rows_of(path)) >= 2


def test_a_pipe_that_nobody_reads_keeps_nobody(tmp_path: Path) -> None:
    path, publisher = tmp_path / "rows", Publisher()
    os.mkfifo(path)
    with EstimateWriter(path) as writer:
        publisher.subscribe(writer)
        publisher.publish(make_estimate())
        eventually(lambda: writer._is_writing, "a writer that waits for a reader")
        assert not publisher.close(0.1)
        with pytest.raises(OutputError, match=f"nobody reads {path}"):
            writer.finish()
        # Its thread waits still.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))


def test_a_pipe_is_not_opened_for_no_estimate(emolive: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    os.mkfifo(path)
    empty = write_clip(tmp_path / "empty.mkv", [np.zeros((240, 320, 3), np.uint8)] * 5, None)
    assert emolive("run", "--headless", "--unpaced", "--source", empty, "--jsonl", path).code == 0


def test_a_fault_of_the_model_does_not_end_a_session(
    emolive: Run, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict, calls = LivePipeline.predict, []

    def sometimes(pipeline: LivePipeline, end_ns: int) -> Estimate | None:
        calls.append(1)
        if len(calls) in (2, 5):
            raise RuntimeError("a planted bug")
        return predict(pipeline, end_ns)

    monkeypatch.setattr(LivePipeline, "predict", sometimes)
    arguments = ["--headless", "--unpaced", "--source", clips["video_only"]]
    result = emolive("run", *arguments)
    assert result.code == 0
    assert len(result.rows) > 2
    assert "Traceback" not in result.err
    monkeypatch.setattr(LivePipeline, "predict", lambda *_: 1 / 0)
    result = emolive("run", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "neither a face nor a voice" not in result.err


@pytest.mark.parametrize("more", [["--unpaced"], ["--duration", 1]])
def test_a_camera_that_never_opened_is_a_failure(emolive: Run, tmp_path: Path, more: list[object]) -> None:
    path = tmp_path / "rows.jsonl"
    # Nothing listens on port 9 of this computer.
    source = ["--source", "http://127.0.0.1:9/stream.mjpg", "--mic", "none"]
    result = emolive("run", "--headless", *source, *more, "--jsonl", path)
    assert (result.code, path.read_text()) == (2, "")
    assert result.err.count("cannot be opened") == 1
    assert "neither a face nor a voice" not in result.err


def test_ctrl_c_ends_without_a_traceback(clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    arguments = ["--headless", "--unpaced", "--loop", "--source", clips["video_only"]]
    process = started("run", *arguments, "--jsonl", path)
    try:
        eventually(lambda: path.exists() and path.read_text().count("\n") > 1, "two rows", 120)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=150)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert all("probs" in row for row in rows_of(path))


def test_a_run_without_a_window_is_recorded(emolive: Run, clips: Clips, tmp_path: Path) -> None:
    result = emolive(
        "run", "--headless", "--unpaced", "--source", clips["full"], "--backend", "eager",
        "--compare", "lt,ia", "--record", tmp_path / "takes", "--jsonl", tmp_path / "rows.jsonl",
    )  # fmt: skip
    assert result.code == 0
    (folder,) = (tmp_path / "takes").iterdir()
    assert str(folder) in result.err
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    recorded = [json.loads(line) for line in (folder / "estimates.jsonl").read_text().splitlines()]
    assert {row["fusion"] for row in rows} == {"ia", "lt"}
    assert [row["t_s"] for row in recorded] == [row["t_s"] for row in rows]
    analysed = emolive("analyze", folder, "--fusion", "lt", "--backend", "eager")
    assert analysed.code == 0
    assert analysed.rows[-1]["summary"]
    assert len(analysed.rows) == len(rows) // 2 + 1


@pytest.mark.parametrize(("compare", "reason"), [("lt,zz", "no fusion named zz"), ("lt,it,ia,lt,zz", "zz")])
def test_unknown_fusions_to_compare_are_refused(emolive: Run, compare: str, reason: str) -> None:
    assert reason in emolive("run", "--headless", "--source", "demo", "--compare", compare).error
