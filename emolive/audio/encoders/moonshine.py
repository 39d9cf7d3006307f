"""The first three layers of a speech recogniser's encoder, in steps of 120 ms."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter, lfilter_zi

from emolive.errors import ConfigError, EmoliveError
from emolive.models.spec import AudioSpec
from emolive.paths import asset, file_digest, read_asset
from emolive.types import BoolArray, FloatArray

RATE_HZ = 16_000
N_LAYERS = 3
LAYER_WIDTH = 288
FRAME_HOP = 384
"""Samples between the frames of the network: 24 ms."""
FRAME_SPAN = 895
"""Samples from which its stem computes a frame."""
FRAMES_PER_STEP = 5
STEP = FRAMES_PER_STEP * FRAME_HOP
SETTLE = 1600
"""Samples after which the high-pass filter has settled."""
MIN_FRAMES = 25
"""Less recorded sound than this (0.6 s) is not encoded."""
HIGH_PASS_HZ = 30.0
SPEECH_DBFS = -26.0
"""Active speech level at the network's input."""
GAIN_STEP_DB = 3.0
MAX_GAIN_DB = 54.0
_WEIGHTS = "moonshine_tiny_en_l4.npz"


class Moonshine:
    """Layers 1 to 3 of Moonshine tiny (`emolive.models.moonshine`), concatenated and averaged over 120 ms.

    The network is frozen. It encodes a window as a whole, and only what was recorded of it. Its group norm
    takes most of the level away; a gain that brings the speech in the window to `SPEECH_DBFS` takes the rest.
    The gain moves in steps of 3 dB, so that it stays the same from window to window.

    Args:
        spec: not used: rate, steps and width are the network's.
    """

    name = "moonshine"
    rate_hz = RATE_HZ
    channels = N_LAYERS * LAYER_WIDTH
    hop_length = STEP
    left_context = FRAME_SPAN - FRAME_HOP + SETTLE
    is_frame_local = False
    has_band_levels = False
    default_spec = AudioSpec(kind="moonshine", rate_hz=RATE_HZ, n_fft=2048, hop_length=STEP, fmax_hz=8000.0)

    def __init__(self, spec: AudioSpec) -> None:
        del spec

    @property
    def fingerprint(self) -> str:
        """The network's file and how its output is used."""
        digest = file_digest(asset("audio", _WEIGHTS))[:16]
        return f"moonshine {digest}, layers 1-{N_LAYERS}, {STEP / RATE_HZ:g} s, speech at {SPEECH_DBFS:g} dB"

    def n_frames(self, n_samples: int) -> int:
        """One for each whole step."""
        return n_samples // STEP

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(left_context + n,) → (channels, n_frames(n)), as if all of it were recorded speech."""
        n_steps = self.n_frames(len(samples) - self.left_context)
        if n_steps < 1:
            raise ConfigError(
                f"Audio features need at least {self.left_context + STEP} samples, and there are "
                f"{len(samples)}."
            )
        everywhere = np.ones(len(samples), np.bool_)
        return self.encode_window(samples, everywhere, np.ones(n_steps, np.bool_))[0]

    def encode_window(
        self, samples: FloatArray, present: BoolArray, speech: BoolArray
    ) -> tuple[FloatArray, BoolArray]:
        """See `emolive.audio.encoders.base.SpeechAwareEncoder`."""
        n_steps = len(speech)
        n_frames = n_steps * FRAMES_PER_STEP
        # Steps count from the window's end.
        offset = len(samples) - (self.left_context + n_steps * STEP)
        samples, present = samples[offset:], present[offset:]
        features, encoded = np.zeros((n_steps, self.channels), np.float32), np.zeros(n_steps, np.bool_)
        recorded = np.flatnonzero(present)
        if not len(recorded):
            return features.T, encoded
        first, end = int(recorded[0]), int(recorded[-1]) + 1
        clean = np.zeros(len(samples), np.float32)
        clean[first:end] = _high_pass(samples[first:end])
        clean[~present] = 0.0
        # The frames that lie within the recorded stretch.
        low = max(0, -(-(first - SETTLE) // FRAME_HOP))
        high = min(n_frames, (end - SETTLE - FRAME_SPAN) // FRAME_HOP + 1)
        if high - low < min(MIN_FRAMES, n_frames):
            return features.T, encoded
        stretch = clean[SETTLE + low * FRAME_HOP : SETTLE + (high - 1) * FRAME_HOP + FRAME_SPAN]
        window = clean[self.left_context :].reshape(n_steps, STEP)
        steps_present = present[self.left_context :].reshape(n_steps, STEP).mean(axis=1) > 0.5
        vectors = _network()(stretch * _gain(window[speech & steps_present]))
        frames, counts = np.zeros((n_frames, self.channels), np.float32), np.zeros(n_frames)
        frames[low:high], counts[low:high] = vectors, 1
        n_encoded = counts.reshape(n_steps, FRAMES_PER_STEP).sum(axis=1)
        encoded = steps_present & (n_encoded >= 2)
        sums = frames.reshape(n_steps, FRAMES_PER_STEP, -1).sum(axis=1)
        features[encoded] = (sums / np.maximum(n_encoded, 1)[:, None])[encoded]
        return features.T, encoded


def _high_pass(samples: FloatArray) -> FloatArray:
    """First order, as if the first sample had lasted for ever before: no offset and no rumble."""
    pole = np.exp(-2 * np.pi * HIGH_PASS_HZ / RATE_HZ)
    b, a = np.array([1.0, -1.0]) * (1 + pole) / 2, np.array([1.0, -pole])
    filtered, _ = lfilter(b, a, samples, zi=lfilter_zi(b, a) * samples[0])
    return np.asarray(filtered, np.float32)


def _gain(speech: FloatArray) -> np.float32:
    """The factor that brings the speech of a window, (steps, STEP), to its level; 1 without speech."""
    if not speech.size:
        return np.float32(1)
    power = float(np.mean(np.square(speech, dtype=np.float64)))
    gain_db = GAIN_STEP_DB * round((SPEECH_DBFS - 10 * np.log10(max(power, 1e-12))) / GAIN_STEP_DB)
    return np.float32(10 ** (min(gain_db, MAX_GAIN_DB) / 20))


@lru_cache(maxsize=1)
def _network() -> Callable[[FloatArray], FloatArray]:
    """(n,) samples → (frames, channels); on ONNX Runtime, or by torch where it cannot be exported."""
    import torch

    from emolive.models.moonshine import MoonshineEncoder
    from emolive.models.runtimes.onnxruntime import cached_session

    network = MoonshineEncoder.from_npz(read_asset("audio", _WEIGHTS), N_LAYERS)
    example = torch.zeros(1, FRAME_SPAN + 149 * FRAME_HOP)
    try:
        session = cached_session(
            network,
            (example,),
            ("samples",),
            "frames",
            dynamic_axes={"samples": {1: "n"}, "frames": {1: "n_frames"}},
            threads=1,
        )
    except EmoliveError:

        def by_torch(samples: FloatArray) -> FloatArray:
            with torch.inference_mode():
                vectors: FloatArray = network(torch.from_numpy(samples)[None])[0].numpy()
            return vectors

        return by_torch
    return lambda samples: np.asarray(session.run(["frames"], {"samples": samples[None]})[0][0], np.float32)
