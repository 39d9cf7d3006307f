"""The audio and video branches: convolutions along time in two stages, between which a fusion may act.

Chumachenko, Iosifidis and Gabbouj, "Self-attention fusion for audiovisual emotion recognition with
incomplete data", ICPR 2022, sec. III-A and III-B.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emolive.errors import ConfigError

DIVISOR = 8
"""Scaled widths are multiples of this, so that they divide into attention heads."""


def make_divisible(channels: int, width: float) -> int:
    """A published channel count times `width`, to the nearest multiple of 8 and at least 8."""
    return max(DIVISOR, DIVISOR * round(channels * width / DIVISOR))


def _block(n_in: int, n_out: int, *, same: bool, dropout: float, kernel: int = 3) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2 if same else 0),
        nn.BatchNorm1d(n_out),
        nn.ReLU(inplace=True),
    ]
    if not same:
        layers.append(nn.MaxPool1d(2, stride=1))
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class VideoBranch(nn.Module):
    """Frame vectors along time; keeps the number of steps.

    Args:
        n_in: channels of the video input.
        middle: channels after stage 1 (published: 64).
        out: channels after stage 2 (published: 128).
        dropout: after each convolution.
        first_kernel: kernel size of the first convolution (published: 3).
    """

    def __init__(
        self, n_in: int, middle: int = 64, out: int = 128, dropout: float = 0.0, first_kernel: int = 3
    ) -> None:
        super().__init__()
        self.middle, self.out = middle, out
        self.stage1 = nn.Sequential(
            _block(n_in, middle, same=True, dropout=dropout, kernel=first_kernel),
            _block(middle, middle, same=True, dropout=dropout),
        )
        self.stage2 = nn.Sequential(
            _block(middle, out, same=True, dropout=dropout), _block(out, out, same=True, dropout=dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, out, T): both stages, without a fusion in between."""
        out: Tensor = self.stage2(self.stage1(x))
        return out


class AudioBranch(nn.Module):
    """Audio features along time; each stage removes 6 steps, so that at least 13 are needed.

    Args:
        n_in: channels of the audio features.
        widths: channels after each of the four convolutions (published: 64, 128, 256, 128).
        dropout: after each convolution.
    """

    def __init__(
        self,
        n_in: int,
        widths: tuple[int, int, int, int] = (64, 128, 256, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        a, b, c, d = widths
        self.middle, self.out = b, d
        self.stage1 = nn.Sequential(
            _block(n_in, a, same=False, dropout=dropout), _block(a, b, same=False, dropout=dropout)
        )
        self.stage2 = nn.Sequential(
            _block(b, c, same=False, dropout=dropout), _block(c, d, same=False, dropout=dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, out, T - 12): both stages, without a fusion in between."""
        out: Tensor = self.stage2(self.stage1(x))
        return out


class SpectrogramBranch(nn.Module):
    """2-D convolutions over a log-mel spectrogram, followed by the two stages along time.

    Not part of the published model. A higher voice is a shift along the mel axis, which a convolution
    along time only has to learn separately for every band. Stage 1 reduces the steps by 4, stage 2 by 2.

    Args:
        n_in: channels of the audio input: mel bands, then flags.
        bands: number of mel bands; a multiple of 8.
        middle, out: channels after stage 1 and stage 2.
        dropout: after each convolution along time; a third of it after the 2-D convolutions.
    """

    CHANNELS_2D = (16, 32, 48)
    TIME_STRIDE = 4

    def __init__(
        self, n_in: int, bands: int, middle: int = 128, out: int = 128, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if bands % 8:
            raise ConfigError(f"A spectrogram branch needs a multiple of 8 mel bands, not {bands}.")
        self.bands, self.middle, self.out = bands, middle, out
        a, b, c = self.CHANNELS_2D
        self.spectrogram = nn.Sequential(
            self._conv2d(1, a, 5, (2, 2), dropout / 3),
            self._conv2d(a, b, 3, (2, 2), dropout / 3),
            self._conv2d(b, c, 3, (2, 1), dropout / 3),
        )
        self.stage1_out = _block(c * bands // 8 + n_in - bands, middle, same=True, dropout=dropout, kernel=1)
        self.stage2 = nn.Sequential(
            nn.Conv1d(middle, out, 5, padding=2),
            nn.BatchNorm1d(out),
            nn.ReLU(inplace=True),
            nn.MaxPool1d(2),
            nn.Dropout(dropout),
            _block(out, out, same=True, dropout=dropout),
        )

    @staticmethod
    def _conv2d(n_in: int, n_out: int, kernel: int, stride: tuple[int, int], dropout: float) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )

    def stage1(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, middle, ceil(T / 4))"""
        maps = self.spectrogram(x[:, None, : self.bands]).flatten(1, 2)
        flags = x[:, self.bands :, :: self.TIME_STRIDE]
        out: Tensor = self.stage1_out(torch.cat([maps, flags], dim=1))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, out, T / 8): both stages, without a fusion in between."""
        out: Tensor = self.stage2(self.stage1(x))
        return out


class FeatureBranch(nn.Module):
    """Vectors of a frozen speech encoder along time, or other features that are no spectrogram.

    Not part of the published model. Keeps the number of steps.

    Args:
        n_in: channels of the audio input: features, then flags.
        middle, out: channels after stage 1 and stage 2.
        dropout: after each convolution, and of whole input channels.
    """

    def __init__(self, n_in: int, middle: int = 128, out: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.middle, self.out = middle, out
        self.stage1 = nn.Sequential(
            nn.Dropout1d(dropout), _block(n_in, middle, same=True, dropout=dropout, kernel=1)
        )
        self.stage2 = nn.Sequential(
            _block(middle, out, same=True, dropout=dropout), _block(out, out, same=True, dropout=dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, out, T): both stages, without a fusion in between."""
        out: Tensor = self.stage2(self.stage1(x))
        return out
