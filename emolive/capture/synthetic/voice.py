"""A speech-like voice without words, made by source and filter (Fant 1960; Klatt 1980).

Glottal pulses and noise go through formant filters that move through vowels and consonants, and an
equalizer. Pitch, its range and contour, timing, loudness, spectrum and breath of the emotions are those
measured on recordings, see `facts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emolive.capture.synthetic import controls, facts
from emolive.capture.synthetic.articulation import SYLLABLES, Moment, PhraseGenerator, VocalTractState
from emolive.capture.synthetic.emotion_timeline import mix_at
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
_SOURCE_CUTOFF_HZ = 12000.0
"""Above it the glottal source falls faster."""
_ROOM_NOISE = 10 ** (-72 / 20)


_PAUSE_S = 1.3
"""Between phrases."""
_FLUENT_GAP = 0.11
"""Share of a phrase that is as good as silent where nothing interrupts it: the closures of stops."""
_NEUTRAL_LEVEL_DB = -43.0
"""Of neutral speech, dBFS: the loudest emotion needs 21 dB above it."""
_CENTRES_HZ = np.sqrt(facts.EDGES_HZ[:-1] * facts.EDGES_HZ[1:])
_OCTAVES = np.log2(facts.EDGES_HZ[1:] / facts.EDGES_HZ[:-1])
_QUARTERS = (np.arange(4) + 0.5) / 4


@dataclass(frozen=True, slots=True)
class Prosody:
    """How a mixture of emotions sounds."""

    pitch_hz: float
    contour_st: Doubles
    """(4,) in the quarters of a phrase."""
    accent_st: float
    """Standard deviation of the syllables' pitch round the contour."""
    level_db: float
    level_course_db: Doubles
    """(4,) in the quarters of a phrase."""
    rate_hz: float
    """Syllables a second."""
    break_s: float
    """Silence inside a phrase."""
    breath: float
    jitter: float
    """Random change of pitch, as a share of it."""
    equalizer_db: Doubles
    """(9,) gains of the bands of `facts.EDGES_HZ`."""


def prosody(weights: Doubles) -> Prosody:
    """Between emotions; `weights` (8,) in the order of `EMOTIONS`."""
    contour = weights @ facts.CONTOUR_ST
    spread = float(weights @ controls.RANGE_ST) ** 2 - float(np.ptp(contour)) ** 2
    phrase_s = float(weights @ facts.PHRASE_S)
    broken = max(float(weights @ facts.GAP) - _FLUENT_GAP, 0.0)
    roughness = 1.0 - float(weights @ facts.PERIODICITY)
    return Prosody(
        pitch_hz=facts.NEUTRAL_HZ * 2 ** (float(weights @ controls.PITCH_ST) / 12),
        contour_st=contour,
        # The 10th and the 90th percentile of a normal distribution lie 2.56 standard deviations apart.
        accent_st=max(spread, 1.0) ** 0.5 / 2.56,
        level_db=float(weights @ controls.LEVEL_DB),
        level_course_db=weights @ facts.LEVEL_COURSE_DB,
        rate_hz=SYLLABLES / (phrase_s * (1 - broken)),
        break_s=broken * phrase_s,
        breath=2.0 * roughness,
        jitter=0.008 + 0.08 * roughness,
        equalizer_db=weights @ controls.EQUALIZER_DB,
    )


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
        self._pitch = np.log(facts.NEUTRAL_HZ)
        self._pulses = np.zeros(0)
        self._shimmer = np.random.default_rng([seed, 11]).normal(0.0, 1.0, 1024)
        self._now = VocalTractState.silent()
        self._gain = self._breath_gain = self._noise_gain = 0.0
        self._formant_state = np.zeros((5, 2))
        self._noise_state = np.zeros((1, 2))
        self._tilt_state = np.zeros((1, 2))
        self._equalizer_state = np.zeros((len(_CENTRES_HZ), 2))
        self._spoken_db = 0.0
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
        aim = float(np.clip((level_db - self._spoken_db + 18.0) / 24.0, 0.0, 1.0))
        self._envelope += (aim - self._envelope) * (0.55 if aim > self._envelope else 0.35)
        return VoiceBlock(samples.astype(np.float32), self._envelope * self._now.mouth, self._now.pucker)

    def _next_step(self) -> Doubles:
        """(240,) samples before the limiter."""
        t_s = self._step * STEP / RATE_HZ
        self._step += 1
        mix = self._mix(t_s)
        style = prosody(mix)
        moment = self._plan.at(t_s, style.rate_hz, style.break_s, _PAUSE_S)
        now = self._now = self._now.towards(moment.target, 1.0 - float(_SMOOTH))
        noise = self._rng.normal(size=STEP)
        level_db = style.level_db + float(np.interp(moment.place, _QUARTERS, style.level_course_db))
        level = 10 ** (level_db / 20)
        self._spoken_db = _NEUTRAL_LEVEL_DB + float(mix @ facts.LEVEL_DB)

        flow = self._glottis(style, moment, noise, now.voicing, level)
        tract = _resonators([*now.formants, *_FORMANT_4_5])
        voiced, self._formant_state = sosfilt(tract, flow, self._formant_state)
        hissing = _band(now.noise_hz, now.noise_hz * 0.45)
        hiss, self._noise_state = sosfilt(hissing, noise, self._noise_state)
        before, self._noise_gain = self._noise_gain, 0.036 * now.noise * level**0.7
        speech = voiced + hiss * np.linspace(before, self._noise_gain, STEP, endpoint=False)
        bands = _equalizer(style.equalizer_db)
        result, self._equalizer_state = sosfilt(bands, speech, self._equalizer_state)
        return result

    def _glottis(
        self, style: Prosody, moment: Moment, noise: Doubles, voicing: float, level: float
    ) -> Doubles:
        """(240,) derivative of the glottal flow (Rosenberg 1971), with breath."""
        shape = float(np.interp(moment.place, _QUARTERS, style.contour_st)) + moment.accent * style.accent_st
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
        pole = float(np.exp(-2 * np.pi * _SOURCE_CUTOFF_HZ / RATE_HZ))
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


def _equalizer(gains_db: Doubles) -> Doubles:
    """(9, 6) peaking sections of the bands (Bristow-Johnson, Audio EQ Cookbook)."""
    gain = 10 ** (gains_db / 40)
    w = 2 * np.pi * _CENTRES_HZ / RATE_HZ
    alpha = np.sin(w) * np.sinh(np.log(2) / 2 * _OCTAVES * w / np.sin(w))
    middle = -2 * np.cos(w)
    rows = np.stack(
        [1 + alpha * gain, middle, 1 - alpha * gain, 1 + alpha / gain, middle, 1 - alpha / gain], axis=1
    )
    sections: Doubles = rows / rows[:, 3:4]
    return sections
