"""Presenters: from snapshots to widget states, without Qt."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive.gui.pending_selection import PendingSelection
from emolive.gui.presenter import FADE_S, STALE_S, ResultPresenter, WindowPresenter
from emolive.gui.truth import serious_statuses
from emolive.gui.video_presenter import FACE_STALE_NS, VideoPresenter
from emolive.session.config import SessionConfig
from emolive.snapshot import Snapshot
from emolive.types import BoundingBox, Estimate, Face, FaceObservation, Frame, Modality, Status, Timestamps

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("happy", "sad")


class Settings:
    """Remembers switches in memory."""

    def __init__(self) -> None:
        self.flags: dict[str, bool] = {}

    def flag(self, name: str, default: bool) -> bool:
        return self.flags.get(name, default)

    def set_flag(self, name: str, value: bool) -> None:
        self.flags[name] = value


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def estimate(probs: tuple[float, ...] = (0.7, 0.3), label: str = "happy", t_ns: int = 0) -> Estimate:
    return Estimate(
        source="demo",
        t_ns=t_ns,
        t_s=t_ns / 1e9,
        labels=LABELS,
        raw_probs=probs,
        probs=probs,
        label=label,
        confidence=max(probs),
        modality=Modality.AV,
        fusion="ia",
        baseline="running",
        stamps=Timestamps(t_ns, t_ns, t_ns),
    )


def snapshot(**changes: object) -> Snapshot:
    return replace(Snapshot(fusion="ia", baseline="running", running=True), **changes)  # type: ignore[arg-type]


def test_the_presenters_know_no_qt() -> None:
    modules = "presenter, video_presenter, view_state, strings, i18n, services, pending_selection"
    code = (
        f"import sys; from emolive.gui import {modules}; "
        "print([name for name in sys.modules if name.startswith('PySide6')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- results


def test_an_estimate_is_current_until_it_is_stale_and_then_fades() -> None:
    clock = FakeClock()
    presenter = ResultPresenter(clock)
    view = presenter.present(snapshot(estimate=estimate(t_ns=5)))
    assert view.current is not None
    assert view.now_ns == 5
    same = snapshot(estimate=None)
    assert presenter.present(same).current is None
    clock.now_s += FADE_S / 2
    half = presenter.present(same)
    assert half.presence == pytest.approx(0.5)
    assert half.now_ns > 5
    clock.now_s += FADE_S
    assert presenter.present(same).presence == 0
    assert presenter.present(snapshot(estimate=estimate(t_ns=6))).current is not None


def test_estimates_change_at_most_ten_times_a_second() -> None:
    clock = FakeClock()
    presenter = ResultPresenter(clock)
    first, second = snapshot(estimate=estimate(t_ns=1)), snapshot(estimate=estimate(t_ns=2))
    assert presenter.present(first).now_ns == 1
    clock.now_s += 0.05
    assert presenter.present(second).now_ns == 1
    clock.now_s += 0.06
    assert presenter.present(second).now_ns == 2


def test_an_estimate_that_does_not_change_becomes_stale() -> None:
    clock = FakeClock()
    presenter = ResultPresenter(clock)
    old = snapshot(estimate=estimate())
    presenter.present(old)
    clock.now_s += STALE_S - 0.1
    assert presenter.present(old).current is not None
    clock.now_s += 0.2
    assert presenter.present(old).current is None


def test_the_number_is_that_of_the_label() -> None:
    view = ResultPresenter().present(snapshot(estimate=estimate((0.6, 0.4), "happy"))).current
    assert view is not None
    assert (view.caption, view.word, view.leader) == ("happy 60 %", "happy", "happy")
    unsure = ResultPresenter().present(snapshot(estimate=estimate((0.5, 0.5), "unsure"))).current
    assert unsure is not None
    assert unsure.label is None
    assert (unsure.caption, unsure.word, unsure.emphasized) == ("unsure", "unsure", ())


@pytest.mark.parametrize(
    ("probs", "caption", "emphasized"),
    [
        ((0.40, 0.60), "sad or happy", ("sad", "happy")),
        ((0.495, 0.505), "happy 50 %", ("happy",)),  # the numbers on the screen are equal
        ((0.52, 0.48), "happy 52 %", ("happy",)),
    ],
)
def test_a_label_that_lags_is_never_named_alone(
    probs: tuple[float, ...], caption: str, emphasized: tuple[str, ...]
) -> None:
    """The smoother holds "happy" against flicker; a larger bar is named first and gives the colour."""
    view = ResultPresenter().present(snapshot(estimate=estimate(probs, "happy"))).current
    assert view is not None
    assert (view.caption, view.emphasized, view.leader) == (caption, emphasized, emphasized[0])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"fusion": ""}, "Loading the model…"),
        ({"fusion": "", "statuses": (Status("model", "error", "failed", "x"),)}, "No model is loaded."),
        ({}, "Waiting for a face or a voice."),
    ],
)
def test_missing_modalities_are_reported(changes: dict[str, object], text: str) -> None:
    assert ResultPresenter().present(snapshot(**changes)).waiting == text


# --- video


def frame(t_ns: int = 0) -> Frame:
    return Frame(t_ns, np.zeros((4, 4, 3), np.uint8), 0)


def test_cameras_are_mirrored_and_files_are_not() -> None:
    settings = Settings()
    presenter = VideoPresenter(settings)
    now = snapshot(frame=frame())
    assert presenter.present(now, None, "0").mirrored
    assert presenter.present(now, None, "auto").mirrored
    assert not presenter.present(replace(now, is_synthetic=True), None, "auto").mirrored
    assert not presenter.present(now, None, "clip.mp4").mirrored
    presenter.toggle_mirror()
    assert presenter.present(now, None, "clip.mp4").mirrored
    assert settings.flags == {}, "only the choice for cameras is remembered"
    presenter.present(now, None, "0")
    presenter.toggle_mirror()
    assert settings.flags == {"mirror": False}
    assert not VideoPresenter(settings).present(now, None, "0").mirrored


def test_an_old_face_is_not_drawn() -> None:
    face = Face(BoundingBox(0, 0, 1, 1), 0.9)
    presenter = VideoPresenter(Settings(), lambda: 0.0)
    observed = snapshot(frame=frame(FACE_STALE_NS), observation=FaceObservation(0, face, None))
    assert presenter.present(observed, None, "0").face is face
    later = replace(observed, frame=frame(FACE_STALE_NS + 1))
    assert presenter.present(later, None, "0").face is None


def test_the_banner_names_calibration_and_end() -> None:
    presenter = VideoPresenter(Settings(), lambda: 0.0)
    assert "neutral" in presenter.present(snapshot(frame=frame(), calibration=0.3), None, "0").banner
    assert "Ended" in presenter.present(snapshot(frame=frame(), ended=True), None, "a.mp4").banner


# --- controls and statuses


def test_a_request_is_displayed_until_it_is_answered() -> None:
    clock = FakeClock()
    pending = PendingSelection(clock)
    assert pending.displayed("ia") == "ia"
    pending.request("lt")
    assert pending.displayed("ia") == "lt"
    assert pending.displayed("ia", failed=True) == "lt", "the error is an older one"
    clock.now_s += 2.0
    assert pending.displayed("ia", failed=True) == "ia"
    pending.request("it")
    assert pending.displayed("it") == "it"
    assert pending.displayed("ia") == "ia"
    pending.request("lt")
    clock.now_s += 60.0
    assert pending.displayed("ia") == "ia", "it timed out"
    pending.request("lt")
    pending.clear()
    assert pending.displayed("ia") == "ia"


def test_the_gravest_statuses_come_first() -> None:
    warning = Status("voice", "warning", "silent", "1")
    first, second = Status("camera", "error", "gone", "2"), Status("model", "error", "failed", "3")
    assert serious_statuses((warning, first, second)) == (first, second, warning)
    assert serious_statuses((Status("face", "info", "none", "4"),)) == ()


def test_the_calibration_is_suggested_only_live() -> None:
    presenter = WindowPresenter(VideoPresenter(Settings()))

    def line(source: str, **changes: object) -> str:
        return presenter.present(snapshot(**changes), SessionConfig(source=source)).status.line.text

    assert "Calibrate" in line("0")
    assert line("clip.mp4") == ""
    assert line("0", baseline="neutral") == ""
    assert "so a drawing plays" in line("auto", is_synthetic=True)
    assert line("demo", is_synthetic=True) == ""
