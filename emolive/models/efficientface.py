"""The EfficientFace backbone: one face crop in, one vector out. No layer mixes frames.

Zhao, Liu and Zhou, "Robust lightweight facial expression recognition network with label distribution
training", AAAI 2021; its units are those of ShuffleNetV2 (Ma et al., ECCV 2018) and its gate that of
BAM (Park et al., BMVC 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEM = 29
STAGES = ((4, 116), (8, 232), (4, 464))
EMBEDDING_DIM = 1024
MIN_SIZE = 32


def _conv(n_in: int, n_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False)


def _shuffle(x: Tensor) -> Tensor:
    """Interleave the two halves of the channels (ShuffleNet, sec. 3.1), for any batch size."""
    return torch.unflatten(x, 1, (2, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit (fig. 3c, 3d): half of the channels pass, half are convolved, then shuffled.

    With stride 2 both branches read all channels and halve the resolution.
    """

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        half = n_out // 2
        self.halves = stride == 1
        self.skip = (
            nn.Identity()
            if self.halves
            else nn.Sequential(
                _conv(n_in, n_in, 3, stride=stride, groups=n_in),
                nn.BatchNorm2d(n_in),
                _conv(n_in, half, 1),
                nn.BatchNorm2d(half),
                nn.ReLU(inplace=True),
            )
        )
        self.main = nn.Sequential(
            _conv(half if self.halves else n_in, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            _conv(half, half, 3, stride=stride, groups=half),
            nn.BatchNorm2d(half),
            _conv(half, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, n_in, H, W) → (N, n_out, H / stride, W / stride), rounded up."""
        left, right = x.chunk(2, dim=1) if self.halves else (x, x)
        return _shuffle(torch.cat([self.skip(left), self.main(right)], dim=1))


def _stage(n_in: int, n_out: int, repeats: int) -> nn.Sequential:
    rest = (ShuffleUnit(n_out, n_out, 1) for _ in range(repeats - 1))
    return nn.Sequential(ShuffleUnit(n_in, n_out, 2), *rest)


class LocalFeatures(nn.Module):
    """Four quadrants with separate convolutions (EfficientFace, "local-feature extractor")."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.quadrants = nn.ModuleList(
            nn.Sequential(
                _conv(n_in, n_out, 3, stride=2, groups=n_in),
                nn.BatchNorm2d(n_out),
                nn.ReLU(inplace=True),
                _conv(n_out, n_out, 3, groups=n_out),
                nn.BatchNorm2d(n_out),
                nn.ReLU(inplace=True),
            )
            for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, n_in, H, W) → (N, n_out, H / 2, W / 2), rounded up."""
        # Even borders, so that the outputs of the quadrants add up to the size of the stage beside it.
        row, column = (2 * ((side + 2) // 4) for side in x.shape[-2:])
        upper_left, lower_left, upper_right, lower_right = self.quadrants
        left = torch.cat([upper_left(x[..., :row, :column]), lower_left(x[..., row:, :column])], dim=-2)
        right = torch.cat([upper_right(x[..., :row, column:]), lower_right(x[..., row:, column:])], dim=-2)
        return torch.cat([left, right], dim=-1)


class Modulator(nn.Module):
    """Multiply by sigmoid(channel gate x spatial gate) (EfficientFace, "channel-spatial modulator")."""

    def __init__(self, channels: int, reduction: int = 16, dilation: int = 4) -> None:
        super().__init__()
        few = channels // reduction
        self.channel_gate = nn.Sequential(
            nn.Linear(channels, few), nn.BatchNorm1d(few), nn.ReLU(inplace=True), nn.Linear(few, channels)
        )

        def dilated() -> list[nn.Module]:
            conv = nn.Conv2d(few, few, 3, padding=dilation, dilation=dilation)
            return [conv, nn.BatchNorm2d(few), nn.ReLU(inplace=True)]

        self.spatial_gate = nn.Sequential(
            nn.Conv2d(channels, few, 1),
            nn.BatchNorm2d(few),
            nn.ReLU(inplace=True),
            *dilated(),
            *dilated(),
            nn.Conv2d(few, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same."""
        channel = self.channel_gate(x.mean(dim=(-2, -1)))[..., None, None]
        return x * torch.sigmoid(channel * self.spatial_gate(x))


class EfficientFace(nn.Module):
    """(N, 3, S, S) → (N, 1024) for any even S from 32 on; published for 224.

    Pixels are prepared according to the model's `PixelSpec`; the published weights expect BGR / 255.
    """

    def __init__(self) -> None:
        super().__init__()
        (n2, c2), (n3, c3), (n4, c4) = STAGES
        self.stem = nn.Sequential(
            _conv(3, STEM, 3, stride=2),
            nn.BatchNorm2d(STEM),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stage2 = _stage(STEM, c2, n2)
        self.modulator = Modulator(c2)
        self.local = LocalFeatures(STEM, c2)
        self.stage3 = _stage(c2, c3, n3)
        self.stage4 = _stage(c3, c4, n4)
        self.last = nn.Sequential(
            _conv(c4, EMBEDDING_DIM, 1), nn.BatchNorm2d(EMBEDDING_DIM), nn.ReLU(inplace=True)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) → (N, 1024), each row from its own frame alone (in eval mode)."""
        x = self.stem(pixels)
        x = self.modulator(self.stage2(x)) + self.local(x)
        x = self.last(self.stage4(self.stage3(x)))
        vectors: Tensor = x.mean(dim=(-2, -1))
        return vectors
