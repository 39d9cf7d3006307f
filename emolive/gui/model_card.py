"""What is known of a checkpoint, in rows. Reads the file; no Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emolive.gui import strings
from emolive.gui.i18n import tr


def model_card(path: Path) -> tuple[tuple[str, str], ...]:
    """Titles and values of a checkpoint's card.

    Args:
        path: a checkpoint or an export.

    Raises:
        CheckpointError: it cannot be read.
    """
    from emolive.models.io.onnx import describe

    described = describe(path)
    spec = described.spec
    rows = [
        (tr("File"), path.name),
        (tr("Fusion"), f"{spec.fusion}: {strings.fusion_explanation(spec.fusion)}".rstrip(": ")),
        (tr("Emotions"), ", ".join(strings.label_title(label) for label in spec.labels)),
        (tr("Sees"), ", ".join(spec.encoders)),
        (tr("Hears"), spec.audio.kind),
        (tr("Looks back"), tr("{seconds} s", seconds=f"{spec.window_s:.1f}")),
        (tr("Baselines"), ", ".join(spec.baselines) or "–"),
        (tr("Trained on"), _training(described.provenance)),
    ]
    return tuple(rows)


def _training(provenance: dict[str, Any]) -> str:
    """Where a model comes from; a dash where its file does not say so."""
    data = provenance.get("data")
    if isinstance(data, dict) and "clips" in data:
        actors = data.get("actors")
        n_actors = len(actors) if isinstance(actors, list) else "?"
        return tr("{clips} clips of {actors} people", clips=data["clips"], actors=n_actors)
    return str(data) if isinstance(data, str) and data else "–"
