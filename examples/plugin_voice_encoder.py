"""A voice encoder in one file: level and zero-crossing rate of 20 ms frames.

emolive train --plugin examples/plugin_voice_encoder.py --audio zcr ...
"""

import numpy as np

from emolive.errors import ConfigError
from emolive.models.input_spec import AudioSpec
from emolive.plugins import VOICE_ENCODERS
from emolive.types import FloatArray


@VOICE_ENCODERS.register("zcr", title="level and zero-crossing rate")
class ZeroCrossingRate:
    """Two values per frame: its level in dB, and the share of samples at which the sign changes.

    Args:
        spec: rate and hop length; a frame is as long as a hop.
    """

    name = "zcr"
    channels = 2
    left_context = 0
    is_frame_local = True
    has_band_levels = False
    # No parameter may lie above half the rate, not even one that the encoder does not use.
    default_spec = AudioSpec(kind="zcr", rate_hz=16_000, hop_length=320, fmax_hz=8_000)

    def __init__(self, spec: AudioSpec) -> None:
        self.rate_hz = spec.rate_hz
        self.hop_length = spec.hop_length
        self.fingerprint = f"zcr {spec.rate_hz} Hz, {spec.hop_length}"

    def n_frames(self, n_samples: int) -> int:
        return n_samples // self.hop_length

    def __call__(self, samples: FloatArray) -> FloatArray:
        n_frames = self.n_frames(len(samples))
        if not n_frames:
            raise ConfigError(f"Audio features need at least {self.hop_length} samples.")
        frames = samples[: n_frames * self.hop_length].reshape(n_frames, self.hop_length)
        level_db = 10 * np.log10(np.maximum(np.square(frames).mean(axis=1), 1e-8))
        crossings = (np.diff(np.signbit(frames), axis=1) != 0).mean(axis=1)
        return np.stack([level_db, crossings]).astype(np.float32)
