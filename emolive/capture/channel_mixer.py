"""The channels of a file or of a microphone as one, without values that can be no sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emolive.audio.downmix import Downmixer
from emolive.plausibility import plausible_samples
from emolive.types import BoolArray, FloatArray


class ChannelMixer:
    """Mixes the channels of one stream block by block, see `Downmixer`, which remembers what it is given.

    Args:
        n_channels: how many.
        rate_hz: their sample rate.
        names: of the channels, as FFmpeg names them; empty if they are not known.
    """

    def __init__(self, n_channels: int, rate_hz: int, names: Sequence[str] = ()) -> None:
        self._mix = Downmixer(n_channels, rate_hz, names)

    def __call__(self, channels: FloatArray) -> tuple[FloatArray, BoolArray | None]:
        """Mix a block.

        Args:
            channels: (channels, n).

        Returns:
            (n,) float32; and (n,) where a channel had a value that can be no sound, None if nowhere. Such
            values count as zero.
        """
        present = plausible_samples(channels.ravel())
        if present is None:
            return self._mix(channels), None
        present = present.reshape(channels.shape)
        mixed = self._mix(np.where(present, channels, np.float32(0)))
        return mixed, np.asarray(~present.all(axis=0), np.bool_)
