"""The description of a model's inputs: audio features and face crops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from emolive.errors import ConfigError
from emolive.models import checks as check
from emolive.plugins import VOICE_ENCODERS

MAX_PIXELS = 512
"""Side of a face crop."""
MAX_FILTER_VALUES = 1 << 23
"""Length of the Fourier transform times mel bands."""
ChannelOrder = Literal["BGR", "RGB"]


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """The audio features of a model: the voice encoder and its parameters.

    Not every encoder uses every parameter; see `emolive.audio.encoders`.
    """

    kind: str = "mfcc"
    """A name from `emolive.plugins.VOICE_ENCODERS`."""
    rate_hz: int = 22_050
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    n_mfcc: int = 10
    fmin_hz: float = 0.0
    fmax_hz: float = 11_025.0
    floor_db: float = -80.0
    """logmel only: quieter than this (dB, full-scale sine = 0) counts as this."""

    @property
    def encoder(self) -> Any:
        """The `emolive.audio.encoders.VoiceEncoder` named `kind`; one for equal descriptions.

        Raises:
            ConfigError: there is none of that name.
        """
        return _voice_encoder(self)

    @property
    def left_context(self) -> int:
        """Samples needed from before the window."""
        return int(self.encoder.left_context)

    @property
    def channels(self) -> int:
        """Values per frame."""
        return int(self.encoder.channels)

    def n_frames(self, n_samples: int) -> int:
        """Frames of a window of `n_samples`."""
        return int(self.encoder.n_frames(n_samples))

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.rate_hz} Hz, {self.n_fft}/{self.hop_length}, {self.channels} channels of "
            f"{self.n_mels}, {self.fmin_hz:g}-{self.fmax_hz:g} Hz, floor {self.floor_db:g} dB"
        )


@lru_cache(maxsize=16)
def _voice_encoder(spec: AudioSpec) -> Any:
    return VOICE_ENCODERS.get(spec.kind)(spec)


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """How a face crop becomes the backbone's input: (x / 255 - mean) / std, in this channel order."""

    size: int = 224
    order: ChannelOrder = "BGR"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


def read_pixels(values: Any) -> PixelSpec:
    """A `PixelSpec` from its JSON. ConfigError if it does not fit."""
    named = check.exact(PixelSpec, values, "pixel description")
    pixels = PixelSpec(
        named["size"], named["order"], check.triple("mean", named["mean"]), check.triple("std", named["std"])
    )
    validate_pixels(pixels)
    return pixels


def validate_pixels(pixels: PixelSpec) -> None:
    check.number("size", pixels.size, 16, MAX_PIXELS, integer=True)
    check.choice("order", pixels.order, get_args(ChannelOrder))
    for value in check.triple("mean", pixels.mean):
        check.number("mean", value, -1e3, 1e3)
    for value in check.triple("std", pixels.std):
        check.number("std", value, 1e-6, 1e3)


def validate_audio(audio: AudioSpec) -> None:
    VOICE_ENCODERS.check(check.text("kind", audio.kind))
    check.number("rate_hz", audio.rate_hz, 1000, 192_000, integer=True)
    check.number("n_fft", audio.n_fft, 16, 65_536, integer=True)
    check.number("hop_length", audio.hop_length, 1, audio.n_fft, integer=True)
    check.number("n_mels", audio.n_mels, 1, 1024, integer=True)
    if audio.n_fft * audio.n_mels > MAX_FILTER_VALUES:
        raise ConfigError(
            f"The model description does not fit: {audio.n_mels} mel bands of {audio.n_fft} are too many."
        )
    check.number("n_mfcc", audio.n_mfcc, 1, 1024, integer=True)
    check.number("fmin_hz", audio.fmin_hz, 0, audio.rate_hz / 2)
    check.number("fmax_hz", audio.fmax_hz, audio.fmin_hz, audio.rate_hz / 2)
    check.number("floor_db", audio.floor_db, -300, 0)
