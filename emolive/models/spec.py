"""The description of a model as plain values: a checkpoint without its weights.

Nothing here imports torch, so that the app can describe a model before torch is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.models import checks as check
from emolive.opinion_pool import OpinionPoolSpec
from emolive.plugins import FRAME_ENCODERS, VOICE_ENCODERS
from emolive.stream_reading import StreamReadingSpec
from emolive.types import MODALITIES, Modality, Pooling

if TYPE_CHECKING:
    from emolive.vision.encoders.base import FrameEncoder

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

MAX_LABELS = 64
MAX_PIXELS = 512
"""Side of a face crop."""
MAX_FILTER_VALUES = 1 << 23
"""Length of the Fourier transform times mel bands."""
MAX_WINDOW_VALUES = 1 << 22
"""Audio frames of a window times channels: what a network may be given, however the parts are chosen."""

NO_BASELINE = "none"
"""The normalisation mode of the statistics of all speakers."""

ChannelOrder = Literal["BGR", "RGB"]
Streams = Literal["av", "a", "v"]


_STREAM_LIMITS = {
    "a": "This model was trained on voices alone: it reads the voice and ignores the face.",
    "v": "This model was trained on faces alone: it reads the face and ignores the voice.",
}
_REQUIRED = object()
_OPTIONAL: dict[str, Any] = {"pool": None, "stream_reading": None, "streams": "av", "unlearned": ()}
"""Parts of a description that a file may lack, with what they are then."""
_FORMER_NAMES = {"stream": "stream_reading"}
"""Names of parts in files that earlier versions wrote, with the present ones."""


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


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """All that is needed to rebuild a model and to compute its inputs."""

    fusion: str = "ia"
    """A name in `emolive.plugins.FUSIONS`: lt, it, ia."""
    encoders: tuple[str, ...] = ("efficientface",)
    """Names in `emolive.plugins.FRAME_ENCODERS`, in the order in which their vectors are concatenated."""
    landmarker: str = "none"
    """The landmark detector: "dlib68", or "none" for a model without landmarks."""
    num_heads: int = 1
    labels: tuple[str, ...] = EMOTIONS
    window_s: float = 3.6
    n_bins: int = 15
    """Time bins of a window; one video vector each, and one estimate per bin in live use."""
    pooling: Pooling = "middle"
    """How the frames of a bin become one vector: the frame nearest to the bin's middle ("middle"), or
    the mean followed by the standard deviation of the frame vectors ("mean")."""
    pixels: PixelSpec = field(default_factory=PixelSpec)
    """Input of the learned frame encoder, if there is one."""
    audio: AudioSpec = field(default_factory=AudioSpec)
    baselines: tuple[str, ...] = ()
    """Normalisation modes that the model was trained with. Empty: it reads raw features (as published)."""
    dropout: float = 0.0
    width: float = 1.0
    """Width of the two branches relative to the published one."""
    arch: str = "chumachenko2022"
    """A name in `emolive.models.factory.ARCHITECTURES`: chumachenko2022 (the published form), emolive or
    emolive-stream."""
    pool: OpinionPoolSpec | None = None
    """How the network's answer is combined with that of a classifier of single faces; None: not at all."""
    stream_reading: StreamReadingSpec | None = None
    """How streams are read; None: each window as a whole, with fixed smoothing."""
    streams: Streams = "av"
    """The streams that training showed: av, a or v. Another stream is masked, since its answer would be
    that of random weights."""
    unlearned: tuple[str, ...] = ()
    """Labels of which training showed no clip; the model never answers with them."""

    def __post_init__(self) -> None:
        # The dataclass is frozen, and "geometry" is the former name of "landmarks".
        object.__setattr__(self, "encoders", tuple(map(FRAME_ENCODERS.resolve, self.encoders)))

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the model can answer from: both streams and each alone, or the one that it learned."""
        return MODALITIES if self.streams == "av" else (Modality(self.streams),)

    @property
    def learned_labels(self) -> tuple[str, ...]:
        """The labels that the model can answer with."""
        return tuple(label for label in self.labels if label not in self.unlearned)

    def available(self, *, video: bool, audio: bool) -> Modality | None:
        """The modality in which the model answers if these streams are there; None if it learned none."""
        learned = Modality(self.streams)
        return Modality.of(video=video and learned.has_video, audio=audio and learned.has_audio)

    @property
    def limits(self) -> str:
        """What the model did not learn, in a sentence or two; "" if it learned everything."""
        sentences = []
        if self.streams != "av":
            sentences.append(_STREAM_LIMITS[self.streams])
        if self.unlearned:
            named = ", ".join(self.unlearned)
            sentences.append(f"It was trained without a clip of {named}, and never answers so.")
        return " ".join(sentences)

    @property
    def bin_s(self) -> float:
        """Seconds of one bin, which is also the time between two estimates."""
        return self.window_s / self.n_bins

    @property
    def n_samples(self) -> int:
        """Audio samples in a window at `audio.rate_hz`."""
        return round(self.window_s * self.audio.rate_hz)

    @property
    def encoder_classes(self) -> tuple[type[FrameEncoder], ...]:
        """The classes of `encoders`. ConfigError for an unknown name, or none at all."""
        return _encoder_classes(self.encoders)

    @property
    def learned_encoder(self) -> type[FrameEncoder] | None:
        """The encoder whose weights belong to the model (its backbone), if there is one."""
        return next((encoder for encoder in self.encoder_classes if encoder.learned), None)

    @property
    def frame_dim(self) -> int:
        """Width D of a frame's vector: the vectors of all encoders concatenated."""
        return sum(encoder.dim for encoder in _encoder_classes(self.encoders))

    @property
    def video_dim(self) -> int:
        """Width of a pooled bin: D, or 2 D for "mean" (means, then standard deviations)."""
        return self.frame_dim * (2 if self.pooling == "mean" else 1)

    @property
    def video_channels(self) -> int:
        """Width of the network's video input: a pooled bin, then one flag per normalisation mode."""
        return self.video_dim + len(self.baselines)

    @property
    def audio_channels(self) -> int:
        """Width of the network's audio input: the features, then one flag per normalisation mode."""
        return self.audio.channels + len(self.baselines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold; optional parts are left out where they have their default."""
        values = asdict(self)
        return {name: value for name, value in values.items() if value != _OPTIONAL.get(name, _REQUIRED)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """Rebuild from `to_dict`, or from its JSON.

        Raises:
            ConfigError: a name is unknown or missing, or a value has another type or is out of range.
        """
        if isinstance(values, Mapping):
            values = _OPTIONAL | {_FORMER_NAMES.get(name, name): value for name, value in values.items()}
        values = check.exact(cls, values, "model description")
        pixels = read_pixels(values["pixels"])
        audio = check.exact(AudioSpec, values["audio"], "audio description")
        for name in ("encoders", "labels", "baselines", "unlearned"):
            values[name] = check.texts(name, values[name])
        pool = None if values["pool"] is None else OpinionPoolSpec.from_dict(values["pool"])
        reading = values["stream_reading"]
        reading = None if reading is None else StreamReadingSpec.from_dict(reading)
        parts = {"pixels": pixels, "audio": AudioSpec(**audio), "pool": pool, "stream_reading": reading}
        spec = cls(**{**values, **parts})
        spec.validate()
        return spec

    def validate(self) -> None:
        """Check types and ranges. ConfigError that names the first value that does not fit."""
        for name in ("fusion", "landmarker", "arch"):
            check.text(name, getattr(self, name))
        for name in ("encoders", "labels", "baselines", "unlearned"):
            check.unique(name, check.texts(name, getattr(self, name)))
        if not self.encoders:
            raise ConfigError("There is no frame encoder in the model description.")
        if len(self.labels) < 2:
            raise ConfigError("A model needs at least two labels to choose from.")
        if len(self.labels) > MAX_LABELS:
            raise ConfigError(f"A model has {len(self.labels)} labels, more than {MAX_LABELS}.")
        check.number("num_heads", self.num_heads, 1, 256, integer=True)
        check.number("window_s", self.window_s, 0.5, 60)
        check.number("n_bins", self.n_bins, 1, 1000, integer=True)
        check.choice("pooling", self.pooling, get_args(Pooling))
        check.choice("streams", self.streams, get_args(Streams))
        if not set(self.unlearned) < set(self.labels):
            raise ConfigError("The model description does not fit: unlearned must be some of its labels.")
        check.number("width", self.width, 0.01, 16)
        check.number("dropout", self.dropout, 0, 0.99)
        _validate_pixels(self.pixels)
        _validate_audio(self.audio)
        values = self.audio.n_frames(self.n_samples) * self.audio.channels
        if not 0 < values <= MAX_WINDOW_VALUES:
            raise ConfigError(
                f"The model description does not fit: a window has {values} audio values, not 1 to "
                f"{MAX_WINDOW_VALUES}."
            )
        if self.pool is not None:
            self.pool.validate(self.labels)
        if self.stream_reading is not None:
            self.stream_reading.validate(self.n_bins)


@lru_cache(maxsize=64)
def _encoder_classes(names: tuple[str, ...]) -> tuple[type[FrameEncoder], ...]:
    if not names:
        raise ConfigError("There is no frame encoder in the model description.")
    return tuple(FRAME_ENCODERS.get(name) for name in names)


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Identifies how video and audio features are computed: the only definition of comparable features.

    Statistics, cached vectors and saved calibrations of one space can be used in an equal one and in
    no other.
    """

    encoders: tuple[str, ...]
    """Fingerprints of the frame encoders; that of a learned one covers its weights."""
    landmarker: str
    pooling: Pooling
    bin_ns: int
    """Exact length of a bin in ns."""
    audio: AudioSpec

    @classmethod
    def of(cls, spec: ModelSpec, weights: str | None = None) -> FeatureSpace:
        """The feature space of a model.

        Args:
            spec: its description.
            weights: digest of the learned encoder's weights; needed if the model has one.

        Raises:
            ValueError: the model has a learned encoder, and its weights are not stated.
        """
        encoders = tuple(
            encoder.fingerprint_of(spec, weights if encoder.learned else None)
            for encoder in spec.encoder_classes
        )
        audio = spec.audio
        # 50 and 50.0 are equal, and must have one digest.
        audio = replace(
            audio,
            fmin_hz=float(audio.fmin_hz),
            fmax_hz=float(audio.fmax_hz),
            floor_db=float(audio.floor_db),
        )
        return cls(encoders, spec.landmarker, spec.pooling, to_ns(spec.bin_s), audio)

    def digest(self) -> str:
        """A short name of this space for files, the same in every process."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def video(self) -> tuple[tuple[str, ...], str, Pooling, int]:
        """The video half; spaces that share it have equal video features."""
        return self.encoders, self.landmarker, self.pooling, self.bin_ns

    def __str__(self) -> str:
        encoders = " + ".join(self.encoders)
        bin_ms = f"{self.bin_ns / 1e6:.9g}"
        return f"{encoders} by {self.landmarker}, {self.pooling} of {bin_ms} ms; {self.audio}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureSpace:
        """Rebuild from `to_dict`, or from its JSON. ConfigError if it does not fit."""
        values = check.exact(cls, values, "feature space")
        audio = AudioSpec(**check.exact(AudioSpec, values["audio"], "audio description"))
        _validate_audio(audio)
        check.text("landmarker", values["landmarker"])
        check.choice("pooling", values["pooling"], get_args(Pooling))
        check.number("bin_ns", values["bin_ns"], 1, to_ns(60), integer=True)
        return cls(**{**values, "encoders": check.texts("encoders", values["encoders"]), "audio": audio})


def read_pixels(values: Any) -> PixelSpec:
    """A `PixelSpec` from its JSON. ConfigError if it does not fit."""
    named = check.exact(PixelSpec, values, "pixel description")
    pixels = PixelSpec(
        named["size"], named["order"], check.triple("mean", named["mean"]), check.triple("std", named["std"])
    )
    _validate_pixels(pixels)
    return pixels


def _validate_pixels(pixels: PixelSpec) -> None:
    check.number("size", pixels.size, 16, MAX_PIXELS, integer=True)
    check.choice("order", pixels.order, get_args(ChannelOrder))
    for value in check.triple("mean", pixels.mean):
        check.number("mean", value, -1e3, 1e3)
    for value in check.triple("std", pixels.std):
        check.number("std", value, 1e-6, 1e3)


def _validate_audio(audio: AudioSpec) -> None:
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
