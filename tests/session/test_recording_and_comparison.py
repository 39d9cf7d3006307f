"""A live session that is recorded, and several fusions on the same evidence."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from emolive.capture.decode import iter_media
from emolive.clock import to_s
from emolive.errors import ConfigError
from emolive.recording.folder import read_recording
from emolive.session.model_loader import ModelLoader, ModelRequest
from emolive.types import AudioBlock, Frame


@pytest.fixture(autouse=True)
def _assets(shipped_random: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))


def test_a_file_is_recorded_as_it_is_and_analysed(
    watch, clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(clips["full"], start=False, paced=False, person="anna", comparison=("lt",))
    session = watched.session
    with pytest.raises(ConfigError, match="Nothing is playing"):
        session.start_recording(tmp_path)
    recording_runs, load = threading.Event(), ModelLoader._load_predictor

    def late(loader: ModelLoader, request: ModelRequest) -> object:
        assert recording_runs.wait(120)
        return load(loader, request)

    # The file begins when the model is loaded, and is recorded from its beginning.
    monkeypatch.setattr(ModelLoader, "_load_predictor", late)
    session.start()
    folder = session.start_recording(tmp_path)
    with pytest.raises(ConfigError, match="A recording is running"):
        session.start_recording(tmp_path)
    assert session.snapshot().recording.running
    recording_runs.set()
    watched.until_finished()
    assert session.stop_recording().problem == ""
    recording = read_recording(folder)
    whole = [item for item in iter_media(clips["full"]) if isinstance(item, Frame)]
    frames = [item for item in iter_media(folder) if isinstance(item, Frame)]
    assert [f.t_ns for f in frames] == pytest.approx([f.t_ns - whole[0].t_ns for f in whole], abs=20_000)
    assert sum(len(b.samples) for b in iter_media(folder) if isinstance(b, AudioBlock)) / 48_000 > 2.8
    assert recording.settings["session"]["person"] == "anna"
    assert [(e.fusion, e.label) for e in recording.estimates] == [
        (e.fusion, e.label) for e in watched.estimates
    ]
    assert [e.fusion for e in watched.estimates[:4]] == ["ia", "lt", "ia", "lt"]
    # A file begins at the origin of its stream.
    assert [e.t_s for e in recording.estimates] == pytest.approx(
        [e.t_s for e in watched.estimates], abs=0.002
    )


def test_it_goes_on_over_a_change_of_source_and_ends_with_the_session(watch, clips, tmp_path: Path) -> None:
    watched = watch(clips["full"], start=False)
    watched.session.start()
    folder = watched.session.start_recording(tmp_path)
    watched.until_finished()
    watched.session.set_source(str(clips["video_only"])).result(60)
    watched.until(lambda: watched.session.finished, "the end of the other file", 90)
    watched.session.stop(20)
    recording = read_recording(folder)
    assert recording.complete
    frames = [item for item in iter_media(folder, audio=False) if isinstance(item, Frame)]
    # A busy machine leaves late frames out, but never for long.
    assert len(frames) <= 180
    stamps = [frame.t_ns for frame in frames]
    assert stamps == sorted(set(stamps))
    assert to_s(stamps[-1]) > 5.5, "both files"
    assert {e.source for e in recording.estimates} == {str(clips["full"]), str(clips["video_only"])}


def test_compared_fusions_answer_for_the_same_window(watch, clips) -> None:
    watched = watch(clips["full"], start=False, paced=False, checkpoint=None, comparison=("ia", "lt"))
    with pytest.raises(ConfigError, match="no fusion"):
        watched.session.set_comparison(("nothing",))
    watched.session.start()
    watched.until_finished()
    by_time: dict[int, list[str]] = {}
    for estimate in watched.estimates:
        by_time.setdefault(estimate.t_ns, []).append(estimate.fusion)
    assert list(by_time.values()) == [["ia", "lt"]] * len(by_time), "once each"
    assert [e.fusion for e in watched.session.snapshot().comparison] == ["lt"]
    first, second = watched.estimates[:2]
    assert first.probs != second.probs
