"""Options that have no effect together with others, so that none is lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from emolive.models.spec import ModelSpec
from training.config import TrainConfig

_Rule = tuple[tuple[str, ...], Callable[[TrainConfig, ModelSpec], bool], str]
_RULES: tuple[_Rule, ...] = (
    (("p_video", "p_audio"), lambda c, _: c.mask != "drop", "only --mask drop uses it"),
    (("momentum", "dampening"), lambda c, _: c.optimizer != "sgd", "only --optimizer sgd uses it"),
    (("lr_steps",), lambda c, _: c.schedule != "steps", "only --schedule steps uses it"),
    (("warmup",), lambda c, _: c.schedule != "one_cycle", "only --schedule one_cycle uses it"),
    (
        ("teach_face", "teach_voice", "teach_both"),
        lambda c, _: not c.teacher_path,
        "there is no --teacher-path",
    ),
    (("mask",), lambda c, _: c.modality != "av", "a model of one stream has no modality dropout"),
    (
        ("conditions", "condition_share"),
        lambda c, _: c.backbone == "finetune" and c.conditions > 0,
        "the windows of a backbone that is trained are drawn from the clips as recorded",
    ),
    (("patience",), lambda c, _: c.no_val, "no epoch is chosen with --no-val"),
    (
        ("baseline_shares",),
        lambda _, spec: not spec.baselines,
        "this model reads features without a baseline",
    ),
    (
        ("sample_size",),
        lambda _, spec: spec.learned_encoder is None,
        "the encoder reads landmarks, which have no size",
    ),
)
"""Options, when they have no effect, and why."""


def ineffective_options(config: TrainConfig, spec: ModelSpec) -> tuple[str, ...]:
    """A sentence about each option that has another value than its default and no effect.

    Args:
        config: options of the run.
        spec: of the model.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in fields(TrainConfig)}
    return tuple(
        f"--{name.replace('_', '-')} has no effect: {reason}."
        for names, is_unused, reason in _RULES
        if is_unused(config, spec)
        for name in names
        if getattr(config, name) != defaults[name]
    )
