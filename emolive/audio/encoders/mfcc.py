"""Mel-frequency cepstral coefficients as librosa computes them by default."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from emolive.audio.encoders.mel import MelPower, decibels, mel_filters
from emolive.errors import ConfigError
from emolive.models.input_spec import AudioSpec
from emolive.types import FloatArray

FLOOR, TOP_DB = 1e-10, 80.0


class Mfcc:
    """`librosa.feature.mfcc`: centred frames, Slaney mel bands, dB with top_db 80, orthonormal DCT-II.

    The published models of Chumachenko et al. (2022) use it. The 80 dB count from the loudest band of the
    window, so every window is encoded as a whole.

    Args:
        spec: rate, n_fft, hop length, bands, coefficients and frequency range.
    """

    name = "mfcc"
    is_frame_local = False
    has_band_levels = False
    left_context = 0
    default_spec = AudioSpec(kind="mfcc")

    def __init__(self, spec: AudioSpec) -> None:
        self.rate_hz = spec.rate_hz
        self.hop_length = spec.hop_length
        self.channels = spec.n_mfcc
        # The format is that of saved speaker profiles.
        self.fingerprint = (
            f"mfcc {spec.rate_hz} Hz, {spec.n_fft}/{spec.hop_length}, "
            f"{spec.n_mfcc} channels of {spec.n_mels}, "
            f"{spec.fmin_hz:.0f}-{spec.fmax_hz:.0f} Hz, floor {spec.floor_db:.0f} dB"
        )
        self._padding = spec.n_fft // 2
        filters = mel_filters(
            spec.rate_hz, spec.n_fft, spec.n_mels, spec.fmin_hz, spec.fmax_hz, norm="slaney"
        )
        self._power = MelPower(filters, spec.hop_length)

    def n_frames(self, n_samples: int) -> int:
        """One at the start, and one more for each whole hop."""
        return 1 + n_samples // self.hop_length

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(n,) → (channels, n_frames(n))."""
        if not len(samples):
            raise ConfigError("Audio features need at least 1 sample, and there are 0.")
        levels = decibels(self._power(np.pad(samples, self._padding)), FLOOR)
        coefficients = dct(np.maximum(levels, levels.max() - TOP_DB), type=2, norm="ortho", axis=0)
        return np.ascontiguousarray(coefficients[: self.channels])
