"""The mean face that all landmarks are laid on, from measured faces: `python -m preprocessing.mean_shape`.

Every landmark vector that a model reads is relative to this shape, so another shape wants other weights.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.types import FloatArray
from emolive.vision.encoders import landmarks
from preprocessing.landmarks_npz import is_left_out

EVERY = 4
"""Neighbouring rows show nearly the same face: one of so many is enough."""
DIGITS = 5


def faces_of(npz: Path, leave_out: Sequence[str] = (), every: int = EVERY) -> FloatArray:
    """(n, 68, 2): one of `every` rows of all trials KEY/xy whose actor is not left out.

    Args:
        npz: landmarks; the last field of a KEY in RAVDESS's naming is the actor.
        leave_out: ends of trial names, or "actor:NN".
        every: from the first row of each trial on.

    Raises:
        EmoliveError: the file cannot be read, or no face is left.
    """
    try:
        with np.load(npz) as stored:
            keys = sorted(name.removesuffix("/xy") for name in stored.files if name.endswith("/xy"))
            kept = [stored[f"{key}/xy"][::every] for key in keys if not is_left_out(key, leave_out)]
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise EmoliveError(f"The landmarks {npz} cannot be read: {error}.") from error
    if not kept:
        raise EmoliveError(f"{npz} holds no landmarks (KEY/xy) that are not left out.")
    return np.concatenate(kept).astype(np.float32)


def symmetric_mean_shape(faces: FloatArray) -> FloatArray:
    """(68, 2): the mean of (n, 68, 2) faces and of their mirror images."""
    shape = landmarks.mean_shape_of(faces)
    mirrored = landmarks.LandmarkEncoder.mirror(shape.reshape(1, -1)).reshape(shape.shape)
    return np.asarray((shape + mirrored) / 2, np.float32)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m preprocessing.mean_shape", description=__doc__)
    parser.add_argument("npz", type=Path, metavar="NPZ", help="holds KEY/xy (T, 68, 2) for each trial")
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="TRIAL", help="or actor:NN")
    options = parser.parse_args(arguments)
    try:
        faces = faces_of(options.npz, options.leave_out)
        shape = np.round(symmetric_mean_shape(faces).astype(np.float64), DIGITS) + 0.0  # no -0.0
        if old := _apart(options.out, shape):
            sys.stdout.write(old)
        with atomic_write(options.out) as part:
            part.write_text(json.dumps({"points": shape.tolist()}))
        sys.stdout.write(f"{options.out}: the mean of {len(faces)} faces.\n")
        return 0
    except EmoliveError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _apart(out: Path, shape: NDArray[Any]) -> str:
    """How far a shape is from the one that stands in its place; "" if none does."""
    try:
        old = np.asarray(json.loads(out.read_text())["points"], np.float64)
        return f"At most {np.abs(shape - old).max():.0e} from the shape that was there.\n"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
