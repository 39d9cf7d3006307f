"""A file in the window: analysed ahead with any models, shown at its position."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import CheckpointError, ConfigError, MediaError
from emolive.file_analyzer import FileAnalyzer
from emolive.playback.app_session import AppSession
from emolive.playback.clip_analysis import ClipAnalysis
from emolive.playback.clip_track import AnalysisRequest, AnalyzedWindow, ClipTrack
from emolive.playback.models import ModelLoan, ModelShelf
from emolive.playback.player_session import PlayerSession
from emolive.playback.speaker import Speaker
from emolive.predictor import load_predictor
from emolive.session.config import SessionConfig
from emolive.snapshot import PlaybackState
from emolive.types import BoundingBox, Estimate, FaceObservation, FileSummary, Frame, Status
from tests.helpers.listener import eventually
from tests.playback.test_player import no_device

Open = Callable[..., PlayerSession]


@pytest.fixture(autouse=True)
def _assets(shipped_random: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))


@pytest.fixture(scope="module")
def shelf() -> ModelShelf:
    return ModelShelf()


def config_of(source: Path, **changes: object) -> SessionConfig:
    config = SessionConfig(source=str(source), device="cpu", backend="eager")
    return replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture
def open_file(clips: dict[str, Path], shelf: ModelShelf) -> Iterator[Open]:
    sessions: list[PlayerSession] = []
    loans: list[ModelLoan] = []

    def begin(name: str = "full", *, start: bool = True, **changes: object) -> PlayerSession:
        config = config_of(clips[name], **changes)
        loans.append(shelf.borrow())
        session = PlayerSession(config, loans[-1], speaker=lambda clock: Speaker(clock, no_device))
        sessions.append(session)
        if start:
            session.start()
        return session

    yield begin
    for session in sessions:
        assert session.stop(60)
    for loan in loans:
        loan.give_back()


def playback_of(session: PlayerSession | AppSession) -> PlaybackState:
    playback = session.snapshot().playback
    assert playback is not None
    return playback


def until_analysed(session: PlayerSession) -> PlaybackState:
    eventually(lambda: not playback_of(session).analysing, "the analysis", 150)
    return playback_of(session)


def offline(path: Path, fusion: str) -> list[Estimate]:
    with FileAnalyzer(load_predictor(fusion, None, "cpu", "eager")) as analyzer:
        return [each for each in analyzer.analyze(path) if not isinstance(each, FileSummary)]


def test_the_analysis_ahead_equals_analyze_for_each_of_several_models(
    open_file: Open, clips: dict[str, Path]
) -> None:
    session = open_file(fusion="ia", comparison=("lt", "ia"))
    session.set_playing(False)
    playback = until_analysed(session)
    assert [e.fusion for e in playback.track] == ["ia"] * len(playback.track)
    assert list(playback.track) == offline(clips["full"], "ia")
    others = [window.estimates[1] for window in session._analysis.track.windows if window.estimates]
    assert others == offline(clips["full"], "lt")
    assert playback.analysed_s == pytest.approx(3.0, abs=0.1)

    session.seek(1.3)
    shown = session.snapshot()
    assert shown.estimate is not None
    assert shown.estimate.t_s == pytest.approx(1.2)
    assert [each.fusion for each in shown.comparison] == ["lt"]
    evidence = session._analysis._evidence
    session.set_fusion("lt")
    eventually(lambda: session.snapshot().fusion == "lt", "the other fusion")
    assert list(until_analysed(session).track) == offline(clips["full"], "lt")
    assert session._analysis._evidence is evidence, "the file is not decoded again"


def test_hop_and_smoothing_change_the_answers_of_a_file_and_nothing_else(
    open_file: Open, clips: dict[str, Path]
) -> None:
    every = {each.t_ns: each for each in offline(clips["full"], "ia")}
    session = open_file(fusion="ia")
    session.set_playing(False)
    until_analysed(session)
    evidence = session._analysis._evidence
    session.set_smoothing("off")
    eventually(lambda: playback_of(session).track, "the first answers")
    track = until_analysed(session).track
    assert [each.t_ns for each in track] == list(every)
    assert [each.raw_probs for each in track] == [each.raw_probs for each in every.values()]
    assert all(each.probs == each.raw_probs for each in track)
    assert any(each.probs != each.raw_probs for each in every.values()), "it was smoothed before"

    session.set_hop_bins(2)
    track = until_analysed(session).track
    hop_ns = 2 * 240_000_000
    assert [each.t_ns for each in track] == [t_ns for t_ns in every if t_ns % hop_ns == 0]
    assert [each.raw_probs for each in track] == [every[each.t_ns].raw_probs for each in track], (
        "evidence is gathered in every bin"
    )
    assert session._analysis._evidence is evidence, "the file is not decoded again"
    with pytest.raises(ConfigError):
        session.set_hop_bins(0)
    with pytest.raises(ConfigError):
        session.set_smoothing("a lot")


def test_paused_ended_and_published(open_file: Open) -> None:
    published: list[Estimate] = []
    session = open_file(start=False)
    session.subscribe(published.append)
    session.set_playing(False)
    session.start()
    playback = until_analysed(session)
    assert playback.paused
    assert playback.position_s == 0
    assert session.snapshot().estimate is None
    assert not published
    session.seek(2.7)
    session.set_playing(True)
    eventually(lambda: session.snapshot().ended, "the end")
    snapshot = session.snapshot()
    assert session.finished
    assert snapshot.estimate == playback.track[-1], "the last answer stays"
    assert snapshot.frame is not None
    assert {s.code for s in snapshot.statuses if s.source in ("camera", "microphone")} == {"ended"}
    eventually(lambda: playback.track[-1] in published, "the estimates of the positions")
    session.set_loop(True)
    session.set_playing(True)
    eventually(lambda: not session.snapshot().ended, "it plays again")


def test_the_rows_of_a_file_that_plays_begin_with_those_of_its_analysis(
    open_file: Open, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the model is loaded only when a part of the file is over."""
    loads = threading.Event()
    load = ModelLoan.load

    def load_late(self: ModelLoan, *request: object) -> object:
        loads.wait(60)
        return load(self, *request)  # type: ignore[arg-type]

    monkeypatch.setattr(ModelLoan, "load", load_late)
    published: list[Estimate] = []
    session = open_file(start=False)
    session.subscribe(published.append)
    session.start()
    eventually(lambda: playback_of(session).position_s > 1.5, "the first half of the file", 60)
    assert not published
    loads.set()
    eventually(lambda: session.finished, "the end", 60)
    track = list(playback_of(session).track)
    eventually(lambda: len(published) >= len(track), "all rows", 20)
    assert published == track
    assert [estimate.t_s for estimate in published] == [
        estimate.t_s for estimate in offline(clips["full"], "ia")
    ]


def test_nothing_is_learned_or_recorded_from_a_file(open_file: Open) -> None:
    session = open_file(start=False)
    with pytest.raises(ConfigError, match="open the camera"):
        session.calibrate()
    with pytest.raises(ConfigError, match="camera"):
        session.start_recording()


def test_a_click_on_another_face_reads_it_from_there_on(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_file(start=False)
    requests: list[AnalysisRequest] = []
    monkeypatch.setattr(session._analysis, "request", requests.append)
    others = (BoundingBox(100, 100, 40, 40),)
    session._analysis.observations = [
        FaceObservation(second * 10**9, None, None, others=others) for second in range(5)
    ]

    def click(x_px: float, t_s: int) -> None:
        session._player.frame = Frame(t_s * 10**9, np.zeros((240, 320, 3), np.uint8), 0)
        session.choose_face(x_px, 120)

    click(10, 2)
    assert not requests, "there is no face"
    click(110, 2)
    click(120, 3)
    assert [(choice.t_ns // 10**9, choice.x_px) for choice in requests[-1].faces] == [(2, 110), (3, 120)]
    click(130, 1)
    assert [choice.x_px for choice in requests[-1].faces] == [130], "later choices were of what came before"


def test_a_refused_model_keeps_the_results(open_file: Open, tmp_path: Path) -> None:
    session = open_file()
    session.set_playing(False)
    track = until_analysed(session).track
    session.set_checkpoint(tmp_path / "missing.safetensors")
    eventually(session._analysis.idle.is_set, "the refusal")
    status = next(s for s in session.snapshot().statuses if s.source == "model")
    assert (status.level, status.code) == ("error", "refused")
    playback = playback_of(session)
    assert playback.track is track
    assert not playback.analysing, "all is there still"


def test_a_refused_model_does_not_end_the_analysis_that_is_going_on(
    open_file: Open, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = open_file(start=False, fusion="ia")
    add = ClipTrack.add

    def ask_half_way(track: ClipTrack, window: AnalyzedWindow) -> None:
        add(track, window)
        if len(track.windows) == 5:
            session.set_checkpoint(tmp_path / "missing.safetensors")

    monkeypatch.setattr(ClipTrack, "add", ask_half_way)
    session.start()
    track = until_analysed(session).track
    assert list(track) == offline(clips["full"], "ia")
    status = next(s for s in session.snapshot().statuses if s.source == "model")
    assert status.code == "refused"


def test_a_request_while_the_end_of_the_file_is_analysed_is_carried_out_first(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_file(start=False)
    settle = ClipAnalysis._settle
    asked: list[bool] = []

    def ask_at_the_end(analysis: ClipAnalysis) -> None:
        if analysis._whole and not asked:
            asked.append(True)
            session.set_smoothing("off")
        settle(analysis)

    monkeypatch.setattr(ClipAnalysis, "_settle", ask_at_the_end)
    session.start()
    track = until_analysed(session).track
    assert asked
    assert all(each.probs == each.raw_probs for each in track)


def test_models_that_are_asked_for_while_others_take_over_are_being_loaded(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_file(start=False)
    analysis, loading, loaded = session._analysis, threading.Event(), threading.Event()
    say = analysis._on_status

    def load() -> list[object]:
        loading.set()
        loaded.wait(60)
        raise CheckpointError("It cannot be read.")

    def ask_when_ready(status: Status) -> None:
        say(status)
        if status.code == "ready":
            analysis.request(AnalysisRequest(load, "running", "guest"))

    monkeypatch.setattr(analysis, "_on_status", ask_when_ready)
    session.start()
    eventually(loading.is_set, "the other request")
    assert not session.model_settled
    loaded.set()
    eventually(lambda: session.model_settled, "the refusal")


def test_a_model_is_used_by_one_session_at_a_time() -> None:
    shelf = ModelShelf()
    first, second = shelf.borrow(), shelf.borrow()
    one = first.load("ia", None, "cpu", "eager")
    assert first.load("ia", None, "cpu", "eager") is one
    assert second.load("ia", None, "cpu", "eager") is not one
    first.give_back()
    assert shelf.borrow().load("ia", None, "cpu", "eager") is one


def test_a_file_without_sound_and_sound_without_a_picture(open_file: Open) -> None:
    silent = open_file("video_only")
    assert {e.modality for e in until_analysed(silent).track} == {"v"}
    voice = open_file("audio_only")
    assert {e.modality for e in until_analysed(voice).track} <= {"a"}
    muted = open_file(mic="none")
    assert {e.modality for e in until_analysed(muted).track} == {"v"}


def test_camera_and_file_take_turns(clips: dict[str, Path], tmp_path: Path) -> None:
    estimates: list[Estimate] = []
    session = AppSession(
        SessionConfig(source="demo", device="cpu", backend="eager"),
        create_player=lambda config, models: PlayerSession(
            config, models, speaker=lambda clock: Speaker(clock, no_device)
        ),
    )
    session.subscribe(estimates.append)
    session.start()
    try:
        eventually(lambda: estimates, "the demo's estimates", 60)
        with pytest.raises(ConfigError, match="Only a file"):
            session.seek(1)
        with pytest.raises(MediaError):
            session.set_source(str(tmp_path / "missing.mp4")).result(30)
        assert session.snapshot().playback is None, "a failure changes nothing"
        session.set_fusion("lt")
        session.set_source(str(clips["full"])).result(30)
        session.set_playing(False)
        eventually(lambda: playback_of(session).track, "the file's estimates", 60)
        assert playback_of(session).track[0].fusion == "lt", "the choice is kept"
        session.set_source("demo").result(30)
        assert session.snapshot().playback is None
        n = len(estimates)
        eventually(
            lambda: any(each.source == "demo" for each in estimates[n:]), "the demo's estimates again", 60
        )
    finally:
        assert session.stop(20)
