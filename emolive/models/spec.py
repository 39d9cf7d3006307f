"""What a model is, as plain values: the part of a checkpoint that is not weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal

from emolive.errors import EmoliveError
from emolive.plugins import VOICE_ENCODERS

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

Pooling = Literal["middle", "mean"]

BACKENDS = ("auto", "eager", "folded", "onnx")
"""What can run a network; see `emolive.models.runtimes.autotune`."""

ENCODERS = {"efficientface": 1024, "geometry": 136}
"""The frame encoders and the width of the vector that each makes of one frame."""


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """Which audio features a model takes: the voice encoder and its parameters.

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


@lru_cache(maxsize=16)
def _voice_encoder(spec: AudioSpec) -> Any:
    return VOICE_ENCODERS.get(spec.kind)(spec)


@dataclass(frozen=True, slots=True)
class PixelSpec:
    """How a face crop becomes the trunk's input: (x / 255 - mean) / std, in this channel order."""

    size: int = 224
    order: Literal["BGR", "RGB"] = "BGR"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


_FORMAT_2_SPEC = {"frames": "n_bins", "heads": "num_heads", "tracker": "landmarker", "variant": "arch"}
_FORMAT_2_ARCH = {"reference": "chumachenko2022", "residual": "emolive"}
_FORMAT_2_AUDIO = {"hop": "hop_length"}


def _from_format_2(values: dict[str, Any]) -> dict[str, Any]:
    """The description with the names of checkpoint format 2 replaced by the present ones."""
    renamed = {_FORMAT_2_SPEC.get(name, name): value for name, value in values.items()}
    if isinstance(arch := renamed.get("arch"), str):
        renamed["arch"] = _FORMAT_2_ARCH.get(arch, arch)
    if isinstance(audio := renamed.get("audio"), dict):
        renamed["audio"] = {_FORMAT_2_AUDIO.get(name, name): value for name, value in audio.items()}
    return renamed


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that must be known to rebuild a model and to feed it."""

    fusion: str = "ia"
    """A name from `emolive.models.registry`: lt, it, ia."""
    encoders: tuple[str, ...] = ("efficientface",)
    """Frame encoders, in the order in which their vectors are concatenated."""
    landmarker: str = "none"
    """What measured the landmarks: "dlib68" or "none"."""
    num_heads: int = 1
    labels: tuple[str, ...] = EMOTIONS
    window_s: float = 3.6
    n_bins: int = 15
    pooling: Pooling = "middle"
    """How a bin of window_s / frames becomes one vector: its frame nearest to the bin's middle,
    or the mean of the bin's vectors and, behind it, their standard deviation."""
    pixels: PixelSpec = field(default_factory=PixelSpec)
    audio: AudioSpec = field(default_factory=AudioSpec)
    baselines: tuple[str, ...] = ()
    """Baseline modes the model was trained for. Empty: it takes raw features (as published)."""
    dropout: float = 0.0
    width: float = 1.0
    """Width of the two branches relative to the published one."""
    arch: str = "chumachenko2022"
    """"chumachenko2022": the published form of the fusion. Others are named in the registry."""

    @property
    def bin_s(self) -> float:
        """Seconds between two frames, and between two estimates."""
        return self.window_s / self.n_bins

    @property
    def n_samples(self) -> int:
        """Audio samples in a window at `audio.rate_hz`."""
        return round(self.window_s * self.audio.rate_hz)

    @property
    def frame_dim(self) -> int:
        """Width D of a frame's vector: those of all encoders side by side."""
        odd = [name for name in self.encoders if name not in ENCODERS]
        if odd or not self.encoders:
            raise EmoliveError(
                f"There is no frame encoder {', '.join(odd) or 'in the model description'}: "
                f"known are {', '.join(ENCODERS)}."
            )
        return sum(ENCODERS[name] for name in self.encoders)

    @property
    def video_dim(self) -> int:
        """Width of a pooled bin: D, or 2 D for "mean", the means and behind them the deviations."""
        return self.frame_dim * (2 if self.pooling == "mean" else 1)

    @property
    def video_channels(self) -> int:
        """Width of the fusion's video input: a pooled bin and behind it one flag per baseline mode."""
        return self.video_dim + len(self.baselines)

    @property
    def audio_channels(self) -> int:
        """Width of the fusion's audio input: the features and behind them one flag per baseline mode."""
        return self.audio.channels + len(self.baselines)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelSpec:
        """Rebuild from `to_dict`, or from its JSON. Unknown or missing names raise EmoliveError.

        Descriptions of checkpoint format 2, which used other names, are converted.
        """
        values = _from_format_2(values)
        known = {f.name for f in fields(cls)}
        odd = sorted(set(values) ^ known)
        if odd:
            raise EmoliveError(f"The model description does not fit this version: {', '.join(odd)}.")
        try:
            return cls(
                **{
                    **values,
                    "encoders": tuple(values["encoders"]),
                    "labels": tuple(values["labels"]),
                    "baselines": tuple(values["baselines"]),
                    "pixels": PixelSpec(
                        **{
                            **values["pixels"],
                            "mean": tuple(values["pixels"]["mean"]),
                            "std": tuple(values["pixels"]["std"]),
                        }
                    ),
                    "audio": AudioSpec(**values["audio"]),
                }
            )
        except (TypeError, KeyError) as error:
            raise EmoliveError(f"The model description does not fit this version: {error}.") from error
