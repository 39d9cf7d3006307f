"""What is known of the person in front of the camera: running statistics and a saved neutral."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from emolive.baseline import Baseline, Moments, Population, baseline
from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.evidence import Window
from emolive.files import whole
from emolive.models.spec import ModelSpec
from emolive.settings import user_dir

FORMAT = 1
AWAY_S = 8.0
"""A face that was gone for so long may be another person's when it comes back."""
_LONGEST_NAME = 40


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
    _face_seen_ns: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.forget()
        self.neutral = Evidence.none(self.spec)

    def forget(self) -> None:
        """Begin the running statistics anew: somebody else may have sat down."""
        self.running = Evidence.none(self.spec)
        self._face_seen_ns = None

    def learn(self, window: Window, face: Population, voice: Population) -> None:
        """Let the running statistics grow by a window's newest bin; windows come in order.

        They begin anew with a face that was away for AWAY_S.
        """
        if window.bins_present[-1]:
            if self._face_seen_ns is not None and window.end_ns - self._face_seen_ns > to_ns(AWAY_S):
                self.forget()
            self._face_seen_ns = window.end_ns
        self.running.add(window, self.spec, face, voice)

    def baselines(self, mode: str, face: Population, voice: Population) -> tuple[Baseline, Baseline]:
        """The baselines of face and voice in `mode`, each only as good as its evidence."""
        evidence = self.neutral if mode == "neutral" else self.running
        return baseline(mode, face, evidence.face), baseline(mode, voice, evidence.voice)

    def save(self) -> Path:
        """Keep the neutral baseline under the person's name. EmoliveError if it cannot be written."""
        path = _path(self.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmoliveError(f"{path.parent} cannot be made: {error.strerror}.") from error
        stored = {
            stream: {
                "measure": measure_of(self.spec)[stream],
                "count": moments.count,
                "total": moments.total.tolist(),
                "squares": moments.squares.tolist(),
            }
            for stream, moments in (("face", self.neutral.face), ("voice", self.neutral.voice))
        }
        with whole(path) as part:
            part.write_text(json.dumps({"format": FORMAT, **stored}))
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
            if stored["format"] != FORMAT:
                raise ValueError(f"format {stored['format']}")
            measured = {stream: str(stored[stream]["measure"]) for stream in ("face", "voice")}
            for stream, wanted in measure_of(self.spec).items():
                if measured[stream] != wanted:
                    raise EmoliveError(
                        f"The saved baseline of {self.name} was measured with {measured[stream]}, "
                        f"this model measures with {wanted}: calibrate again."
                    )
            loaded = Evidence(
                _moments(stored["face"], self.spec.face_width),
                _moments(stored["voice"], self.spec.audio.channels),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmoliveError(
                f"The saved baseline of {self.name} cannot be read: calibrate again."
            ) from error
        self.neutral = loaded
        return True


def _moments(stored: dict[str, Any], width: int) -> Moments:
    count, total, squares = float(stored["count"]), np.array(stored["total"]), np.array(stored["squares"])
    values = np.stack([total, squares]).astype(np.float64)
    if values.shape != (2, width) or not np.isfinite(values).all() or not 0 <= count < np.inf:
        raise ValueError("these are no moments of this width")
    return Moments(count, values[0], values[1])


def _path(name: str) -> Path:
    """A file of their own for every name: readable, with a mark where it cannot be the name itself."""
    readable = re.sub(r"[^a-z0-9-]+", "_", name)[:_LONGEST_NAME]
    mark = "" if readable == name else "." + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return user_dir() / "people" / f"{readable}{mark}.json"
