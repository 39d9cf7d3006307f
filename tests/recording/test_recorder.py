"""Recordings: what is in their files, also when the disk is full or the process is killed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from emolive.capture.decode import iter_media, probe, read_audio
from emolive.clock import now_ns, to_ns
from emolive.errors import OutputError
from emolive.recording import recorder as recorder_module
from emolive.recording.folder import CSV_NAME, JSONL_NAME, MEDIA_NAME, read_recording
from emolive.recording.recorder import Recorder, Tracks
from emolive.types import AudioBlock, Estimate, Frame, Modality
from tests.helpers.listener import eventually

RATE_HZ = 48_000
FLASHES_S = (0.5, 1.5)
"""When the picture is white and a tone sounds."""
FLASH_S = 0.1


def in_flash(t_s: float) -> bool:
    return any(at <= t_s < at + FLASH_S - 1e-9 for at in FLASHES_S)


def frame_at(start_ns: int, t_s: float, index: int, size: tuple[int, int] = (160, 96)) -> Frame:
    image = np.full((size[1], size[0], 3), 255 if in_flash(t_s) else 0, np.uint8)
    return Frame(start_ns + to_ns(t_s), image, index)


def tone_block(start_ns: int, first: int, n: int, rate_hz: int = RATE_HZ) -> AudioBlock:
    t_s = (first + np.arange(n)) / rate_hz
    loud = np.array([in_flash(t) for t in t_s])
    samples = (0.5 * np.sin(2 * np.pi * 880 * t_s) * loud).astype(np.float32)
    return AudioBlock(start_ns + to_ns(first / rate_hz), samples, rate_hz)


def estimate_at(t_ns: int, t_s: float) -> Estimate:
    return Estimate(
        source="demo", t_ns=t_ns, t_s=t_s, labels=("calm", "happy"), raw_probs=(0.3, 0.7), probs=(0.4, 0.6),
        label="happy", confidence=0.6, modality=Modality.AV, fusion="ia", baseline="running",
    )  # fmt: skip


def feed(recorder: Recorder, seconds: float = 2.0, *, rate_hz: int = RATE_HZ, jitter_s: float = 0.004) -> int:
    """Frames of a camera with jitter, and sound; all are queued at once. Returns the start."""
    start_ns = now_ns()
    for index in range(round(seconds * 25)):
        t_s = index / 25 + (jitter_s if index % 2 else 0.0)
        recorder.add_frame(frame_at(start_ns, t_s, index), wait=True)
        n = rate_hz // 25
        recorder.add_audio(tone_block(start_ns, index * n, n, rate_hz), wait=True)
        if index % 6 == 5:
            recorder.add_estimate(estimate_at(start_ns + to_ns(t_s), t_s))
    return start_ns


def until_written(recorder: Recorder, n_frames: int) -> None:
    """Wait for the recorder's thread."""
    eventually(lambda: recorder.state().frames >= n_frames, f"{n_frames} frames", 120)
    assert recorder.running


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, Tracks(video=True, audio=True), {"session": {"source": "demo"}})


def frames_of(path: Path) -> list[tuple[float, float]]:
    """(time in s, mean luma) of each frame."""
    frames = (item for item in iter_media(path, audio=False) if isinstance(item, Frame))
    return [(frame.t_ns / 1e9, float(frame.image.mean())) for frame in frames]


def onsets_s(path: Path) -> list[float]:
    samples, rate_hz = read_audio(path)
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    first = np.diff(loud, prepend=-rate_hz) > 0.3 * rate_hz
    return [float(at) / rate_hz for at in loud[first]]


def test_pictures_keep_their_times_and_sound_is_in_step(recorder: Recorder) -> None:
    feed(recorder)
    state = recorder.stop()
    assert (state.running, state.problem, state.frames, state.frames_dropped) == (False, "", 50, 0)
    media = state.folder / MEDIA_NAME
    assert probe(media).duration_s == pytest.approx(2.0, abs=0.06)
    frames = frames_of(media)
    expected = [index / 25 + (0.004 if index % 2 else 0.0) for index in range(50)]
    assert [t for t, _ in frames] == pytest.approx(expected, abs=2e-5)
    white = [t for t, luma in frames if luma > 200]
    assert white[0] == pytest.approx(0.52, abs=0.021)
    assert onsets_s(media) == pytest.approx(FLASHES_S, abs=0.004), "the sound is where it was captured"


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_sound_of_another_rate_is_in_step(recorder: Recorder, rate_hz: int) -> None:
    feed(recorder, rate_hz=rate_hz)
    assert onsets_s(recorder.stop().folder / MEDIA_NAME) == pytest.approx(FLASHES_S, abs=0.006)


def test_a_late_camera_and_a_gap_in_the_sound_shift_nothing(recorder: Recorder) -> None:
    start_ns = now_ns()
    recorder.add_frame(frame_at(start_ns, 0.0, 0))
    for first in (0, 60_000):  # silence is missing between 0.5 s and 1.25 s
        recorder.add_audio(tone_block(start_ns, first, 24_000))
    recorder.add_frame(frame_at(start_ns, 1.5, 1))
    recorder.add_frame(frame_at(start_ns, 1.54, 2))
    media = recorder.stop().folder / MEDIA_NAME
    assert [t for t, _ in frames_of(media)] == pytest.approx([0, 1.5, 1.54], abs=2e-5)
    assert onsets_s(media) == pytest.approx([1.5], abs=0.004)


def test_rows_have_media_and_wall_times_and_are_read_back(recorder: Recorder) -> None:
    feed(recorder)
    folder = recorder.stop().folder
    rows = [json.loads(line) for line in (folder / JSONL_NAME).read_text().splitlines()]
    assert [row["media_s"] for row in rows] == pytest.approx([0.204 + 0.24 * i for i in range(8)], abs=0.001)
    assert rows[0]["wall_time"] < rows[1]["wall_time"]
    assert rows[0]["wall_time"].endswith("+00:00")
    with (folder / CSV_NAME).open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["media_s"]) for row in table] == [row["media_s"] for row in rows]
    assert float(table[0]["p_happy"]) == 0.6
    recording = read_recording(folder)
    assert recording.complete
    assert recording.settings["session"]["source"] == "demo"
    assert recording.settings["ended"]["frames"] == 50
    assert [estimate.t_s for estimate in recording.estimates] == [row["media_s"] for row in rows]
    assert recording.estimates[0].probs == (0.4, 0.6)
    with (folder / JSONL_NAME).open("a") as file:
        file.write('{"file": "demo", "t_s"')
    assert read_recording(folder).n_damaged_rows == 1
    assert len(read_recording(folder).estimates) == 8


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    recorders = [Recorder(tmp_path, Tracks(video=True, audio=False), {}) for _ in range(3)]
    for recorder in recorders:
        recorder.add_frame(frame_at(now_ns(), 0, 0))
    folders = {recorder.stop().folder for recorder in recorders}
    assert len(folders) == 3
    assert all((folder / MEDIA_NAME).stat().st_size for folder in folders)


def test_a_slow_encoder_drops_frames_and_counts_them(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = frame_at(now_ns(), 0, 0)
    monkeypatch.setattr(recorder_module, "MAX_QUEUED_BYTES", 3 * frame.image.nbytes)
    entered, release = threading.Event(), threading.Event()

    def write(item: object) -> None:
        entered.set()
        release.wait()

    monkeypatch.setattr(recorder, "_write", write)
    recorder.add_frame(frame)
    assert entered.wait(60)
    for index in range(1, 10):
        recorder.add_frame(frame_at(now_ns(), index / 25, index))
    assert recorder.state().frames_dropped == 6
    recorder.add_estimate(estimate_at(0, 0))
    release.set()
    recorder.stop()


def test_it_ends_when_the_disk_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "CHECK_S", 0.0)
    free = [2_000_000_000]
    recorder = Recorder(tmp_path, Tracks(video=True, audio=True), {}, free_bytes=lambda _: free[0])
    feed(recorder, 1.0)
    until_written(recorder, 20)
    free[0] = 999_999_999
    assert recorder._done.wait(60)
    state = recorder.state()
    assert not state.running
    assert "less than 1 GB" in state.problem
    assert len(frames_of(state.folder / MEDIA_NAME)) >= 20
    recorder.add_frame(frame_at(now_ns(), 9, 9))
    with pytest.raises(OutputError, match="1 GB"):
        Recorder(tmp_path, Tracks(video=True, audio=True), {}, free_bytes=lambda _: free[0])
    assert len(list(tmp_path.iterdir())) == 1, "no empty folder is left"


def test_an_error_of_the_disk_ends_it_with_what_is_there(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(recorder, 1.5)
    until_written(recorder, 38)

    def fail(*_: object) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(recorder._writer, "write_frame", fail)
    recorder.add_frame(frame_at(now_ns(), 2, 99))
    assert recorder._done.wait(60)
    assert "The disk is full." in recorder.state().problem
    assert len(frames_of(recorder.folder / MEDIA_NAME)) == 38
    assert read_recording(recorder.folder).settings["ended"]["reason"] == recorder.state().problem


def test_sound_alone_and_odd_and_changing_sizes(tmp_path: Path) -> None:
    sound = Recorder(tmp_path, Tracks(video=False, audio=True), {})
    feed(sound)
    media = sound.stop().folder / MEDIA_NAME
    assert not probe(media).has_video
    assert onsets_s(media) == pytest.approx(FLASHES_S, abs=0.004)
    sizes = Recorder(tmp_path, Tracks(video=True, audio=False), {})
    start_ns = now_ns()
    for index, size in enumerate([(161, 97), (161, 97), (640, 480)]):
        sizes.add_frame(frame_at(start_ns, 0.5 + index / 25, index, size))
    folder = sizes.stop().folder
    images = [f.image for f in iter_media(folder) if isinstance(f, Frame)]
    assert [image.shape for image in images] == [(96, 160, 3)] * 3
    assert images[2][:, :10].mean() < 20, "the other aspect ratio has black bars"
    assert images[2][:, 70:90].mean() > 200


KILLED = """
import sys, os, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.recording.test_recorder import feed, Recorder, Tracks
recorder = Recorder(Path(sys.argv[1]), Tracks(video=True, audio=True), {})
feed(recorder, 4.0)
while recorder.state().frames < 100:
    time.sleep(0.01)
os.kill(os.getpid(), 9)
"""


def test_a_recording_cut_off_by_kill_9_opens(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(root)], env=os.environ, timeout=150, check=False
    )
    assert done.returncode == -9
    (folder,) = tmp_path.iterdir()
    recording = read_recording(folder)
    assert not recording.complete
    assert len(frames_of(recording.media)) >= 60, "at most the last second or so is lost"
    assert onsets_s(recording.media) == pytest.approx(FLASHES_S, abs=0.004)
    assert len(recording.estimates) >= 10


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.recording.test_recorder import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
recorder = Recorder(Path(sys.argv[1]), Tracks(video=True, audio=False), {})
noise = np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8)
for index in range(100):
    recorder.add_frame(Frame(40_000_000 * index, np.roll(noise, 7 * index, 1), index), wait=True)
    recorder.add_estimate(estimate_at(40_000_000 * index, index / 25))
print(recorder.stop(30).problem)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the file size")
def test_a_write_that_fails_ends_it_and_what_is_there_plays(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(tmp_path), str(root)],
        env=os.environ,
        timeout=120,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "cannot be written" in done.stdout
    (folder,) = tmp_path.iterdir()
    assert frames_of(folder / MEDIA_NAME)
    recording = read_recording(folder)
    assert "cannot be written" in recording.settings["ended"]["reason"]
    assert recording.estimates
