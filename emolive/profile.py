"""What is known of the person in front of the camera: running statistics and a saved neutral."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from emolive.atomic_io import atomic_write
from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.models.spec import ModelSpec
from emolive.normalization import GlobalStats, Normalizer, RunningStats, baseline
from emolive.paths import user_dir
from emolive.windowing import FeatureWindow

FORMAT = 1
ABSENCE_RESET_S = 8.0
"""A face that was gone for so long may be another person's when it comes back."""
_LONGEST_NAME = 40


def measure_of(spec: ModelSpec) -> dict[str, str]:
    """What measured face and voice, as text. Statistics taken with another measure are worthless."""
    face = f"{'+'.join(spec.encoders)} by {spec.landmarker}, {spec.pooling} of {spec.bin_s * 1000:.0f} ms"
    voice = spec.audio
    return {
        "face": face,
        "voice": f"{voice.kind} {voice.rate_hz} Hz, {voice.n_fft}/{voice.hop_length}, {voice.channels} channels "
        f"of {voice.n_mels}, {voice.fmin_hz:.0f}-{voice.fmax_hz:.0f} Hz, floor {voice.floor_db:.0f} dB",
    }


@dataclass(slots=True)
class SpeakerStats:
    """Moments of one person's face and voice."""

    video: RunningStats
    audio: RunningStats

    @classmethod
    def none(cls, spec: ModelSpec) -> SpeakerStats:
        return cls(RunningStats.zero(spec.video_dim), RunningStats.zero(spec.audio.channels))

    def add(self, window: FeatureWindow, spec: ModelSpec, face: GlobalStats, voice: GlobalStats) -> None:
        """Add what a window's newest bin brought: its face if there is one, and its speech."""
        if window.video_present[-1]:
            self.video = self.video + RunningStats.of(face.clip_outliers(window.video[-1:]))
        newest = len(window.audio) // spec.n_bins
        spoken = window.audio[-newest:][window.speech[-newest:]]
        if len(spoken):
            self.audio = self.audio + RunningStats.of(voice.clip_outliers(spoken))


@dataclass(slots=True)
class SpeakerProfile:
    """One person's statistics for one measure. Owned by the thread that infers."""

    spec: ModelSpec
    name: str = "guest"
    running: SpeakerStats = field(init=False)
    neutral: SpeakerStats = field(init=False)
    _face_seen_ns: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.forget()
        self.neutral = SpeakerStats.none(self.spec)

    def forget(self) -> None:
        """Begin the running statistics anew: somebody else may have sat down."""
        self.running = SpeakerStats.none(self.spec)
        self._face_seen_ns = None

    def learn(self, window: FeatureWindow, face: GlobalStats, voice: GlobalStats) -> None:
        """Let the running statistics grow by a window's newest bin; windows come in order.

        They begin anew with a face that was away for AWAY_S.
        """
        if window.video_present[-1]:
            if self._face_seen_ns is not None and window.end_ns - self._face_seen_ns > to_ns(ABSENCE_RESET_S):
                self.forget()
            self._face_seen_ns = window.end_ns
        self.running.add(window, self.spec, face, voice)

    def baselines(self, mode: str, face: GlobalStats, voice: GlobalStats) -> tuple[Normalizer, Normalizer]:
        """The baselines of face and voice in `mode`, each only as good as its evidence."""
        evidence = self.neutral if mode == "neutral" else self.running
        return baseline(mode, face, evidence.video), baseline(mode, voice, evidence.audio)

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
            for stream, moments in (("face", self.neutral.video), ("voice", self.neutral.audio))
        }
        with atomic_write(path) as part:
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
            loaded = SpeakerStats(
                _moments(stored["face"], self.spec.video_dim),
                _moments(stored["voice"], self.spec.audio.channels),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmoliveError(
                f"The saved baseline of {self.name} cannot be read: calibrate again."
            ) from error
        self.neutral = loaded
        return True


def _moments(stored: dict[str, Any], width: int) -> RunningStats:
    count, total, squares = float(stored["count"]), np.array(stored["total"]), np.array(stored["squares"])
    values = np.stack([total, squares]).astype(np.float64)
    if values.shape != (2, width) or not np.isfinite(values).all() or not 0 <= count < np.inf:
        raise ValueError("these are no moments of this width")
    return RunningStats(count, values[0], values[1])


def _path(name: str) -> Path:
    """A file of their own for every name: readable, with a mark where it cannot be the name itself."""
    readable = re.sub(r"[^a-z0-9-]+", "_", name)[:_LONGEST_NAME]
    mark = "" if readable == name else "." + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return user_dir() / "people" / f"{readable}{mark}.json"
