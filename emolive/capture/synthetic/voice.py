"""A speech-like voice without words, made by source and filter (Fant 1960; Klatt 1980).

Glottal pulses and noise go through formant filters that move through vowels and consonants.
Pitch, its range, rate, loudness, spectral tilt and breath follow the emotion in the directions
that Banse & Scherer (1996) and Juslin & Laukka (2003) report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np

from emolive.capture.synthetic.articulation import PhraseGenerator, VocalTractState
from emolive.capture.synthetic.emotion_timeline import EMOTIONS, mix_at
from emolive.capture.synthetic.filters import Doubles, sosfilt
from emolive.types import FloatArray

RATE_HZ = 48_000
STEP = 240
"""Samples between two settings of the filters: 5 ms."""
BLOCK = 960
"""Samples of one block: 20 ms."""

_FORMANT_4_5 = ((3500.0, 250.0), (4500.0, 350.0))
_SMOOTH = np.exp(-STEP / RATE_HZ / 0.018)
_OPEN_QUOTIENT = 0.62
_LIPS = 0.93
_ROOM_NOISE = 10 ** (-72 / 20)


@dataclass(frozen=True, slots=True)
class Prosody:
    """How an emotion sounds."""

    pitch_hz: float
    range_st: float
    """Half the span of the melody in semitones."""
    rate_hz: float
    """Syllables a second."""
    level_db: float
    """Loudness relative to neutral."""
    cutoff_hz: float
    """Above it the glottal source falls faster: low is soft, high is pressed."""
    breath: float
    jitter: float
    """Random change of pitch, as a share of it."""
    pause_s: float
    """Between phrases."""
    final_st: float
    """Where the melody of a phrase ends, in semitones from its mean."""
    formants: float
    """Scale of the formants: smiling shortens the vocal tract."""


PROSODY: dict[str, Prosody] = {
    "neutral": Prosody(150, 2.5, 4.0, 0.0, 3200, 0.05, 0.008, 0.40, -3.0, 1.00),
    "calm": Prosody(138, 1.6, 3.1, -4.0, 1800, 0.10, 0.006, 0.55, -2.5, 0.99),
    "happy": Prosody(208, 5.5, 4.8, 4.0, 5500, 0.05, 0.010, 0.25, 2.0, 1.06),
    "sad": Prosody(128, 1.3, 2.5, -7.0, 1200, 0.16, 0.012, 0.60, -3.5, 0.97),
    "angry": Prosody(220, 5.0, 5.0, 8.0, 12000, 0.02, 0.018, 0.20, -4.0, 1.02),
    "fearful": Prosody(255, 2.6, 5.6, 3.5, 5500, 0.16, 0.035, 0.22, 1.5, 1.03),
    "disgust": Prosody(140, 3.6, 2.9, -1.0, 3400, 0.10, 0.016, 0.40, -5.0, 0.96),
    "surprised": Prosody(265, 7.0, 4.4, 5.5, 7000, 0.08, 0.010, 0.35, 7.0, 1.04),
}
_TABLE = np.array([astuple(PROSODY[emotion]) for emotion in EMOTIONS], dtype=np.float64)


def prosody(weights: Doubles) -> Prosody:
    """Between emotions; `weights` (8,) in the order of `EMOTIONS`. Pitch is mixed as its logarithm."""
    values = [float(value) for value in weights @ _TABLE]
    values[0] = float(np.exp(weights @ np.log(_TABLE[:, 0])))
    return Prosody(*values)


@dataclass(frozen=True, slots=True)
class VoiceBlock:
    """20 ms of voice, with the mouth's articulation."""

    samples: FloatArray
    """(960,) float32 in -1..1."""
    opening: float
    """0..1 from the envelope of these samples."""
    pucker: float
    """0..1: lips rounded for the vowel."""


class Voice:
    """An endless voice; block after block, the same for the same seed.

    It works in blocks of one size inside, so `read` gives the same samples however they are asked for.
    """

    def __init__(self, seed: int = 0, mix: Callable[[float], Doubles] = mix_at) -> None:
        self._mix = mix
        self._rng = np.random.default_rng([seed, 10])
        self._plan = PhraseGenerator(seed)
        self._step = 0
        self._phase = 0.0
        self._pitch = np.log(150.0)
        self._pulses = np.zeros(0)
        self._shimmer = np.random.default_rng([seed, 11]).normal(0.0, 1.0, 1024)
        self._now = VocalTractState.silent()
        self._gain = self._breath_gain = self._noise_gain = 0.0
        self._formant_state = np.zeros((5, 2))
        self._noise_state = np.zeros((1, 2))
        self._tilt_state = np.zeros((1, 2))
        self._envelope = 0.0
        self._wobble = 0.0
        self._last = 0.0
        self._left: FloatArray = np.zeros(0, np.float32)

    def read(self, n: int) -> FloatArray:
        """The next `n` samples, (n,) float32 at 48,000 Hz."""
        parts, have = [self._left], len(self._left)
        while have < n:
            parts.append(self.next_block().samples)
            have += BLOCK
        joined = np.concatenate(parts)
        self._left = joined[n:]
        return joined[:n]

    def next_block(self) -> VoiceBlock:
        """The next 20 ms."""
        samples = np.concatenate([self._next_step() for _ in range(BLOCK // STEP)])
        samples = np.tanh(samples) + _ROOM_NOISE * self._rng.normal(size=BLOCK)
        level_db = 10 * np.log10(float(np.mean(samples**2)) + 1e-12)
        aim = float(np.clip((level_db + 55.0) / 28.0, 0.0, 1.0))
        self._envelope += (aim - self._envelope) * (0.55 if aim > self._envelope else 0.35)
        return VoiceBlock(samples.astype(np.float32), self._envelope * self._now.mouth, self._now.pucker)

    def _next_step(self) -> Doubles:
        """(240,) samples before the limiter."""
        t_s = self._step * STEP / RATE_HZ
        self._step += 1
        style = prosody(self._mix(t_s))
        target, melody = self._plan.at(t_s, style.rate_hz, style.pause_s)
        now = self._now = self._now.towards(target, 1.0 - float(_SMOOTH))
        noise = self._rng.normal(size=STEP)
        level = 10 ** (style.level_db / 20)

        flow = self._glottis(style, melody, noise, now.voicing, level)
        tract = _resonators([(f * style.formants, b) for f, b in (*now.formants, *_FORMANT_4_5)])
        voiced, self._formant_state = sosfilt(tract, flow, self._formant_state)
        hissing = _band(now.noise_hz, now.noise_hz * 0.45)
        hiss, self._noise_state = sosfilt(hissing, noise, self._noise_state)
        before, self._noise_gain = self._noise_gain, 0.036 * now.noise * level**0.7
        result: Doubles = voiced + hiss * np.linspace(before, self._noise_gain, STEP, endpoint=False)
        return result

    def _glottis(
        self, style: Prosody, melody: float | None, noise: Doubles, voicing: float, level: float
    ) -> Doubles:
        """(240,) derivative of the glottal flow (Rosenberg 1971), with breath."""
        shape = style.final_st if melody is None else melody * style.range_st
        self._wobble = 0.8 * self._wobble + 0.6 * float(self._rng.normal())
        aim = np.log(style.pitch_hz) + shape * np.log(2) / 12 + style.jitter * self._wobble
        start, self._pitch = self._pitch, self._pitch + 0.14 * (aim - self._pitch)
        steps = np.exp(np.linspace(start, self._pitch, STEP, endpoint=False)) / RATE_HZ
        phase = self._phase + np.cumsum(steps)
        self._phase = float(phase[-1]) % 1024.0
        cycle = np.floor(phase)
        x = (phase - cycle) / _OPEN_QUOTIENT
        pulse = np.where(x < 1.0, 2.0 * x - 3.0 * x * x, 0.0)
        pulse *= 1.0 + 3.0 * style.jitter * self._shimmer[cycle.astype(int) % 1024]

        before, self._gain = self._gain, 1.2 * voicing * level
        pulse = pulse * np.linspace(before, self._gain, STEP, endpoint=False)
        before, self._breath_gain = self._breath_gain, 0.28 * style.breath * max(voicing, 0.0) * level**0.7
        breath = (
            noise * (0.4 + 0.6 * (x < 1.0)) * np.linspace(before, self._breath_gain, STEP, endpoint=False)
        )
        pole = float(np.exp(-2 * np.pi * style.cutoff_hz / RATE_HZ))
        tilt = np.array([[1.0 - pole, 0.0, 0.0, 1.0, -pole, 0.0]])
        soft, self._tilt_state = sosfilt(tilt, pulse, self._tilt_state)
        # Lips radiate high sound better than low (a weak first difference on top of the derivative).
        source = soft + breath
        result: Doubles = source - _LIPS * np.concatenate([[self._last], source[:-1]])
        self._last = float(source[-1])
        return result


def _resonators(formants: list[tuple[float, float]]) -> Doubles:
    """(n, 6) second-order sections with unit gain at 0 Hz (Klatt 1980), of (centre, bandwidth) in Hz."""
    f, b = np.array(formants).T
    c = -np.exp(-2 * np.pi * b / RATE_HZ)
    d = 2 * np.exp(-np.pi * b / RATE_HZ) * np.cos(2 * np.pi * f / RATE_HZ)
    zero, one = np.zeros_like(f), np.ones_like(f)
    return np.stack([1 - d - c, zero, zero, one, -d, -c], axis=1)


def _band(centre_hz: float, width_hz: float) -> Doubles:
    """(1, 6) band-pass section with unit gain at its centre."""
    r = np.exp(-np.pi * width_hz / RATE_HZ)
    gain = 1 - r
    return np.array([[gain, 0.0, -gain, 1.0, -2 * r * np.cos(2 * np.pi * centre_hz / RATE_HZ), r * r]])
