"""Predictions of the expression classifier for RAVDESS trials, from warped portraits of the actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from emolive.atomic_io import atomic_write
from emolive.types import FloatArray
from emolive.vision.expression import ExpressionClassifier
from preprocessing.array_archive import ArrayArchive
from preprocessing.portraits import Portrait, load_portrait, load_tracks

EVERY = 2
"""Of the tracks' 15 rows a second, every second one is classified, as in a live session."""


def measure(
    tracks_file: Path,
    portraits: Path,
    classifier: ExpressionClassifier,
    trials: Iterable[str],
    *,
    cache: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, FloatArray]:
    """Log-probabilities (frames, 8) of each trial, as "01-…" names of the video.

    Args:
        tracks_file: landmark tracks, see `preprocessing.portraits.load_tracks`.
        portraits: folder of the actors' portraits.
        classifier: the classifier.
        trials: which to measure.
        cache: file that stores the predictions.
        progress: called with the name of each actor who is done.

    Raises:
        MediaError: tracks or a portrait are missing.
    """
    wanted = sorted(trials, key=lambda trial: (trial[-2:], trial))
    measured: dict[str, FloatArray] = {}
    if cache.is_file():
        with ArrayArchive(cache) as stored:
            measured = {trial: stored.read(trial) for trial in stored.names}
    if set(wanted) <= set(measured):
        return {trial: measured[trial] for trial in wanted}
    tracks = load_tracks(tracks_file)
    portrait: Portrait | None = None
    actor = ""
    for trial in wanted:
        if trial in measured:
            continue
        if trial[-2:] != actor or portrait is None:
            if actor:
                progress(actor)
            actor = trial[-2:]
            portrait = load_portrait(portraits, actor, tracks)
        points = tracks[trial][0][::EVERY]
        rows = [classifier(portrait.warp(frame), portrait.to_image(frame))[0] for frame in points]
        measured[trial] = np.stack(rows)
    cache.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(cache) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **measured)
    return {trial: measured[trial] for trial in wanted}
