"""Sound to features: one definition for the live app, for files and for training."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from emolive._compat.torchaudio import torchaudio
from emolive.banded import COLUMNS, Banded
from emolive.errors import EmoliveError
from emolive.models.spec import AudioSpec

Samples = Tensor | NDArray[np.floating[Any]]

ZERO_CROSSINGS = 16


class _Power:
    """Power in mel bands times `gain`, of steps that lie `spec.hop` apart."""

    def __init__(
        self,
        spec: AudioSpec,
        device: torch.device,
        norm: str | None = None,
        gain: float = 1.0,
        together: int = COLUMNS,
    ) -> None:
        self.n_fft, self.hop = spec.n_fft, spec.hop_length
        self.window = torch.hann_window(spec.n_fft, device=device)
        bands = torchaudio.functional.melscale_fbanks(
            spec.n_fft // 2 + 1,
            spec.fmin_hz,
            spec.fmax_hz,
            spec.n_mels,
            spec.rate_hz,
            norm=norm,
            mel_scale="slaney",
        )
        # Each row twice: a spectrum's real and imaginary parts, squared, are summed with the bands.
        self.bands = Banded((gain * bands).repeat_interleave(2, dim=0).to(device), together)

    def __call__(self, signal: Tensor) -> Tensor:
        """(..., n) → (..., steps, bands); nothing is padded."""
        frames: Tensor = signal.unfold(-1, self.n_fft, self.hop) * self.window
        parts = torch.view_as_real(torch.fft.rfft(frames)).square_()
        power = self.bands(parts.view(-1, self.n_fft + 2))
        return power.view(*frames.shape[:-1], -1)


class _Mfcc:
    """librosa's default MFCC: Slaney mels, power to dB with top_db 80, orthonormal DCT-II."""

    FLOOR, TOP_DB = 1e-10, 80.0

    def __init__(self, spec: AudioSpec, device: torch.device) -> None:
        self.margin = spec.n_fft // 2
        # All steps of a window at once: there more calls with fewer rows each are the cheaper way.
        self.power = _Power(spec, device, norm="slaney", together=COLUMNS // 4)
        self.dct = torchaudio.functional.create_dct(spec.n_mfcc, spec.n_mels, "ortho").to(device)

    def __call__(self, samples: Tensor) -> Tensor:
        power = self.power(F.pad(samples, (self.margin, self.margin)))
        decibels = power.clamp_min_(self.FLOOR).log10_().mul_(10)
        quietest = decibels.amax(dim=(-2, -1), keepdim=True) - self.TOP_DB
        features: Tensor = torch.maximum(decibels, quietest) @ self.dct
        return features.mT


class _LogMel:
    """Decibels of mel bands, each step from its own samples alone."""

    def __init__(self, spec: AudioSpec, device: torch.device) -> None:
        self.floor = 10 ** (spec.floor_db / 10)
        # Parseval: a sine of amplitude 1 then has power 1, summed over the bins it leaks into.
        gain = 4 / (spec.n_fft * float((torch.hann_window(spec.n_fft) ** 2).sum()))
        self.power = _Power(spec, device, gain=gain)

    def __call__(self, samples: Tensor) -> Tensor:
        return self.power(samples).clamp_min_(self.floor).log10_().mul_(10).mT


@lru_cache(maxsize=16)
def _transform(spec: AudioSpec, device: torch.device) -> Callable[[Tensor], Tensor]:
    return (_Mfcc if spec.kind == "mfcc" else _LogMel)(spec, device)


def _tensor(samples: Samples) -> Tensor:
    """As float32 and without gradient; no copy where none is needed."""
    if isinstance(samples, Tensor):
        return samples.detach().float()
    array = np.ascontiguousarray(samples, np.float32)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


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
    return _transform(spec, signal.device)(signal)


class _Resampler:
    """torchaudio's kernels by way of products: after a whole number of periods the same ones come again."""

    PERIOD = 256
    """Of at least so many samples, or a product would be all overlap."""

    def __init__(self, from_hz: int, to_hz: int, device: torch.device) -> None:
        # Of 6 to 64 zero crossings, 16 come nearest to the polyphase filters that data sets are commonly
        # resampled with: half the difference in MFCC of the default 6, at the same cost.
        made = torchaudio.transforms.Resample(from_hz, to_hz, lowpass_filter_width=ZERO_CROSSINGS)
        once = made.kernel[:, 0].T
        self.reach = int(made.width)
        read, written = len(once) - 2 * self.reach, once.shape[1]
        times = math.ceil(self.PERIOD / read)
        kernels = once.new_zeros(times * read + 2 * self.reach, times * written)
        for i in range(times):
            kernels[i * read : i * read + len(once), i * written : (i + 1) * written] = once
        self.kernels = Banded(kernels.to(device))
        self.read, self.written = times * read, times * written

    def __call__(self, signals: Tensor) -> Tensor:
        """(b, n) → (b, ceil(n * to_hz / from_hz))"""
        b, n = signals.shape
        # All signals in a row, far enough apart that none reaches into the next.
        periods = math.ceil(n / self.read) + math.ceil(2 * self.reach / self.read)
        row = F.pad(signals, (self.reach, periods * self.read - n - self.reach)).view(-1)
        out = self.kernels(row.unfold(0, self.read + 2 * self.reach, self.read))
        wanted = math.ceil(n * self.written / self.read)
        return out.as_strided((b, wanted), (periods * self.written, 1))


_resampler = lru_cache(maxsize=16)(_Resampler)


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
        # A copy of arrays, so that a view of a ring may go on changing.
        return signal if isinstance(samples, Tensor) else signal.clone()
    resampler = _resampler(int(from_hz), int(to_hz), signal.device)
    return resampler(signal.reshape(-1, signal.shape[-1])).view(*signal.shape[:-1], -1)
