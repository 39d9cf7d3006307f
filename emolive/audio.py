"""Sound to features: one definition for the live app, for files and for training."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emolive._torchaudio import torchaudio
from emolive.errors import EmoliveError
from emolive.models.spec import AudioSpec

Samples = Tensor | NDArray[np.floating[Any]]

ZERO_CROSSINGS = 16


class _Mfcc(nn.Module):
    """librosa's default MFCC: Slaney mels, power to dB with top_db 80, orthonormal DCT-II."""

    def __init__(self, spec: AudioSpec) -> None:
        super().__init__()
        self.mfcc = torchaudio.transforms.MFCC(
            spec.rate_hz,
            n_mfcc=spec.n_mfcc,
            melkwargs={
                "n_fft": spec.n_fft,
                "hop_length": spec.hop,
                "n_mels": spec.n_mels,
                "f_min": spec.fmin_hz,
                "f_max": spec.fmax_hz,
                "pad_mode": "constant",
                "norm": "slaney",
                "mel_scale": "slaney",
            },
        )

    def forward(self, samples: Tensor) -> Tensor:
        # top_db is taken over the channels of a three-dimensional input together; a channel axis of
        # its own keeps one window of a batch from touching another.
        features: Tensor = self.mfcc(samples.unsqueeze(-2)).squeeze(-3)
        return features


class _LogMel(nn.Module):
    """Decibels of mel bands, each step from its own samples alone."""

    def __init__(self, spec: AudioSpec) -> None:
        super().__init__()
        self.floor = 10 ** (spec.floor_db / 10)
        self.spectrum = torchaudio.transforms.Spectrogram(
            n_fft=spec.n_fft, hop_length=spec.hop, power=2.0, center=False
        )
        self.mel = torchaudio.transforms.MelScale(
            n_mels=spec.n_mels,
            sample_rate=spec.rate_hz,
            f_min=spec.fmin_hz,
            f_max=spec.fmax_hz,
            n_stft=spec.n_fft // 2 + 1,
            mel_scale="slaney",
        )
        # Parseval: a sine of amplitude 1 then has power 1, summed over the bins it leaks into.
        window = self.spectrum.window
        self.gain = 4 / (spec.n_fft * float((window**2).sum()))

    def forward(self, samples: Tensor) -> Tensor:
        power: Tensor = self.mel(self.spectrum(samples) * self.gain)
        return 10 * power.clamp_min(self.floor).log10()


@lru_cache(maxsize=16)
def _transform(spec: AudioSpec, device: str) -> nn.Module:
    transform = _Mfcc(spec) if spec.kind == "mfcc" else _LogMel(spec)
    return transform.eval().to(device)


def _tensor(samples: Samples) -> Tensor:
    """As float32; arrays are copied, so that a view of a ring may go on changing."""
    if isinstance(samples, Tensor):
        return samples.float()
    return torch.from_numpy(np.array(samples, np.float32))


def features(samples: Samples, spec: AudioSpec) -> Tensor:
    """Features of a window of sound, in dB.

    Args:
        samples: (..., spec.lead + n) in -1..1 at spec.rate_hz, tensor or array.
        spec: which features.

    Returns:
        (..., spec.channels, spec.steps(n)) float32, without gradient.

    Raises:
        EmoliveError: there are too few samples for a single step.
    """
    signal = _tensor(samples)
    wanted = spec.n_fft if spec.kind == "logmel" else 1
    n = signal.shape[-1] if signal.ndim else 0
    if n < wanted:
        raise EmoliveError(f"Audio features need at least {wanted} samples, and there are {n}.")
    with torch.no_grad():
        result: Tensor = _transform(spec, str(signal.device))(signal)
    return result


@lru_cache(maxsize=16)
def _resampler(from_hz: int, to_hz: int, device: str) -> nn.Module:
    # Of 6 to 64 zero crossings, 16 come nearest to the polyphase filters that data sets are commonly
    # resampled with: half the difference in MFCC of the default 6, at the same cost.
    kernel = torchaudio.transforms.Resample(from_hz, to_hz, lowpass_filter_width=ZERO_CROSSINGS)
    module: nn.Module = kernel.to(device)
    return module


def resample(samples: Samples, from_hz: int, to_hz: int) -> Tensor:
    """Band-limited change of the sample rate (windowed sinc, polyphase).

    Args:
        samples: (..., n), tensor or array.
        from_hz: its rate.
        to_hz: the rate wanted; the same rate gives the same samples.

    Returns:
        (..., ceil(n * to_hz / from_hz)) float32; sample 0 stays at the same instant. Beyond its ends the
        signal counts as silence, which shows in the outermost 16 samples of the lower rate.

    Raises:
        EmoliveError: a rate is not a whole number above 0.
    """
    if any(int(rate) != rate or rate <= 0 for rate in (from_hz, to_hz)):
        raise EmoliveError(f"A sample rate must be a whole number of Hz above 0, not {from_hz} or {to_hz}.")
    signal = _tensor(samples)
    if from_hz == to_hz or not signal.numel():
        return signal
    with torch.no_grad():
        result: Tensor = _resampler(int(from_hz), int(to_hz), str(signal.device))(signal)
    return result
