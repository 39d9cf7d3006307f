"""A session without devices and models: a synthetic face, moving probabilities, any state on request."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emolive.clock import NS_PER_S, now_ns
from emolive.errors import EmoliveError
from emolive.gui.services import FusionChoice
from emolive.models.spec import EMOTIONS
from emolive.session.config import SessionConfig
from emolive.snapshot import Counters, Snapshot, WindowExplanation
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
    Timestamps,
)

FPS = 30.0
HOP_S = 0.24
N_PICTURES = 60
"""They come again and again: drawing is done in the thread of the window, which must not wait for it."""
FUSIONS = (
    FusionChoice("lt", "late transformer"),
    FusionChoice("it", "intermediate transformer"),
    FusionChoice("ia", "intermediate attention"),
)


@dataclass(frozen=True, slots=True)
class FakeDevice:
    index: int
    name: str
    default: bool = False
    id: str = ""


class FakeSession:
    """Implements the public calls of `Session`.

    `calls` records them as (name, argument). `override` replaces fields of the snapshot.
    """

    def __init__(self, config: SessionConfig, *, labels: tuple[str, ...] = EMOTIONS) -> None:
        self.config = config
        self.labels = labels
        self.calls: list[tuple[str, object]] = []
        self.override: dict[str, object] = {}
        self.refusal = ""
        """If set, every call that changes something raises an EmoliveError with this message."""
        self.release = threading.Event()
        self.release.set()
        """`stop` waits until it is set."""
        self.modality = Modality.AV
        self.estimating = True
        self.hop_s = HOP_S
        self.stopped = False
        self.explaining = False
        self.change_estimate: Callable[[Estimate], Estimate] = replace
        """What becomes of each estimate; one in `override` would grow old."""
        self._subscribers: list[Callable[[Estimate], None]] = []
        self._start_ns = 0
        self._calibrating_ns = 0
        self._estimate: Estimate | None = None
        self._frame: Frame | None = None
        self._observation: FaceObservation | None = None
        self._lock = threading.Lock()

    # --- the public calls of Session

    def start(self) -> None:
        self.calls.append(("start", None))
        self._start_ns = now_ns()

    def stop(self, timeout_s: float = 3.0) -> bool:
        self.calls.append(("stop", timeout_s))
        self.release.wait()
        self.stopped = True
        return True

    def subscribe(self, callback: Callable[[Estimate], None]) -> Callable[[], None]:
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def set_source(self, source: str) -> None:
        self._set("source", source)

    def set_mic(self, mic: str) -> None:
        self._set("mic", mic)

    def set_fusion(self, fusion: str) -> None:
        self._set("fusion", fusion)

    def set_baseline(self, mode: str) -> None:
        self._set("baseline", mode)

    def set_person(self, person: str) -> None:
        self._set("person", person)

    def set_hop_bins(self, hop_bins: int) -> None:
        self._set("hop_bins", hop_bins)

    def set_smoothing(self, mode: str) -> None:
        self._set("smoothing", mode)

    def set_device(self, device: str) -> None:
        self._set("device", device)

    def set_backend(self, backend: str) -> None:
        self._set("backend", backend)

    def set_checkpoint(self, path: Path) -> None:
        self._refuse()
        self.calls.append(("checkpoint", path))

    def set_explaining(self, on: bool) -> None:
        self.calls.append(("explaining", on))
        self.explaining = on

    def calibrate(self, seconds: float = 5.0) -> None:
        self._refuse()
        self.calls.append(("calibrate", seconds))
        self._calibrating_ns = now_ns()

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        self._refuse()
        self.calls.append(("comparison", fusions))

    def set_playing(self, playing: bool) -> None:
        self._refuse()
        self.calls.append(("playing", playing))

    def seek(self, position_s: float) -> None:
        self._refuse()
        self.calls.append(("seek", position_s))

    def set_loop(self, loop: bool) -> None:
        self.calls.append(("loop", loop))

    def set_muted(self, muted: bool) -> None:
        self.calls.append(("muted", muted))

    def choose_face(self, x_px: float, y_px: float) -> None:
        self._refuse()
        self.calls.append(("face", (x_px, y_px)))

    def start_recording(self, parent: Path | None = None) -> Path:
        self._refuse()
        self.calls.append(("record", parent))
        return parent or Path("recording")

    def stop_recording(self) -> None:
        self.calls.append(("stop recording", None))

    def snapshot(self) -> Snapshot:
        with self._lock:
            t_ns = now_ns()
            self._advance(t_ns)
            calibration = None
            baseline = self.config.baseline
            if self._calibrating_ns:
                done = (t_ns - self._calibrating_ns) / (5 * NS_PER_S)
                calibration = done if done < 1 else None
                baseline = "neutral" if done >= 1 else baseline
            frames = 0 if self._frame is None else self._frame.index + 1
            snapshot = Snapshot(
                frame=self._frame,
                observation=self._observation,
                estimate=self._estimate,
                statuses=self._statuses(),
                counters=Counters(frames_captured=frames, frames_perceived=frames),
                fusion=self.config.fusion,
                baseline=baseline,
                person=self.config.person,
                calibration=calibration,
                is_synthetic=self.config.source in ("auto", "demo"),
                running=True,
                voice_dbfs=-30.0 + 18.0 * math.sin(t_ns / NS_PER_S * 5.0),
                explanation=self._explain() if self.explaining else None,
            )
            return replace(snapshot, **self.override)  # type: ignore[arg-type]

    # --- for tests

    def called(self, name: str) -> list[object]:
        """The arguments of all calls of that name."""
        return [value for called, value in self.calls if called == name]

    def _refuse(self) -> None:
        if self.refusal:
            raise EmoliveError(self.refusal)

    def _set(self, name: str, value: object) -> None:
        self.calls.append((name, value))
        self._refuse()
        self.config = replace(self.config, **{name: value})  # type: ignore[arg-type]

    def _advance(self, t_ns: int) -> None:
        t_s = (t_ns - self._start_ns) / NS_PER_S
        index = int(t_s * FPS)
        if self._frame is None or index > self._frame.index:
            frame_ns = self._start_ns + round(index / FPS * NS_PER_S)
            image, face = draw(index % N_PICTURES / FPS)
            self._frame = Frame(frame_ns, image, index)
            self._observation = FaceObservation(
                frame_ns, face, None, quality=FaceQuality(240.0, 0.5, 0.3, 0.0, 0.0)
            )
        due = self._estimate is None or t_ns - self._estimate.t_ns >= self.hop_s * NS_PER_S
        if due and self.estimating:
            self._estimate = self.change_estimate(self._make_estimate(t_ns, t_s))
            for callback in self._subscribers:
                callback(self._estimate)

    def _make_estimate(self, t_ns: int, t_s: float) -> Estimate:
        phase = t_s / 3.0
        scores = [2.6 * math.cos(phase - 2 * math.pi * i / len(self.labels)) for i in range(len(self.labels))]
        raised = [math.exp(score + 0.4 * math.sin(7 * t_s + i)) for i, score in enumerate(scores)]
        probs = tuple(value / sum(raised) for value in raised)
        best = max(range(len(probs)), key=probs.__getitem__)
        label = self.labels[best] if probs[best] > 0.3 else UNSURE
        return Estimate(
            source=self.config.source,
            t_ns=t_ns,
            t_s=t_s,
            labels=self.labels,
            raw_probs=probs,
            probs=probs,
            label=label,
            confidence=probs[best],
            modality=self.modality,
            fusion=self.config.fusion,
            baseline=self.config.baseline,
            stamps=Timestamps(t_ns, t_ns, t_ns),
        )

    def _explain(self) -> WindowExplanation | None:
        if self._estimate is None:
            return None
        phase = self._estimate.t_s
        return WindowExplanation(
            self._estimate.t_ns,
            self._estimate.labels[0],
            0.5 + 0.3 * math.sin(phase),
            tuple(0.5 + 0.5 * math.sin(i / 3 + phase) for i in range(15)),
            tuple(0.5 + 0.5 * math.sin(i / 7 - phase) for i in range(45)),
            180.0,
        )

    def _statuses(self) -> tuple[Status, ...]:
        return (
            Status("face", "ok", "found", "A face is tracked."),
            Status("voice", "ok", "speaking", "A voice is present."),
            Status("camera", "ok", "live", "The drawn demo plays."),
            Status("microphone", "ok", "live", "The audio of the demo plays."),
            Status("model", "ok", self.config.fusion, f"The fusion {self.config.fusion} runs."),
            Status("latency", "ok", "measured", "84 ms"),
            Status("baseline", "info", "learning", "The running baseline is still adapting."),
        )


@lru_cache(maxsize=N_PICTURES)
def draw(t_s: float) -> tuple[np.ndarray, Face]:
    """A simple moving face: an image (480, 640, 3) BGR, and the position of the face."""
    image = np.empty((480, 640, 3), np.uint8)
    image[:] = np.linspace(70, 120, 480, dtype=np.uint8)[:, None, None]
    cx, cy, rx, ry = 320 + 60 * math.sin(t_s), 240 + 12 * math.sin(1.7 * t_s), 92.0, 120.0
    ys, xs = np.ogrid[0:480, 0:640]
    image[((xs - cx) / rx) ** 2 + ((ys - cy) / ry) ** 2 < 1] = (150, 185, 225)
    for side in (-1, 1):
        image[((xs - cx - side * 36) / 13) ** 2 + ((ys - cy + 28) / 9) ** 2 < 1] = (60, 45, 40)
    smile = ((xs - cx) / 40) ** 2 + ((ys - cy - 52) / (8 + 6 * math.sin(3 * t_s))) ** 2
    image[smile < 1] = (80, 70, 160)
    angles = np.linspace(0, 2 * np.pi, 17, endpoint=False)
    jaw = np.stack([cx + 0.95 * rx * np.cos(angles), cy + 0.95 * ry * np.sin(angles)], axis=1)
    mouth = np.stack([cx + 40 * np.cos(angles), cy + 52 + 10 * np.sin(angles)], axis=1)
    eye_contours = [
        np.stack([cx + side * 36 + 14 * np.cos(angles), cy - 28 + 9 * np.sin(angles)], axis=1)
        for side in (-1, 1)
    ]
    points = np.concatenate([jaw, mouth, *eye_contours]).astype(np.float32)
    box = BoundingBox(cx - rx - 6, cy - ry - 6, 2 * rx + 12, 2 * ry + 12)
    return image, Face(box, 0.97, points)


def refusing(source: str, error: EmoliveError) -> Callable[[SessionConfig], FakeSession]:
    """Creates sessions of any source but one."""

    def create(config: SessionConfig) -> FakeSession:
        if config.source == source:
            raise error
        return FakeSession(config)

    return create
