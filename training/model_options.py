"""The model that the options of a run describe."""

from __future__ import annotations

from dataclasses import replace

from emolive.models.input_spec import PixelSpec
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.plugins import VOICE_ENCODERS
from training.config import TrainConfig
from training.encoder_traits import landmarker_of


def model_spec(config: TrainConfig, labels: tuple[str, ...]) -> ModelSpec:
    """The model that the options describe, for these labels."""
    spec = ModelSpec(
        fusion=config.fusion,
        encoders=config.encoders,
        num_heads=config.num_heads,
        labels=labels,
        n_bins=config.sample_duration,
        pixels=PixelSpec(size=config.sample_size or PixelSpec().size),
        audio=VOICE_ENCODERS.get(config.audio).default_spec,
        dropout=config.dropout,
        width=config.width,
        arch=config.arch,
    )
    is_raw = all(e.learned for e in spec.encoder_classes) and spec.audio == ModelSpec().audio
    return replace(
        spec,
        landmarker=landmarker_of(spec),
        pooling="middle" if any(e.pooling == "middle" for e in spec.encoder_classes) else "mean",
        # The published model reads features as they are.
        baselines=() if is_raw else MODES,
    )
