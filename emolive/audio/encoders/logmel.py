"""Log-mel spectrogram with a fixed floor."""

from __future__ import annotations

from scipy.signal.windows import hann

from emolive.audio.encoders.mel import MelPower, decibels, mel_filters
from emolive.models.input_spec import AudioSpec
from emolive.types import FloatArray


class LogMel:
    """Level of mel bands in dB, where a full-scale sine has 0 dB and less than `floor_db` counts as that.

    Frame i is computed from the n_fft samples that end at (i + 1) * hop_length, and from nothing else.

    Args:
        spec: rate, n_fft, hop length, bands, frequency range and floor.
    """

    name = "logmel"
    is_frame_local = True
    has_band_levels = True
    default_spec = AudioSpec(
        kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50.0, fmax_hz=8000.0
    )

    def __init__(self, spec: AudioSpec) -> None:
        self.rate_hz = spec.rate_hz
        self.hop_length = spec.hop_length
        self.channels = spec.n_mels
        self.left_context = spec.n_fft - spec.hop_length
        # The format is that of saved speaker profiles.
        self.fingerprint = (
            f"logmel {spec.rate_hz} Hz, {spec.n_fft}/{spec.hop_length}, "
            f"{spec.n_mels} channels of {spec.n_mels}, "
            f"{spec.fmin_hz:.0f}-{spec.fmax_hz:.0f} Hz, floor {spec.floor_db:.0f} dB"
        )
        self._floor = 10 ** (spec.floor_db / 10)
        # Parseval: a sine of amplitude 1 has power 1, summed over the bins into which it leaks.
        gain = 4 / (spec.n_fft * float((hann(spec.n_fft, sym=False) ** 2).sum()))
        filters = mel_filters(spec.rate_hz, spec.n_fft, spec.n_mels, spec.fmin_hz, spec.fmax_hz, norm=None)
        self._power = MelPower(gain * filters, spec.hop_length)

    def n_frames(self, n_samples: int) -> int:
        """One for each whole hop."""
        return n_samples // self.hop_length

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(left_context + n,) → (channels, n_frames(n)) in dB."""
        return decibels(self._power(samples), self._floor)
