"""What is known of the person in front of the camera: running statistics and a saved neutral."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emolive.baseline import Baseline, Moments, Population, baseline
from emolive.errors import EmoliveError
from emolive.evidence import Window
from emolive.models.spec import ModelSpec
from emolive.settings import user_dir

FORMAT = 1


def measure_of(spec: ModelSpec) -> dict[str, str]:
    """What measured face and voice, as text. Statistics taken with another measure are worthless."""
    face = f"{'+'.join(spec.encoders)} by {spec.tracker}, {spec.pooling} of {spec.bin_s * 1000:.0f} ms"
    voice = spec.audio
    return {
        "face": face,
        "voice": f"{voice.kind} {voice.rate_hz} Hz, {voice.n_fft}/{voice.hop}, {voice.channels} channels "
        f"of {voice.n_mels}, {voice.fmin_hz:.0f}-{voice.fmax_hz:.0f} Hz, floor {voice.floor_db:.0f} dB",
    }


@dataclass(slots=True)
class Evidence:
    """Moments of one person's face and voice."""

    face: Moments
    voice: Moments

    @classmethod
    def none(cls, spec: ModelSpec) -> Evidence:
        return cls(Moments.zero(spec.face_width), Moments.zero(spec.audio.channels))

    def add(self, window: Window, spec: ModelSpec, face: Population, voice: Population) -> None:
        """Add what a window's newest bin brought: its face if there is one, and its speech."""
        if window.bins_present[-1]:
            self.face = self.face + Moments.of(face.tamed(window.bins[-1:]))
        newest = len(window.steps) // spec.frames
        spoken = window.steps[-newest:][window.speech[-newest:]]
        if len(spoken):
            self.voice = self.voice + Moments.of(voice.tamed(spoken))


@dataclass(slots=True)
class Person:
    """One person's statistics for one measure. Owned by the thread that infers."""

    spec: ModelSpec
    name: str = "guest"
    running: Evidence = field(init=False)
    neutral: Evidence = field(init=False)

    def __post_init__(self) -> None:
        self.forget()
        self.neutral = Evidence.none(self.spec)

    def forget(self) -> None:
        """Begin the running statistics anew: somebody else may have sat down."""
        self.running = Evidence.none(self.spec)

    def baselines(self, mode: str, face: Population, voice: Population) -> tuple[Baseline, Baseline]:
        """The baselines of face and voice in `mode`, each only as good as its evidence."""
        evidence = self.neutral if mode == "neutral" else self.running
        return baseline(mode, face, evidence.face), baseline(mode, voice, evidence.voice)

    def save(self) -> Path:
        """Keep the neutral baseline under the person's name; written whole or not at all."""
        path = _path(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = {
            stream: {
                "measure": measure_of(self.spec)[stream],
                "count": moments.count,
                "total": moments.total.tolist(),
                "squares": moments.squares.tolist(),
            }
            for stream, moments in (("face", self.neutral.face), ("voice", self.neutral.voice))
        }
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"format": FORMAT, **stored}))
        temporary.replace(path)
        return path

    def load(self) -> bool:
        """Take up the saved neutral baseline; False if this name has none.

        EmoliveError if it was measured otherwise than this model measures, or cannot be read.
        """
        path = _path(self.name)
        if not path.is_file():
            return False
        try:
            stored: dict[str, Any] = json.loads(path.read_text())
            loaded = Evidence(_moments(stored["face"]), _moments(stored["voice"]))
            measured = {stream: str(stored[stream]["measure"]) for stream in ("face", "voice")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmoliveError(
                f"The saved baseline of {self.name} cannot be read: calibrate again."
            ) from error
        for stream, wanted in measure_of(self.spec).items():
            if measured[stream] != wanted:
                raise EmoliveError(
                    f"The saved baseline of {self.name} was measured with {measured[stream]}, "
                    f"this model measures with {wanted}: calibrate again."
                )
        self.neutral = loaded
        return True


def _moments(stored: dict[str, Any]) -> Moments:
    return Moments(
        float(stored["count"]), np.asarray(stored["total"], float), np.asarray(stored["squares"], float)
    )


def _path(name: str) -> Path:
    safe = re.sub(r"[^\w.-]+", "_", name.strip()).strip("._") or "guest"
    return user_dir() / "people" / f"{safe}.json"
