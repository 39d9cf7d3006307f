"""What a result folder holds, read without torch: the options of its model, and why it is not a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emolive.errors import CheckpointError
from emolive.models.io import checkpoint

MODEL = "model.safetensors"
"""The best epoch so far; after the end of the run with its calibration."""
NEWEST = "last.safetensors"
"""The newest epoch."""


def model_options(folder: Path) -> dict[str, Any]:
    """The options of the run that made the model in a folder, as far as its checkpoint records them.

    Returns:
        Options by name, without paths; nothing if there is no model.

    Raises:
        CheckpointError: the model is damaged.
    """
    if not (folder / MODEL).is_file():
        return {}
    description = checkpoint.describe(folder / MODEL)
    spec = description.spec
    recorded = description.provenance.get("options")
    options = dict(recorded) if isinstance(recorded, dict) else {}
    options |= {
        "fusion": spec.fusion,
        "encoder": ",".join(spec.encoders),
        "arch": spec.arch,
        "num_heads": spec.num_heads,
        "n_classes": len(spec.labels),
        "sample_duration": spec.n_bins,
        "audio": spec.audio.kind,
    }
    if spec.learned_encoder is not None:
        options["sample_size"] = spec.pixels.size
    return options


def why_not_a_run(folder: Path) -> str:
    """Why there is nothing to test in a folder, in a sentence."""
    pickles = sorted(path for path in folder.glob("*") if checkpoint.is_pickle_file(path))
    published = [path for path in pickles if "best" in path.stem] or pickles
    if published:
        return (
            f"{folder} holds a checkpoint of the published code: convert it with `emolive import-checkpoint "
            f"{published[0]} --out {folder / MODEL}`, and run this command again."
        )
    return f"{folder} is not the result folder of a run: it has neither a configuration nor a {MODEL}."


def model_path(folder: Path) -> Path:
    """The model of a run.

    Raises:
        CheckpointError: there is none yet.
    """
    path = folder / MODEL
    if not path.is_file():
        raise CheckpointError(
            f"The run in {folder} has no model yet, because no epoch of it is complete: resume it with "
            f"--resume_path {folder}."
        )
    return path
