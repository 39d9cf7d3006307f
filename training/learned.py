"""What a model can learn from a set of training clips: its classes, and which streams they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emolive.errors import ConfigError
from emolive.models.spec import EMOTIONS, ModelSpec, Streams
from emolive.types import Modality
from preprocessing.annotations import Annotations
from training.batches import IntArray
from training.normalizer_sampler import NEUTRAL, is_neutral
from training.window_dataset import WindowDataset

MIN_SHARE = 0.1
"""A stream is learned if it is there in at least this share of the training clips that should have it."""
_PARTS = {"v": ("faces", "face"), "a": ("voices", "voice")}


def class_labels(n_classes: int, annotations: Annotations) -> tuple[str, ...]:
    """The classes of a model: the labels of its data.

    Args:
        n_classes: of the options; 0 accepts any number. 8 gives all emotions of RAVDESS to clips of RAVDESS.
        annotations: the clips.

    Raises:
        ConfigError: the number does not fit.
    """
    labels = annotations.labels
    if n_classes in (0, len(labels)):
        return labels
    if n_classes == len(EMOTIONS) and annotations.is_ravdess and set(labels) <= set(EMOTIONS):
        return EMOTIONS
    named = ", ".join(labels)
    raise ConfigError(
        f"--n-classes is {n_classes}, but the annotations have {len(labels)} "
        f"label{'' if len(labels) == 1 else 's'} ({named})."
    )


def neutral_label(named: str, labels: tuple[str, ...]) -> str:
    """The label of neutral clips: the one that the options name, else "neutral" in any case.

    Raises:
        ConfigError: the options name a label that no clip has.
    """
    for label in labels:
        if is_neutral(label, named or NEUTRAL):
            return label
    if named:
        raise ConfigError(f"No clip has the label {named} (--neutral-label): choose {', '.join(labels)}.")
    return NEUTRAL


def trained_neutral(provenance: Mapping[str, Any]) -> str:
    """The label of neutral clips in the training of a checkpoint, from its provenance."""
    recorded = provenance.get("options")
    named = str(recorded.get("neutral_label", "")) if isinstance(recorded, Mapping) else ""
    return named or NEUTRAL


def with_learned(
    spec: ModelSpec, dataset: WindowDataset, clips: IntArray, modality: Streams
) -> tuple[ModelSpec, tuple[str, ...]]:
    """A description of the model that records what its training clips can teach it.

    Args:
        spec: of the model.
        dataset: of all clips.
        clips: indices of the training clips.
        modality: the streams that training may use.

    Returns:
        The description, and a sentence about each part that the clips cannot teach.

    Raises:
        ConfigError: nothing is left to train on.
    """
    windows = [dataset.window(int(clip)) for clip in clips]
    shares = {
        "v": sum(window.has_face for window in windows) / len(windows),
        "a": sum(window.has_voice(spec.window_s) for window in windows) / len(windows),
    }
    sentences = []
    streams = ""
    for stream in modality:
        if shares[stream] >= MIN_SHARE:
            streams += stream
            continue
        many, one = _PARTS[stream]
        n = round(shares[stream] * len(windows))
        sentences.append(
            f"{n or 'None'} of the {len(windows)} training clips {'has' if n <= 1 else 'have'} a {one}: "
            f"{many} are not learned, and the model will ignore them."
        )
    if not streams:
        raise ConfigError(f"There is nothing to learn from. {' '.join(sentences)}")
    shown = {dataset.items[int(clip)].label for clip in clips}
    unlearned = tuple(label for label in spec.labels if label not in shown)
    if len(shown) < 2:
        raise ConfigError(
            f"All training clips have the label {next(iter(shown))}: a model needs two to choose from."
        )
    if unlearned:
        sentences.append(
            f"No training clip has the label {' or '.join(unlearned)}: the model will never predict it."
        )
    return replace(spec, streams=Modality(streams).value, unlearned=unlearned), tuple(sentences)
