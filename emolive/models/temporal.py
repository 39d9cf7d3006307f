"""The two branches along time, in two stages with room for a fusion between them.

Chumachenko, Iosifidis and Gabbouj, "Self-attention fusion for audiovisual emotion recognition with
incomplete data", ICPR 2022, sec. III-A and III-B.
"""

from __future__ import annotations

from torch import Tensor, nn

GRAIN = 8
"""Scaled widths are multiples of this, so that they divide into heads."""


def scaled(channels: int, width: float) -> int:
    """A published channel count times `width`, to the nearest multiple of 8 and at least 8."""
    return max(GRAIN, GRAIN * round(channels * width / GRAIN))


def _block(n_in: int, n_out: int, *, same: bool, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv1d(n_in, n_out, 3, padding=1 if same else 0),
        nn.BatchNorm1d(n_out),
        nn.ReLU(inplace=True),
    ]
    if not same:
        layers.append(nn.MaxPool1d(2, stride=1))
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class VisualBranch(nn.Module):
    """Vectors of frames along time; keeps the number of steps.

    Args:
        n_in: width of a frame's input vector.
        middle: channels after stage 1 (published: 64).
        out: channels after stage 2 (published: 128).
        dropout: after each convolution.
    """

    def __init__(self, n_in: int, middle: int = 64, out: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.middle, self.out = middle, out
        widths = (n_in, middle, middle), (middle, out, out)
        self.stage1, self.stage2 = (
            nn.Sequential(_block(a, b, same=True, dropout=dropout), _block(b, c, same=True, dropout=dropout))
            for a, b, c in widths
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, T) → (B, out, T): both stages, with nothing between them."""
        out: Tensor = self.stage2(self.stage1(x))
        return out


class AudioBranch(nn.Module):
    """Audio features along time; each stage takes 6 steps off, so that 13 are wanted at least.

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
        """(B, n_in, T) → (B, out, T - 12): both stages, with nothing between them."""
        out: Tensor = self.stage2(self.stage1(x))
        return out
