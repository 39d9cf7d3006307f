"""Articulation targets of the demo's voice: meaningless syllables in phrases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Formants = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class VocalTractState:
    """Settings of source and filter at one moment."""

    voicing: float
    """Of the glottal pulses, 0..1."""
    noise: float
    """Of the hiss of consonants, 0..1."""
    noise_hz: float
    formants: Formants
    """(centre, bandwidth) in Hz of the first three."""
    mouth: float
    """How far this sound opens the mouth when loud, 0..1."""
    pucker: float

    @classmethod
    def silent(cls) -> VocalTractState:
        return cls(0.0, 0.0, 4000.0, _tract(500, 1500, 2500), 0.6, 0.0)

    def towards(self, aim: VocalTractState, share: float) -> VocalTractState:
        """A step of `share` (0..1) of the way."""

        def step(a: float, b: float) -> float:
            return a + (b - a) * share

        return VocalTractState(
            step(self.voicing, aim.voicing),
            step(self.noise, aim.noise),
            step(self.noise_hz, aim.noise_hz),
            tuple(
                (step(a[0], b[0]), step(a[1], b[1])) for a, b in zip(self.formants, aim.formants, strict=True)
            ),  # type: ignore[arg-type]
            step(self.mouth, aim.mouth),
            step(self.pucker, aim.pucker),
        )


def _tract(f1: float, f2: float, f3: float) -> Formants:
    return (f1, 70.0), (f2, 95.0), (f3, 150.0)


def _vowel(f1: float, f2: float, f3: float, mouth: float, pucker: float = 0.0) -> VocalTractState:
    return VocalTractState(1.0, 0.0, 4000.0, _tract(f1, f2, f3), mouth, pucker)


def _hiss(level: float, centre_hz: float, voicing: float = 0.0) -> VocalTractState:
    return VocalTractState(voicing, level, centre_hz, _tract(350, 1600, 2600), 0.35, 0.0)


# Formants near the averages of Peterson & Barney (1952).
VOWELS = (
    _vowel(760, 1250, 2600, 1.0),
    _vowel(540, 1850, 2600, 0.75),
    _vowel(320, 2250, 3000, 0.5),
    _vowel(540, 920, 2500, 0.8, 0.7),
    _vowel(350, 880, 2350, 0.45, 1.0),
    _vowel(520, 1480, 2500, 0.65),
)
_STOP_GAP = VocalTractState(0.0, 0.0, 4000.0, _tract(300, 1600, 2600), 0.2, 0.0)
# Each consonant is a row of (target, seconds).
CONSONANTS: tuple[tuple[tuple[VocalTractState, float], ...], ...] = (
    ((_hiss(0.9, 6800), 0.09),),
    ((_hiss(0.8, 3600), 0.09),),
    ((_hiss(0.35, 5200), 0.07),),
    ((_STOP_GAP, 0.055), (_hiss(1.0, 4200), 0.015)),
    ((_STOP_GAP, 0.055), (_hiss(1.0, 2000), 0.02)),
    ((_STOP_GAP, 0.06), (_hiss(0.5, 1000), 0.012)),
    ((VocalTractState(0.45, 0.0, 4000.0, _tract(260, 1100, 2300), 0.15, 0.0), 0.07),),
    ((VocalTractState(0.45, 0.0, 4000.0, _tract(260, 1600, 2600), 0.3, 0.0), 0.06),),
    ((VocalTractState(0.55, 0.0, 4000.0, _tract(360, 1100, 2700), 0.4, 0.0), 0.06),),
    ((VocalTractState(0.55, 0.0, 4000.0, _tract(330, 750, 2300), 0.3, 0.9), 0.06),),
    (),
)


SYLLABLES = 7
"""Of a phrase, as in the recordings that the timing comes from."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a phrase is."""

    target: VocalTractState
    place: float
    """In the phrase, 0..1."""
    accent: float
    """Of the syllable's pitch: mean 0, standard deviation 1."""


class PhraseGenerator:
    """Generates phrases of seven syllables from a seed; times must be requested in order."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 12])
        self._line: list[tuple[float, Moment]] = []
        self._end_s = 0.3
        self._pause = Moment(VocalTractState.silent(), 0.0, 0.0)
        self._syllable = 0

    def at(self, t_s: float, rate_hz: float, break_s: float, pause_s: float) -> Moment:
        """The phrase at `t_s`. A new syllable takes the timing that is passed then.

        Args:
            t_s: time.
            rate_hz: syllables a second.
            break_s: silence in the middle of a phrase.
            pause_s: silence between phrases.
        """
        while self._line and self._line[0][0] <= t_s:
            self._line.pop(0)
        if not self._line:
            if t_s < self._end_s:
                return self._pause
            self._add_syllable(t_s, rate_hz, break_s, pause_s)
        return self._line[0][1]

    def _add_syllable(self, t_s: float, rate_hz: float, break_s: float, pause_s: float) -> None:
        rng = self._rng
        consonant = CONSONANTS[int(rng.integers(len(CONSONANTS)))]
        vowel = VOWELS[int(rng.integers(len(VOWELS)))]
        duration, accent = float(rng.uniform(0.85, 1.15)), float(np.clip(rng.normal(), -1.6, 1.6))
        place = (self._syllable + 0.5) / SYLLABLES
        length_s = duration / rate_hz
        speed = min(4.0 / rate_hz, 1.3)
        for target, duration_s in consonant:
            t_s += duration_s * speed
            length_s -= duration_s * speed
            self._line.append((t_s, Moment(target, place, accent)))
        t_s += max(length_s, 0.05)
        self._line.append((t_s, Moment(vowel, place, accent)))
        self._end_s = t_s
        self._syllable += 1
        if self._syllable == SYLLABLES:
            self._syllable = 0
            self._end_s += pause_s * float(rng.uniform(0.8, 1.2))
        elif self._syllable == SYLLABLES // 2 + 1:
            self._end_s += break_s
