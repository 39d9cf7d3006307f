"""The first three layers of a speech recogniser's encoder, in steps of 240 ms."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter, lfilter_zi

from emolive.audio.levels import active_power
from emolive.errors import ConfigError, EmoliveError
from emolive.models.input_spec import AudioSpec
from emolive.paths import asset, file_digest, read_asset
from emolive.types import FloatArray

RATE_HZ = 16_000
N_LAYERS = 3
LAYER_WIDTH = 288
FRAME_HOP = 384
"""Samples between the frames of the network: 24 ms."""
FRAME_SPAN = 895
"""Samples from which its stem computes a frame."""
FRAMES_PER_STEP = 10
STEP = FRAMES_PER_STEP * FRAME_HOP
CONTEXT_FRAMES = 40
"""Frames before a step that are encoded with it: .96 s."""
HIGH_PASS_HZ = 30.0
SPEECH_DBFS = -26.0
"""Level of active speech at the network's input."""
GAIN_STEP_DB = 3.0
MAX_GAIN_DB = 54.0
_POLE = np.exp(-2 * np.pi * HIGH_PASS_HZ / RATE_HZ)
_HIGH_PASS = np.array([1.0, -1.0]) * (1 + _POLE) / 2, np.array([1.0, -_POLE])
_SETTLED = lfilter_zi(*_HIGH_PASS)
_WEIGHTS = "moonshine_tiny_en_l4.npz"


class Moonshine:
    """Layers 1 to 3 of Moonshine tiny (`emolive.models.moonshine`), concatenated and averaged over 240 ms.

    The network is frozen. Its attention and its group norm span the sound that it gets, so each step is
    encoded with the .96 s before it and nothing else: a step then has the same features in each window that
    contains it, and is computed once. The group norm takes most of the level away; a gain that brings the
    active level of that stretch to `SPEECH_DBFS` takes the rest. It moves in steps of 3 dB, so that a small
    change of the level changes nothing.

    Args:
        spec: not used: rate, steps and width are the network's.
    """

    name = "moonshine"
    rate_hz = RATE_HZ
    channels = N_LAYERS * LAYER_WIDTH
    hop_length = STEP
    left_context = CONTEXT_FRAMES * FRAME_HOP + FRAME_SPAN - FRAME_HOP
    is_frame_local = True
    has_band_levels = False
    default_spec = AudioSpec(kind="moonshine", rate_hz=RATE_HZ, n_fft=STEP, hop_length=STEP, fmax_hz=8000.0)

    def __init__(self, spec: AudioSpec) -> None:
        del spec

    @property
    def fingerprint(self) -> str:
        """The network's file and how its output is used."""
        digest = file_digest(asset("audio", _WEIGHTS))[:16]
        return (
            f"moonshine {digest}, layers 1-{N_LAYERS}, {STEP / RATE_HZ:g} s, "
            f"context {CONTEXT_FRAMES * FRAME_HOP / RATE_HZ:g} s, speech at {SPEECH_DBFS:g} dB"
        )

    def n_frames(self, n_samples: int) -> int:
        """One for each whole step."""
        return n_samples // STEP

    def __call__(self, samples: FloatArray) -> FloatArray:
        """(left_context + n,) → (channels, n_frames(n)); of sound before the first non-zero sample nothing
        is encoded."""
        n_steps = self.n_frames(len(samples) - self.left_context)
        if n_steps < 1:
            raise ConfigError(
                f"Audio features need at least {self.left_context + STEP} samples, and there are "
                f"{len(samples)}."
            )
        # Steps count from the first sample of the call.
        span = self.left_context + STEP
        features = [_encode(samples[i * STEP : i * STEP + span]) for i in range(n_steps)]
        return np.stack(features, axis=1)


def _encode(samples: FloatArray) -> FloatArray:
    """The features (channels,) of the newest step of a stretch (left_context + STEP,)."""
    recorded = np.flatnonzero(samples)
    if not len(recorded):
        return np.zeros(Moonshine.channels, np.float32)
    # A whole number of frames, and those of the step at least.
    n_missing = min(int(recorded[0]) // FRAME_HOP, CONTEXT_FRAMES)
    clean = _high_pass(samples[n_missing * FRAME_HOP :])
    frames = _network()(clean * _gain(clean))
    return np.asarray(frames[-FRAMES_PER_STEP:].mean(axis=0), np.float32)


def _high_pass(samples: FloatArray) -> FloatArray:
    """First order, as if the first sample had lasted for ever before: no offset and no rumble."""
    filtered, _ = lfilter(*_HIGH_PASS, samples, zi=_SETTLED * samples[0])
    return np.asarray(filtered, np.float32)


def _gain(samples: FloatArray) -> np.float32:
    """The factor that brings the active level of (n,) samples to that of speech."""
    level_db = 10 * np.log10(max(active_power(samples, RATE_HZ), 1e-12))
    gain_db = GAIN_STEP_DB * round((SPEECH_DBFS - level_db) / GAIN_STEP_DB)
    return np.float32(10 ** (min(gain_db, MAX_GAIN_DB) / 20))


@lru_cache(maxsize=1)
def _network() -> Callable[[FloatArray], FloatArray]:
    """(n,) samples → (frames, channels); on ONNX Runtime, or by torch where it cannot be exported."""
    import torch

    from emolive.models.moonshine import MoonshineEncoder
    from emolive.models.runtimes.onnxruntime import cached_session

    network = MoonshineEncoder.from_npz(read_asset("audio", _WEIGHTS), N_LAYERS)
    example = torch.zeros(1, Moonshine.left_context + STEP)
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
