"""The whole window in each state that it can be in, on a still session and a clock that stands.

Usage: python tests/gui/window_states.py FOLDER [NAME ...]   writes a picture of each, to be looked at.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from emolive.capture.synthetic.source import SyntheticScene
from emolive.clock import to_ns
from emolive.gui import i18n, theme
from emolive.gui.main_window import MainWindow
from emolive.gui.services import Services
from emolive.models.spec import EMOTIONS
from emolive.recording.spans import Span
from emolive.session.config import SessionConfig
from emolive.session.status import HINT_TEXTS, TOO_SLOW
from emolive.snapshot import PlaybackState, RecordingState, Snapshot, WindowExplanation
from emolive.types import (
    UNSURE,
    BoundingBox,
    Estimate,
    Face,
    FaceObservation,
    FaceQuality,
    Frame,
    Modality,
    Status,
)
from tests.helpers.fake_session import FUSIONS, FakeDevice, FakeSession

NOW_S = 1000.0
SHOWN_S = 48.0
"""So much of the timeline is filled."""
SEEN_S = 9.5
"""Of the drawing, which is happy then."""
BOX = BoundingBox(200.0, 145.0, 225.0, 225.0)
CAMERA = SessionConfig(source="Front camera", person="anna")
CLIP = SessionConfig(source="holiday.mp4", person="anna")
STATUSES = {
    "face": Status("face", "ok", "found", "A face is tracked."),
    "voice": Status("voice", "ok", "speech", "Speech is detected."),
    "camera": Status("camera", "ok", "live", "Front camera is live."),
    "microphone": Status("microphone", "ok", "live", "Desk microphone is live."),
    "model": Status("model", "ok", "ready", "ia runs on cpu by ONNX Runtime."),
    "latency": Status("latency", "ok", "measured", "84 ms"),
    "answer": Status("answer", "info", "measured", "0.9 s"),
    "baseline": Status("baseline", "ok", "running", "Relative to the 48 s of this face so far."),
}


def probabilities(t_s: float) -> tuple[float, ...]:
    """Of the labels at a time: one after the other is likeliest, at NOW_S it is happy."""
    scores = [2.6 * math.cos((NOW_S - t_s) / 9 + 2 * math.pi * (i - 2) / 8) for i in range(8)]
    raised = [math.exp(score + 0.3 * math.sin(5 * t_s + i)) for i, score in enumerate(scores)]
    return tuple(value / sum(raised) for value in raised)


def estimate(t_s: float, **changes: object) -> Estimate:
    """The estimate of a time."""
    probs = probabilities(t_s)
    best = int(np.argmax(probs))
    one = Estimate(
        source="0",
        t_ns=to_ns(t_s),
        t_s=t_s,
        labels=EMOTIONS,
        raw_probs=probs,
        probs=probs,
        label=EMOTIONS[best],
        confidence=probs[best],
        modality=Modality.AV,
        fusion="ia",
        baseline="running",
        answer_age_s=0.9,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def snapshot(t_s: float, **changes: object) -> Snapshot:
    """All is well."""
    quality = FaceQuality(240.0, 0.5, 0.3, 0.0, 0.0)
    one = Snapshot(
        frame=Frame(to_ns(t_s), PICTURE, 0),
        observation=FaceObservation(to_ns(t_s), Face(BOX, 0.97), None, quality=quality),
        estimate=estimate(t_s),
        statuses=tuple(STATUSES.values()),
        fusion="ia",
        baseline="running",
        person="anna",
        running=True,
        voice_dbfs=-22.0,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def statuses(*others: Status, without: tuple[str, ...] = ()) -> tuple[Status, ...]:
    """Those of a session where all is well, with others in their places."""
    shown = {**STATUSES, **{status.source: status for status in others}}
    return tuple(status for source, status in shown.items() if source not in without)


def hinted(hint: str) -> dict[str, object]:
    return {"statuses": statuses(Status("face", "warning", hint, HINT_TEXTS[hint]))}  # type: ignore[index]


def darkened(share: float) -> np.ndarray:
    return (share * PICTURE).astype(np.uint8)


def unseen(t_s: float) -> FaceObservation:
    return FaceObservation(to_ns(t_s), None, None)


PICTURE = SyntheticScene().picture(SEEN_S)
EMPTY = np.full_like(PICTURE, 46)
UNSURE_PROBS = (0.17, 0.16, 0.12, 0.14, 0.11, 0.12, 0.06, 0.12)
LOST = Status("camera", "error", "lost", "Front camera was lost and is being opened again.")
SILENT = Status("voice", "info", "silent", "Nobody speaks: estimates use the face only.")
TRACK = tuple(estimate(t_s, t_ns=to_ns(t_s)) for t_s in np.arange(0.24, 24.0, 0.24))
PLAYBACK = PlaybackState(
    position_s=14.4,
    duration_s=24.0,
    paused=False,
    loop=False,
    analysed_s=24.0,
    analysing=False,
    track=TRACK,
    muted=False,
    sound="",
)
PLAYED = statuses(
    Status("camera", "ok", "live", "Playing holiday.mp4."),
    Status("microphone", "ok", "live", "Playing holiday.mp4."),
    without=("latency", "answer"),
)
ENDED = statuses(
    Status("camera", "info", "ended", "holiday.mp4 has played to its end."),
    Status("microphone", "info", "ended", "holiday.mp4 has played to its end."),
    without=("latency", "answer"),
)
ATTENTION = tuple(0.5 + 0.5 * math.sin(i / 3) for i in range(15))
EXPLANATION = WindowExplanation(
    to_ns(NOW_S), "happy", 0.63, ATTENTION, tuple(0.5 + 0.5 * math.sin(i / 7) for i in range(45)), 182.0
)

Do = Callable[[MainWindow], object]


def _nothing(_: MainWindow) -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """How the window comes into a state."""

    changes: dict[str, object] = field(default_factory=dict)
    """Of the snapshot."""
    config: SessionConfig = CAMERA
    do: Do = _nothing
    """Before the last snapshot is shown."""
    size: tuple[int, int] = (1280, 800)
    theme_name: theme.ThemeName = "dark"
    scale: float = 1.0
    language: str = "en"


def _label(window: MainWindow) -> None:
    """Spans by hand, and marks of another."""
    window._media.file.spans.spans = (Span(2.0, 6.5, "happy"), Span(15.0, 18.0, "calm"))
    window._media.file.spans.mark_in_s, window._media.file.spans.mark_out_s = 9.0, 12.0
    window._media.file.recorded = TRACK[::2]


def _switch(window: MainWindow) -> None:
    window._presenter.fusion.request("it")


def _calibrate(window: MainWindow) -> None:
    window._presenter.guide.begin()


def _present(window: MainWindow) -> None:
    window.pages.toggle_presentation()
    window.setWindowState(Qt.WindowState.WindowNoState)  # the size is that of the state, not of the screen


def _explain(window: MainWindow) -> None:
    window.view.results.show_page("why")
    window._presenter.why.active = True


def _compare(window: MainWindow) -> None:
    window.resize(window.size())


OTHERS = tuple(
    estimate(NOW_S, fusion=name, probs=probs, label=EMOTIONS[int(np.argmax(probs))])
    for name, probs in (
        ("lt", (0.05, 0.05, 0.44, 0.05, 0.11, 0.08, 0.02, 0.2)),
        ("it", (0.2, 0.31, 0.25, 0.04, 0.1, 0.05, 0.03, 0.02)),
    )
)
RECORDING = RecordingState(Path("/home/anna/Videos/emolive/2026-01-31_10-00-00"), True, 83.0, 2490, 0, "")
PLAYS = {"playback": PLAYBACK, "statuses": PLAYED, "estimate": estimate(NOW_S, t_ns=to_ns(14.4))}
LIVE: dict[str, object] = {}

STATES: dict[str, State] = {
    "live": State(),
    "light": State(theme_name="light"),
    "no-camera": State(
        {
            "frame": None,
            "observation": None,
            "estimate": None,
            "statuses": statuses(
                Status("camera", "error", "missing", "There is no camera named Front camera: connect it."),
                Status("microphone", "info", "none", "There is no sound: estimates use the face only."),
                without=("face", "voice", "latency", "answer", "baseline"),
            ),
        }
    ),
    "camera-lost": State(
        {"statuses": statuses(LOST), "video_lost": True, "frame": Frame(to_ns(NOW_S - 12), PICTURE, 0)}
    ),
    "no-face": State(
        {
            "frame": Frame(to_ns(NOW_S), EMPTY, 0),
            "observation": unseen(NOW_S),
            "estimate": None,
            "statuses": statuses(Status("face", "warning", "missing", HINT_TEXTS["no_face"]), SILENT),
            "voice_dbfs": -70.0,
        }
    ),
    "silence": State(
        {
            "statuses": statuses(SILENT),
            "voice_dbfs": -75.0,
            "estimate": estimate(NOW_S, modality=Modality.VIDEO),
        }
    ),
    "unsure": State({"estimate": estimate(NOW_S, probs=UNSURE_PROBS, label=UNSURE, confidence=0.17)}),
    "rivals": State(
        {"estimate": estimate(NOW_S, probs=(0.05, 0.06, 0.28, 0.33, 0.14, 0.05, 0.02, 0.07), label="happy")}
    ),
    "dark": State({**hinted("dark"), "frame": Frame(to_ns(NOW_S), darkened(0.15), 0)}),
    "far": State(
        {
            **hinted("far"),
            "observation": FaceObservation(to_ns(NOW_S), Face(BoundingBox(300, 220, 42, 42), 0.8), None),
        }
    ),
    "two-faces": State(
        {
            "observation": FaceObservation(
                to_ns(NOW_S), Face(BOX, 0.97), None, others=(BoundingBox(470, 180, 130, 130),)
            ),
            "statuses": statuses(
                Status("voice", "info", "another", "Somebody else speaks: estimates use the face only.")
            ),
            "estimate": estimate(NOW_S, modality=Modality.VIDEO),
        }
    ),
    "too-slow": State(
        {
            "estimate": None,
            "observation": None,
            "statuses": statuses(Status("face", "warning", "slow", TOO_SLOW)),
        }
    ),
    "switching": State(
        {"statuses": statuses(Status("model", "info", "loading", "Loading it …"))}, do=_switch
    ),
    "side-by-side": State({"comparison": OTHERS}, do=_compare),
    "countdown": State(do=_calibrate),
    "calibrating": State(
        {
            "calibration": 0.42,
            "statuses": statuses(
                Status("baseline", "info", "calibrating", "Look and speak neutrally until the bar is full.")
            ),
        }
    ),
    "recording": State({"recording": RECORDING}),
    "replay": State(PLAYS, config=CLIP, do=_label),
    "replay-light": State(PLAYS, config=CLIP, do=_label, theme_name="light"),
    "analysing": State(
        {
            **PLAYS,
            "playback": replace(PLAYBACK, analysing=True, analysed_s=16.0, track=TRACK[:66], paused=True),
        },
        config=CLIP,
    ),
    "ended": State(
        {**PLAYS, "playback": replace(PLAYBACK, position_s=24.0), "ended": True, "statuses": ENDED},
        config=CLIP,
    ),
    "error": State(
        {
            "statuses": statuses(
                LOST,
                Status("model", "error", "failed", "The model failed on a window and continues: no memory."),
                Status(
                    "recording",
                    "error",
                    "unwritten",
                    "The recording has ended because less than 1 GB is free on the disk.",
                ),
            ),
            "estimate": None,
        }
    ),
    "demo": State({"is_synthetic": True}, config=SessionConfig()),
    "why": State({"explanation": EXPLANATION}, do=_explain),
    "valence": State(do=lambda window: window.view.results.show_page("affect"), theme_name="light"),
    "help": State(do=lambda window: window.view.help.toggle()),
    "welcome": State(do=lambda window: window.pages.open_welcome()),
    "presenter": State(do=_present, size=(1920, 1080)),
    "presenter-light": State(do=_present, size=(1280, 720), theme_name="light"),
    "presenter-640": State(do=_present, size=(640, 480)),
    "presenter-4k": State(do=_present, size=(3840, 2160), scale=2.0),
    "presenter-no-face": State(
        {
            "frame": Frame(to_ns(NOW_S), EMPTY, 0),
            "observation": unseen(NOW_S),
            "estimate": None,
            "statuses": statuses(Status("face", "warning", "missing", HINT_TEXTS["no_face"]), SILENT),
        },
        do=_present,
    ),
    "640x480": State(size=(640, 480)),
    "1280x720": State(size=(1280, 720)),
    "4k": State(size=(3840, 2160), scale=2.0),
    "recording-4k": State({"recording": RECORDING}, size=(3840, 2160), scale=2.0),
    "replay-4k": State(PLAYS, config=CLIP, do=_label, size=(3840, 2160), scale=2.0),
    "replay-640": State(PLAYS, config=CLIP, do=_label, size=(640, 480)),
    "side-by-side-640": State({"comparison": OTHERS}, do=_compare, size=(640, 480)),
    "recording-640": State(
        {"recording": replace(RECORDING, frames_dropped=12)}, size=(640, 480), theme_name="light"
    ),
    "german": State(language="de"),
    "german-640": State(hinted("dark"), size=(640, 480), language="de"),
    "german-replay": State(PLAYS, config=CLIP, do=_label, language="de"),
    "german-presenter": State(do=_present, language="de"),
}


class StillSession(FakeSession):
    """Its snapshot is what is set."""

    shown = Snapshot()

    def snapshot(self) -> Snapshot:
        return self.shown


class StillWindow:
    """A window that shows one state, and stands still.

    Args:
        app: the application.
        state: what to show.
    """

    def __init__(self, app: QApplication, state: State) -> None:
        theme.apply(app, state.theme_name, scale=state.scale)
        i18n.use_language([state.language])
        self._now_s = NOW_S - SHOWN_S
        services = Services(
            StillSession,  # type: ignore[arg-type]
            lambda: FUSIONS,
            lambda: (FakeDevice(0, "Front camera", True),),
            lambda: (FakeDevice(3, "Desk microphone"),),
            compute_problems=lambda: {},
        )
        self.window = window = MainWindow(state.config, services)
        self._state = state
        for part in (
            window._presenter,
            window._presenter._result,
            window._presenter.guide,
            window._presenter.fusion,
            window._presenter.baseline,
            window._video_presenter,
        ):
            part._clock = lambda: self._now_s  # type: ignore[attr-defined]
        window.resize(*state.size)
        window.show()
        window.begin()
        window._timer.stop()

    def settle(self, process: Callable[[], object]) -> None:
        """Show what has been, then the state itself.

        Args:
            process: handles the events that are due.
        """
        window, session = self.window, None
        while window.controller.state != "running":
            process()
        session = window.controller._session
        assert isinstance(session, StillSession)
        is_file = "playback" in self._state.changes
        while self._now_s < NOW_S and not is_file:
            session.shown = snapshot(self._now_s)
            window._tick()
            self._now_s += 0.24
        self._now_s = NOW_S
        if is_file:
            session.shown = snapshot(NOW_S, **self._state.changes)
            window._tick()
        process()
        self._state.do(window)
        session.shown = snapshot(NOW_S, **self._state.changes)
        window.resize(*self._state.size)
        for _ in range(3):
            window._tick()
            process()
        # Bars glide and what is old fades: let it.
        for _ in range(6):
            self._now_s += 0.2
            session.shown = _moved(session.shown, self._now_s)
            window._tick()
            process()

    def close(self, process: Callable[[], object]) -> None:
        """Close the window and wait for its end."""
        closed: list[bool] = []
        self.window.finished.connect(lambda: closed.append(True))
        self.window.close()
        while not closed:
            process()
        self.window.deleteLater()
        process()


def _moved(shown: Snapshot, now_s: float) -> Snapshot:
    """What a live source shows stays of the present; an old picture grows older."""
    frame, seen, answer = shown.frame, shown.observation, shown.estimate
    if shown.playback is not None or frame is None or frame.t_ns < to_ns(NOW_S - 1):
        return shown
    return replace(
        shown,
        frame=replace(frame, t_ns=to_ns(now_s)),
        observation=None if seen is None else replace(seen, t_ns=to_ns(now_s)),
        estimate=None if answer is None else replace(answer, t_ns=to_ns(now_s)),
    )


def process_events(ms: int = 60) -> None:
    """Handle events for a moment."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def main() -> int:
    import os
    import tempfile

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(STATES)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["EMOLIVE_HOME"] = home
        app = QApplication([])
        for name in names:
            still = StillWindow(app, STATES[name])
            still.settle(process_events)
            image: QImage = still.window.grab().toImage()
            image.save(str(folder / f"{name}.png"))
            still.close(process_events)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
