"""A process of its own that lives through what devices do: `test_real_devices` reads what it tells.

PortAudio reads its surroundings once, so the sound server has to be there before anything imports it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
from pathlib import Path

import numpy as np
from tests.helpers.webcam import VirtualCamera

from benchmarks.virtual_microphone import VirtualMicrophone
from emolive._compat.opencv import cv2
from emolive.audio.resample import resample
from emolive.capture.media_file import iter_media, read_audio
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.types import Estimate, FloatArray, Frame, Image
from tests.helpers.clips import demo_audio, demo_frames
from tests.helpers.listener import eventually

RATE_HZ = 48_000
PLAYED_S = 120


def material(clip: Path | None) -> tuple[list[Image], FloatArray]:
    """Pictures and sound (at RATE_HZ) of a real clip, or the drawn ones."""
    if clip is None:
        return demo_frames(4), demo_audio(4)
    frames = [item.image for item in iter_media(clip, audio=False) if isinstance(item, Frame)]
    pictures = [cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA) for image in frames]
    samples, rate_hz = read_audio(clip)
    sound = resample(samples, rate_hz, RATE_HZ)
    return pictures, (0.7 * sound / np.abs(sound).max()).astype(np.float32)


class Story:
    """The session on its devices, and what is told of it."""

    def __init__(self, server: VirtualMicrophone, webcam: VirtualCamera, voice: FloatArray) -> None:
        self.server, self.webcam, self.voice = server, webcam, voice
        self.estimates: list[Estimate] = []
        self.chapters: list[str] = []
        self.report: dict[str, object] = {"chapters": self.chapters}
        self.session = Session(SessionConfig(source=webcam.url, mic="default", device="cpu", fusion="ia"))
        self.session.subscribe(self.estimates.append)

    def code(self, source: str) -> str:
        return next((s.code for s in self.session.snapshot().statuses if s.source == source), "")

    def reads(self, modality: str) -> bool:
        return bool(self.estimates) and self.estimates[-1].modality == modality

    def play(self) -> None:
        self.server.play(np.tile(self.voice, PLAYED_S * RATE_HZ // len(self.voice)), RATE_HZ)

    def chapter(self, name: str, modality: str) -> None:
        eventually(
            lambda: self.reads(modality), f"{name}: {modality}, {self.session.snapshot().statuses}", 40
        )
        self.chapters.append(name)

    def live(self) -> None:
        self.play()
        self.session.start()
        self.chapter("both", "av")
        self.switch()
        self.webcam.cut()
        eventually(lambda: self.code("camera") in ("lost", "stalled"), "a lost camera")
        self.chapter("voice alone", "a")
        self.report["face"] = self.code("face")
        self.webcam.start()
        self.chapter("both again", "av")
        self.server.kill()
        eventually(lambda: self.code("microphone") == "lost", "a lost microphone")
        self.chapter("face alone", "v")
        self.report["voice"] = self.code("voice")
        self.server.start()
        self.play()
        self.chapter("both at last", "av")

    def switch(self) -> None:
        before = self.session.snapshot().counters
        for fusion in ("lt", "it"):
            self.session.set_fusion(fusion)
            eventually(lambda f=fusion: self.estimates[-1].fusion == f, f"an answer of {fusion}")
        after = self.session.snapshot().counters
        self.report["dropped"] = after.frames_dropped - before.frames_dropped
        self.report["captured"] = after.frames_captured - before.frames_captured
        self.chapters.append("switched")

    def end(self) -> None:
        stamps = [e.stamps for e in self.estimates]
        self.report["ordered"] = all(s.capture_ns <= s.start_ns <= s.end_ns for s in stamps)
        self.report["forward"] = all(
            a.t_ns < b.t_ns for a, b in zip(self.estimates, self.estimates[1:], strict=False)
        )
        self.report["latency_ms"] = statistics.median((s.end_ns - s.capture_ns) / 1e6 for s in stamps)
        self.report["ended"] = self.session.stop(20)
        left = [t.name for t in threading.enumerate() if t.name.startswith("emolive-")]
        self.report["threads"] = left


def main(report_path: Path, clip: Path | None) -> None:
    server = VirtualMicrophone()
    os.environ.update(server.environment)
    server.start()
    try:
        pictures, sound = material(clip)
        # There and back again, so that the picture never jumps.
        film = pictures + pictures[::-1]
        with VirtualCamera(lambda number: film[number % len(film)]) as webcam:
            story = Story(server, webcam, sound)
            try:
                story.live()
            finally:
                story.end()
        report_path.write_text(json.dumps(story.report))
    finally:
        server.kill()
        # ALSA aborts a process whose configuration is gone: it is the parent that removes the folder.
        sys.stdout.write(str(server._folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
