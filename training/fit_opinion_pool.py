"""Fit the opinion pools of checkpoints that read the same inputs, and save the checkpoints with them.

    python -m training.fit_opinion_pool CHECKPOINT... --out FOLDER --folds FOLDER... --annotations FILE \
        --data FOLDER --windows FOLDER

Two sources are weighed against each other:

* RAVDESS: the answers of the networks of a cross-validation on the actors they were not trained on, beside
  the classifier's predictions on warped portraits of these actors (`preprocessing.portraits`);
* strangers: clips of people outside RAVDESS with every plausible label (`training.evaluate.strangers`). They
  choose and calibrate these few numbers; nothing is trained on them.

A pool is the one with the best mean recall on RAVDESS among those that reach the targets on the strangers,
both after the seconds that a clip lasts and as if each person had been watched many times as long. All pools
share the distances from the training data up to which a network leads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
from rich.console import Console

from emolive.cli.commands import run_program
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.io import checkpoint
from emolive.opinion_pool import OpinionPoolSpec
from emolive.vision.expression import classifier_digest, classifier_path
from preprocessing import annotations as annotation_files
from training.evaluate.strangers import read_truth
from training.opinion_pool_actors import ClipMeans, read_actors, read_means
from training.opinion_pool_recording import record_strangers
from training.opinion_pool_search import PoolProblem, SearchResult, search

START = OpinionPoolSpec(
    classifier="",
    network=(0.33, 0.45),
    absolute=(0.67, 0.35),
    relative=(0.0, 0.0),
    neutral_bias=0.7,
    calm_offset=1.6,
    floor=0.001,
    recent_s=1.5,
    evidence_s=4.0,
    running_limit=0.7,
    calibration_s=1.0,
    novelty_limits=(1.65, 1.25, 1.18),
    novelty_width=0.05,
    resemblance_limit=0.7,
    novel_voice_weight=0.5,
    temperatures=(0.6, 0.85),
)
"""Where the search starts. Floor, times and the limit of g are not searched."""


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Fit the opinion pools of checkpoints that read the same inputs."""

    checkpoints: Annotated[tuple[Path, ...], Arg(positional=True, metavar="CHECKPOINT")]
    """Checkpoints of the final models, one for each fusion."""
    out: Annotated[Path, Arg(metavar="FOLDER")]
    """Where to write FUSION.safetensors of each."""
    folds: Annotated[tuple[Path, ...], Arg(metavar="FOLDER")]
    """Result folder of `emolive-train crossval` of the same recipe, for each checkpoint."""
    annotations: Annotated[Path, Arg(metavar="FILE")]
    """Annotation file of these cross-validations."""
    data: Annotated[Path, Arg(metavar="FOLDER")]
    """Folder with ravdess/landmarks, ravdess/portraits and strangers."""
    windows: Annotated[Path, Arg(metavar="FOLDER")]
    """Cache folder of these cross-validations (--cache_path)."""
    cache: Annotated[Path, Arg(metavar="FILE")] = Path("portraits.npz")
    """Stores the classifier's predictions on the portraits."""
    tries: Annotated[int, Range(1, 100_000)] = 600
    """Candidates of the search for each checkpoint."""
    seed: Annotated[int, Range(0, 2**31)] = 1
    """Seed of the search."""


def fit(options: FitOptions, console: Console) -> dict[str, SearchResult]:
    """Run the command; the result of each fusion.

    Raises:
        EmoliveError: the options do not fit, a checkpoint or some data cannot be used, or a file cannot be
            written.
    """
    if len(options.folds) != len(options.checkpoints):
        raise ConfigError("Name one folder of folds for each checkpoint.")
    start = replace(START, classifier=classifier_digest(classifier_path()))
    annotations = annotation_files.read(options.annotations, allow_outside=True)
    models: dict[str, tuple[checkpoint.Checkpoint, ClipMeans]] = {}
    problems: dict[str, PoolProblem] = {}
    for path, folds in zip(options.checkpoints, options.folds, strict=True):
        loaded = checkpoint.load(path)
        fusion = loaded.spec.fusion
        if fusion in models:
            raise ConfigError(f"Two checkpoints have the fusion {fusion}: name one of each.")
        means = read_means(annotations, options.windows, loaded)
        spec = replace(loaded.spec, pool=start)
        actors = read_actors(
            annotations,
            folds,
            options.data / "ravdess",
            spec,
            means,
            cache=options.cache,
            say=console.print,
        )
        pooled = with_pool(loaded, start, means)
        strangers = record_strangers(pooled, read_truth(options.data / "strangers"))
        models[fusion], problems[fusion] = (loaded, means), PoolProblem(spec, actors, strangers)
    results = search(start, problems, tries=options.tries, seed=options.seed)
    for fusion, result in results.items():
        console.print(json.dumps({fusion: result.to_dict()}, indent=1), highlight=False)
        loaded, means = models[fusion]
        save(options.out / f"{fusion}.safetensors", with_pool(loaded, result.pool, means), result)
    return results


def save(path: Path, pooled: checkpoint.Checkpoint, result: SearchResult) -> None:
    """Write a checkpoint with its pool. OutputError if that is not possible."""
    provenance = {**pooled.provenance, "opinion_pool": result.to_dict()}
    checkpoint.save(path, pooled.net, provenance=provenance, face_head=pooled.face_head)


def with_pool(
    loaded: checkpoint.Checkpoint, pool: OpinionPoolSpec, means: ClipMeans
) -> checkpoint.Checkpoint:
    """A copy of a checkpoint with a pool, and with the training people that it measures novelty against."""
    spec = replace(loaded.spec, pool=pool)
    net = factory.build(spec)
    state = {name: value for name, value in loaded.net.state_dict().items() if "_population_" not in name}
    for stream, population in zip(("video", "audio"), means.populations(), strict=True):
        state[f"{stream}_population_mean"] = torch.from_numpy(population.mean)
        state[f"{stream}_population_whitening"] = torch.from_numpy(population.whitening)
    net.load_state_dict(state)
    return replace(loaded, net=net.eval(), spec=spec)


def fit_command(options: FitOptions) -> int:
    """Run the command."""
    fit(options, Console(soft_wrap=True))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the module."""
    return run_program("python -m training.fit_opinion_pool", fit_command, argv)


if __name__ == "__main__":
    sys.exit(main())
