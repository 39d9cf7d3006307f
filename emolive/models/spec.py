"""The description of a model as plain values: a checkpoint without its weights.

Nothing here imports torch, so that the app can describe a model before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from emolive.errors import ConfigError
from emolive.models import checks as check
from emolive.models.input_spec import (
    AudioSpec,
    PixelSpec,
    read_pixels,
    validate_audio,
    validate_pixels,
)
from emolive.opinion_pool import OpinionPoolSpec
from emolive.plugins import FRAME_ENCODERS
from emolive.stream_reading import StreamReadingSpec
from emolive.types import MODALITIES, Modality, Pooling

if TYPE_CHECKING:
    from emolive.vision.encoders.base import FrameEncoder

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

MAX_LABELS = 64
MAX_WINDOW_VALUES = 1 << 22
"""Audio frames of a window times channels: what a network may be given, however the parts are chosen."""

NO_BASELINE = "none"
"""The normalisation mode of the statistics of all speakers."""

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
        validate_pixels(self.pixels)
        validate_audio(self.audio)
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
