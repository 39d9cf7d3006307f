"""Runs a session while its devices fail and come back, and writes a report for `test_real_devices`.

A separate process, because PortAudio looks for sound servers once, when it is imported.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
from pathlib import Path

import numpy as np

from benchmarks.virtual_microphone import VirtualMicrophone
from emolive._compat.opencv import cv2
from emolive.audio.resample import resample
from emolive.capture.media_file import iter_media, read_audio
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.types import Estimate, FloatArray, Frame, Image
from tests.helpers.clips import demo_audio, demo_frames
from tests.helpers.faulty_camera import FaultyCamera
from tests.helpers.listener import eventually

RATE_HZ = 48_000
PLAYED_S = 120


def load_material(clip: Path | None) -> tuple[list[Image], FloatArray]:
    """Images and audio (at RATE_HZ) of a real clip, or those of the demo."""
    if clip is None:
        return demo_frames(4), demo_audio(4)
    frames = [item.image for item in iter_media(clip, audio=False) if isinstance(item, Frame)]
    pictures = [cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA) for image in frames]
    samples, rate_hz = read_audio(clip)
    sound = resample(samples, rate_hz, RATE_HZ)
    return pictures, (0.7 * sound / np.abs(sound).max()).astype(np.float32)


class Scenario:
    """A session on its devices, and the report on it."""

    def __init__(self, server: VirtualMicrophone, webcam: FaultyCamera, voice: FloatArray) -> None:
        self.server, self.webcam, self.voice = server, webcam, voice
        self.estimates: list[Estimate] = []
        self.steps: list[str] = []
        self.report: dict[str, object] = {"steps": self.steps}
        self.session = Session(SessionConfig(source=webcam.url, mic="default", device="cpu", fusion="ia"))
        self.session.subscribe(self.estimates.append)

    def code(self, source: str) -> str:
        return next((s.code for s in self.session.snapshot().statuses if s.source == source), "")

    def estimates_are(self, modality: str) -> bool:
        return bool(self.estimates) and self.estimates[-1].modality == modality

    def play(self) -> None:
        self.server.play(np.tile(self.voice, PLAYED_S * RATE_HZ // len(self.voice)), RATE_HZ)

    def complete_step(self, name: str, modality: str) -> None:
        eventually(
            lambda: self.estimates_are(modality),
            f"{name}: {modality}, {self.session.snapshot().statuses}",
            40,
        )
        self.steps.append(name)

    def run(self) -> None:
        self.play()
        self.session.start()
        self.complete_step("both", "av")
        self.switch_fusions()
        self.webcam.cut()
        eventually(lambda: self.code("camera") in ("lost", "stalled"), "a lost camera")
        self.complete_step("voice alone", "a")
        self.report["face"] = self.code("face")
        self.webcam.start()
        self.complete_step("both again", "av")
        self.server.kill()
        eventually(lambda: self.code("microphone") == "lost", "a lost microphone")
        self.complete_step("face alone", "v")
        self.report["voice"] = self.code("voice")
        self.server.start()
        self.play()
        self.complete_step("both restored", "av")

    def switch_fusions(self) -> None:
        before = self.session.snapshot().counters
        for fusion in ("lt", "it"):
            self.session.set_fusion(fusion)
            eventually(lambda f=fusion: self.estimates[-1].fusion == f, f"an answer of {fusion}")
        after = self.session.snapshot().counters
        self.report["dropped"] = after.frames_dropped - before.frames_dropped
        self.report["captured"] = after.frames_captured - before.frames_captured
        self.steps.append("switched")

    def finish(self) -> None:
        stamps = [e.stamps for e in self.estimates]
        self.report["ordered"] = all(s.capture_ns <= s.start_ns <= s.end_ns for s in stamps)
        self.report["forward"] = all(
            a.t_ns < b.t_ns for a, b in zip(self.estimates, self.estimates[1:], strict=False)
        )
        self.report["latency_ms"] = statistics.median((s.end_ns - s.capture_ns) / 1e6 for s in stamps)
        self.report["ended"] = self.session.stop(20)
        remaining = [t.name for t in threading.enumerate() if t.name.startswith("emolive-")]
        self.report["threads"] = remaining


def main(report_path: Path, clip: Path | None) -> None:
    server = VirtualMicrophone()
    os.environ.update(server.environment)
    server.start()
    try:
        pictures, sound = load_material(clip)
        # Forwards and backwards, so that the motion has no jump.
        frames = pictures + pictures[::-1]
        with FaultyCamera(lambda number: frames[number % len(frames)]) as webcam:
            scenario = Scenario(server, webcam, sound)
            try:
                scenario.run()
            finally:
                scenario.finish()
        report_path.write_text(json.dumps(scenario.report))
    finally:
        server.kill()
        # ALSA aborts a process whose configuration is removed, so the parent process removes the folder.
        sys.stdout.write(str(server.folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
