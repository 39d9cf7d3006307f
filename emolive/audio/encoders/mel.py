"""Power in mel bands: what the spectral voice encoders share."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal.windows import hann
from scipy.sparse import csr_array

from emolive.errors import ConfigError
from emolive.types import FloatArray

# Slaney's Auditory Toolbox (1998), as in librosa: linear below 1 kHz, logarithmic above.
_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def mel_frequencies(n: int, fmin_hz: float, fmax_hz: float) -> NDArray[np.float64]:
    """(n,) frequencies in Hz at equal distances on Slaney's mel scale."""
    low, high = (_hz_to_mel(hz) for hz in (fmin_hz, fmax_hz))
    mels = np.linspace(low, high, n)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, _HZ_PER_MEL * mels, above)


def _hz_to_mel(hz: float) -> float:
    return hz / _HZ_PER_MEL if hz < _BREAK_HZ else _BREAK_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def mel_filters(
    rate_hz: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float, *, norm: Literal["slaney"] | None
) -> FloatArray:
    """Triangular filters, each from its lower to its upper neighbour's centre.

    Args:
        rate_hz: sample rate.
        n_fft: length of the Fourier transform.
        n_mels: number of filters.
        fmin_hz: where the first filter begins.
        fmax_hz: where the last one ends.
        norm: "slaney" gives each filter the same area, None the same peak, 1.

    Returns:
        (n_mels, n_fft // 2 + 1) float32.
    """
    bins = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    edges = mel_frequencies(n_mels + 2, fmin_hz, fmax_hz)
    slopes = np.diff(edges)[:, None]
    rising = (bins - edges[:-2, None]) / slopes[:-1]
    falling = (edges[2:, None] - bins) / slopes[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        filters *= 2 / (edges[2:] - edges[:-2])[:, None]
    return filters.astype(np.float32)


class MelPower:
    """Power spectrum of Hann-windowed frames, summed into mel bands.

    A frame's value does not depend on how many frames are computed with it, bit for bit. A product with a
    dense matrix would not have that property.

    Args:
        filters: (bands, n_fft // 2 + 1).
        hop_length: samples from one frame to the next.
    """

    def __init__(self, filters: FloatArray, hop_length: int) -> None:
        self._filters = csr_array(filters)
        self._hop_length = hop_length
        self._n_fft = 2 * (filters.shape[1] - 1)
        self._window: FloatArray = hann(self._n_fft, sym=False).astype(np.float32)

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(n,) → (bands, frames); nothing is padded.

        Raises:
            ConfigError: there are fewer samples than one frame has.
        """
        if len(samples) < self._n_fft:
            raise ConfigError(
                f"Audio features need at least {self._n_fft} samples, and there are {len(samples)}."
            )
        n_frames = 1 + (len(samples) - self._n_fft) // self._hop_length
        step = samples.strides[0]
        frames = as_strided(
            samples, (n_frames, self._n_fft), (self._hop_length * step, step), writeable=False
        )
        spectrum = rfft(frames * self._window)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands: FloatArray = self._filters @ power.T
        return bands


def decibels(power: FloatArray, floor: float) -> FloatArray:
    """10 log10 of a power, which counts as at least `floor`."""
    return np.asarray(10 * np.log10(np.maximum(power, np.float32(floor))), np.float32)
