"""Several channels to one, so that a voice is not lost in whichever of them it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.types import FloatArray

_CENTRE, _FRONT, _SURROUND = 1.0, 0.5, 0.25
_OPPOSITE = -0.5
"""Channels whose correlation is below this are of opposite phase, until it is above 0 again."""
_MEMORY_S = 0.3
"""Time constant over which the correlation is taken."""
_LOUDER = 4.0
"""Power of a channel over that of the reference with which it becomes the reference."""


class Downmixer:
    """Mixes the channels of one stream block by block.

    With a centre channel the voice is there (ITU-R BS.775): it counts in full, left and right by half, what
    is behind by a quarter. Without one all channels count alike. The deep channel is left out. A channel of
    opposite phase to the loudest one is inverted first: a wrongly wired microphone or balanced line would
    cancel the voice.

    Args:
        n_channels: how many.
        rate_hz: their sample rate.
        names: of the channels, as FFmpeg names them ("FL", "FC", "LFE"); empty if they are not known.
    """

    def __init__(self, n_channels: int, rate_hz: int, names: Sequence[str] = ()) -> None:
        self._rate_hz = rate_hz
        self._weights = channel_weights(n_channels, names)
        self._signs = np.ones(n_channels, np.float32)
        self._power: NDArray[Any] = np.zeros((n_channels, n_channels))
        self._reference = 0

    def __call__(self, channels: FloatArray) -> FloatArray:
        """(channels, n) → (n,) float32."""
        if len(channels) == 1:
            only: FloatArray = channels[0]
            return only
        is_first = not self._power.any()
        before = self._signs
        self._update_signs(channels)
        if is_first:
            before = self._signs
        weights = self._weights * self._signs
        if np.array_equal(before, self._signs):
            mixed = weights @ channels
        else:
            # Across the block, without a click.
            share = np.linspace(0, 1, channels.shape[1], dtype=np.float32)
            mixed = (self._weights * before) @ channels * (1 - share) + weights @ channels * share
        return np.clip(mixed, -1.0, 1.0).astype(np.float32, copy=False)

    def _update_signs(self, channels: FloatArray) -> None:
        keep = np.exp(-channels.shape[1] / (_MEMORY_S * self._rate_hz))
        self._power = keep * self._power + np.asarray(channels @ channels.T, np.float64)
        power = np.diagonal(self._power)
        if power[self._reference] * _LOUDER < power.max():
            self._reference = int(power.argmax())
        reference = self._reference
        correlation = self._power[reference] / np.sqrt(np.maximum(power[reference] * power, 1e-30))
        opposite = np.where(self._signs < 0, correlation <= 0, correlation < _OPPOSITE)
        self._signs = np.where(opposite, np.float32(-1), np.float32(1))


def channel_weights(n_channels: int, names: Sequence[str] = ()) -> FloatArray:
    """(n_channels,) the factor of each channel; see `Downmixer`."""
    if len(names) != n_channels or n_channels < 3:
        return np.full(n_channels, 1 / n_channels, np.float32)
    deep = np.array([name.startswith("LFE") for name in names])
    if "FC" not in names:
        return ((~deep) / max(1, int((~deep).sum()))).astype(np.float32)
    factors = {"FC": _CENTRE, "FL": _FRONT, "FR": _FRONT}
    return np.array(
        [0.0 if is_deep else factors.get(name, _SURROUND) for name, is_deep in zip(names, deep, strict=True)],
        np.float32,
    )
