"""Valence and arousal, derived from the probabilities of the emotions. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

POSITIONS = {
    "neutral": (0.0, 0.0),
    "calm": (0.55, -0.6),
    "happy": (0.8, 0.45),
    "sad": (-0.75, -0.4),
    "angry": (-0.7, 0.55),
    "fearful": (-0.3, 0.85),
    "disgust": (-0.85, 0.2),
    "surprised": (0.3, 0.8),
}
"""Label → (valence, arousal), each -1..1: rough places on the circumplex of J. A. Russell, "A circumplex
model of affect", 1980. They are an illustration; no model here was trained on valence and arousal."""


def valence_arousal(labels: Sequence[str], probs: Sequence[float]) -> tuple[float, float] | None:
    """The mean position of the emotions, weighted by their probabilities.

    Args:
        labels: of the model.
        probs: 0..1, one for each label.

    Returns:
        Valence and arousal, -1..1; None if a label has no place.
    """
    total = sum(probs)
    if total <= 0 or any(label not in POSITIONS for label in labels):
        return None
    valence = sum(p * POSITIONS[label][0] for label, p in zip(labels, probs, strict=True)) / total
    arousal = sum(p * POSITIONS[label][1] for label, p in zip(labels, probs, strict=True)) / total
    return valence, arousal
