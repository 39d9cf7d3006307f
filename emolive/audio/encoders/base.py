"""The protocol of voice encoders."""

from __future__ import annotations

from typing import Protocol

from emolive.models.input_spec import AudioSpec
from emolive.types import FloatArray


class VoiceEncoder(Protocol):
    """Turns samples into feature frames. Registered in `emolive.plugins.VOICE_ENCODERS`.

    An encoder is created with the model's `AudioSpec` and takes from it what it needs. Calls must be
    deterministic: training, file analysis and the live app each call it on their own.
    """

    default_spec: AudioSpec
    """The parameters with which new models are trained."""

    def __init__(self, spec: AudioSpec) -> None: ...

    @property
    def name(self) -> str:
        """The name under which it is registered, e.g. "logmel"."""
        ...

    @property
    def rate_hz(self) -> int:
        """The sample rate it needs."""
        ...

    @property
    def channels(self) -> int:
        """Values per frame."""
        ...

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        ...

    @property
    def left_context(self) -> int:
        """Samples it needs from before the window."""
        ...

    @property
    def is_frame_local(self) -> bool:
        """Whether a frame depends on nothing but the samples that end with it.

        Frame i then depends on samples i * hop_length to left_context + (i + 1) * hop_length of the call, and
        must not depend bit for bit on how many frames one call computes: then it is computed once and kept.
        Otherwise every window is encoded as a whole.
        """
        ...

    @property
    def has_band_levels(self) -> bool:
        """Whether the channels are levels of frequency bands in dB, so that noise can be added to them."""
        ...

    @property
    def fingerprint(self) -> str:
        """Everything that defines the features, weights included, as text.

        Statistics of features (a speaker profile) are valid for encoders of the same fingerprint only.
        """
        ...

    def n_frames(self, n_samples: int) -> int:
        """Frames of a window of `n_samples`, not counting the left context."""
        ...

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Encode a window.

        Args:
            samples: (left_context + n,) float32 in -1..1 at `rate_hz`.

        Returns:
            (channels, n_frames(n)) float32.

        Raises:
            ConfigError: there are too few samples for a single frame.
        """
        ...
