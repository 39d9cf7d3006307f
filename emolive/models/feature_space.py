"""What makes the features of two models comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from emolive.clock import to_ns
from emolive.models import checks as check
from emolive.models.input_spec import AudioSpec, validate_audio
from emolive.models.spec import ModelSpec
from emolive.types import Pooling


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
        validate_audio(audio)
        check.text("landmarker", values["landmarker"])
        check.choice("pooling", values["pooling"], get_args(Pooling))
        check.number("bin_ns", values["bin_ns"], 1, to_ns(60), integer=True)
        return cls(**{**values, "encoders": check.texts("encoders", values["encoders"]), "audio": audio})
