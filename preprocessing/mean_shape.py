"""Computes the mean face shape that landmarks are aligned to: `python -m preprocessing.mean_shape`.

All landmark features are relative to this shape, so models must be trained again if it changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from emolive.atomic_io import atomic_write
from emolive.cli.commands import run_program
from emolive.cli.config import Arg
from emolive.errors import ConfigError
from emolive.types import FloatArray
from emolive.vision.encoders import landmarks
from preprocessing.array_archive import ArrayArchive
from preprocessing.datasets.landmarks_npz import is_excluded

EVERY = 4
"""Successive frames are nearly the same: one of so many is used."""
DIGITS = 5


@dataclass(frozen=True)
class MeanShapeOptions:
    """Compute the mean face shape from landmarks, and print how far it is from the one in OUT.json."""

    npz: Annotated[Path, Arg(positional=True)]
    """File with KEY/xy (T, 68, 2) for each trial."""
    out: Annotated[Path, Arg(positional=True, metavar="OUT.json")]
    """File to write."""
    exclude: Annotated[tuple[str, ...], Arg(metavar="TRIAL", aliases=("leave-out",))] = ()
    """Trials to exclude: the end of a name, or actor:NN."""


def read_faces(npz: Path, exclude: Sequence[str] = (), every: int = EVERY) -> FloatArray:
    """Landmarks of all trials.

    Args:
        npz: file with KEY/xy (T, 68, 2); the last field of a KEY, a RAVDESS name, is the actor.
        exclude: ends of trial names, or "actor:NN".
        every: use one of so many frames of each trial.

    Returns:
        (n, 68, 2) float32.

    Raises:
        MediaError: the file cannot be read.
        ConfigError: no face is left.
    """
    with ArrayArchive(npz) as archive:
        keys = sorted(name.removesuffix("/xy") for name in archive.names if name.endswith("/xy"))
        faces = [
            archive.numbers(f"{key}/xy", (None, landmarks.POINTS, 2))[::every]
            for key in keys
            if not is_excluded(key, exclude)
        ]
    if not faces:
        raise ConfigError(f"{npz} has no landmarks (KEY/xy) that are not excluded.")
    return np.concatenate(faces).astype(np.float32)


def symmetric_mean_shape(faces: FloatArray) -> FloatArray:
    """The mean of (n, 68, 2) faces and their mirror images, (68, 2)."""
    shape = landmarks.mean_shape_of(faces)
    mirrored = landmarks.LandmarkEncoder.mirror(shape.reshape(1, -1)).reshape(shape.shape)
    return np.asarray((shape + mirrored) / 2, np.float32)


def write_mean_shape(options: MeanShapeOptions) -> int:
    """Compute and write the shape."""
    faces = read_faces(options.npz, options.exclude)
    shape = np.round(symmetric_mean_shape(faces).astype(np.float64), DIGITS) + 0.0  # no -0.0
    difference = _difference(options.out, shape)
    with atomic_write(options.out) as part:
        part.write_text(json.dumps({"points": shape.tolist()}))
    if difference is not None:
        sys.stdout.write(f"The largest difference from the previous shape is {difference:.0e}.\n")
    sys.stdout.write(f"{options.out}: the mean of {len(faces)} faces.\n")
    return 0


def _difference(path: Path, shape: NDArray[Any]) -> float | None:
    """The largest difference from the shape in a file; None if there is none."""
    try:
        old = np.asarray(json.loads(path.read_text())["points"], np.float64)
        return float(np.abs(shape - old).max())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the module."""
    return run_program("python -m preprocessing.mean_shape", write_mean_shape, argv)


if __name__ == "__main__":
    sys.exit(main())
