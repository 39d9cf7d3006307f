"""Sound as other rooms, microphones and lines would have recorded it, for training clips from a studio.

Data augmentation as for speech recognition (Ko et al., "A study on data augmentation of reverberant speech
for robust speech recognition", ICASSP 2017). A condition holds for all clips of a person, as for a session:
what is learned of the person under it belongs to it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from emolive.audio.levels import active_power
from emolive.time_series import Waveform
from emolive.types import FloatArray

VERSION = 2
"""Rises with every change of what a condition does; part of the name of cached windows."""
FULL_SCALE = 1.0
_MU = 255.0
"""Of ITU-T G.711."""


@dataclass(frozen=True, slots=True)
class RecordingCondition:
    """Where and with what a person is recorded."""

    rt60_s: float
    """Reverberation time; 0: no room."""
    direct_db: float
    """Energy of the direct sound relative to that of the room."""
    snr_db: float
    """Active speech over noise; infinite: none."""
    noise_slope: float
    """Power of the noise falls with frequency to this power: 0 white, 1 pink, 2 brown."""
    hum_hz: float
    """Mains hum in place of noise; 0: none."""
    band_hz: tuple[float, float] | None
    """What the line transmits."""
    is_companded: bool
    """8 bits of mu-law, as a telephone has."""
    peak_db: float
    """Highest sample after the gain, relative to full scale, where it is clipped."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> RecordingCondition:
        """A random one; each part is there in some of them."""
        has_room, has_noise, has_hum, has_line, is_companded, clips = rng.random(6) < (
            0.5,
            0.75,
            0.1,
            0.35,
            0.2,
            0.15,
        )
        return cls(
            rt60_s=float(rng.uniform(0.15, 0.8)) if has_room else 0.0,
            direct_db=float(rng.uniform(-3, 12)),
            snr_db=float(rng.uniform(5, 30)) if has_noise or has_hum else np.inf,
            noise_slope=float(rng.uniform(0, 2)),
            hum_hz=float(rng.choice([50.0, 60.0])) if has_hum else 0.0,
            band_hz=(float(rng.uniform(60, 350)), float(rng.uniform(3200, 7500))) if has_line else None,
            is_companded=bool(is_companded),
            peak_db=float(rng.uniform(0, 9)) if clips else float(rng.uniform(-24, -1)),
        )

    def apply(self, sound: FloatArray, rate_hz: int, rng: np.random.Generator) -> FloatArray:
        """(n,) samples → (n,), without delay."""
        if not len(sound) or not sound.any():
            return sound
        result = sound.astype(np.float64)
        if self.rt60_s:
            result = fftconvolve(result, self._room(rate_hz, rng))[: len(sound)]
        if np.isfinite(self.snr_db):
            noise = self._noise(len(sound), rate_hz, rng)
            result = result + noise * np.sqrt(active_power(result, rate_hz) * 10 ** (-self.snr_db / 10))
        if self.band_hz is not None:
            high = min(self.band_hz[1], 0.45 * rate_hz)
            band = butter(4, (self.band_hz[0], high), "bandpass", fs=rate_hz, output="sos")
            result = sosfilt(band, result)
        result = result * 10 ** (self.peak_db / 20) / max(float(np.abs(result).max()), 1e-9)
        result = np.clip(result, -FULL_SCALE, FULL_SCALE)
        if self.is_companded:
            result = _companded(result)
        return result.astype(np.float32)

    def _room(self, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Impulse response: the direct sound, then noise that decays by 60 dB in `rt60_s` (Polack 1988)."""
        n = max(2, round(self.rt60_s * rate_hz))
        tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
        tail[0] = 0.0
        response = tail * 10 ** (-self.direct_db / 20) / np.sqrt(np.sum(tail**2))
        response[0] = 1.0
        return np.asarray(response)

    def _noise(self, n: int, rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n,) with a mean square of 1."""
        if self.hum_hz:
            times = np.arange(n) / rate_hz
            harmonics = range(1, 12)
            phases = rng.uniform(0, 2 * np.pi, len(harmonics))
            noise = sum(
                np.sin(2 * np.pi * k * self.hum_hz * times + phase) / k
                for k, phase in zip(harmonics, phases, strict=True)
            )
        else:
            spectrum = np.fft.rfft(rng.standard_normal(n))
            frequency = np.maximum(np.fft.rfftfreq(n, 1 / rate_hz), 30.0)
            noise = np.fft.irfft(spectrum * frequency ** (-self.noise_slope / 2), n)
        return np.asarray(noise / np.sqrt(np.mean(np.square(noise)) + 1e-20), np.float64)


def recorded(waveform: Waveform, person: str, clip: str, variant: int) -> Waveform:
    """A clip's sound under the condition of its person.

    Args:
        waveform: as it was recorded.
        person: of one person all clips have the same condition.
        clip: decides the noise.
        variant: a number from 1 on; each is another condition.
    """
    samples = condition_of(person, variant).apply(waveform.samples, waveform.rate_hz, _rng(clip, variant))
    return Waveform(samples, waveform.rate_hz)


@lru_cache(maxsize=1024)
def condition_of(person: str, variant: int) -> RecordingCondition:
    """That of a person; a function of the names alone."""
    return RecordingCondition.draw(_rng(person, variant))


def _rng(name: str, variant: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), variant])


def _companded(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantized to 8 bits on a logarithmic scale and back."""
    scaled = np.sign(samples) * np.log1p(_MU * np.abs(samples)) / np.log1p(_MU)
    steps = np.round(scaled * 127) / 127
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(_MU)) / _MU)
