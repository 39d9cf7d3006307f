"""Fit how a checkpoint reads streams, and save the checkpoint with it.

    python -m training.fit_stream_reading CHECKPOINT --out FILE --folds FOLDER --annotations FILE

The networks of a cross-validation read streams of the actors that they were not trained on, once for each
baseline, through the same windows and profiles as a live session. What is fitted (the weight of the newest
evidence, temperatures, smoothing) goes into the checkpoint of the final model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
from rich.console import Console

from emolive.cli.commands import run_program
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.io import checkpoint
from emolive.models.runtimes.base import AUTO
from emolive.predictor import Predictor
from emolive.profile import SpeakerProfile
from emolive.stream_reading import SmoothingSpec, StreamReadingSpec
from emolive.types import MODALITIES
from preprocessing import annotations as annotation_files
from preprocessing.annotations import Annotations
from preprocessing.splits import normalize_actor_id
from training.actor_streams import ActorStreams, mode_of, session_windows
from training.evaluate.options import StreamBaseline
from training.learned import trained_neutral
from training.stream_reading_search import SearchResult, StreamAnswers, search
from training.streams import Stream

MODEL = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Fit how a checkpoint reads streams."""

    checkpoint: Annotated[Path, Arg(positional=True, metavar="CHECKPOINT")]
    """Checkpoint of the final model."""
    out: Annotated[Path, Arg(metavar="FILE")]
    """Checkpoint to write."""
    folds: Annotated[Path, Arg(metavar="FOLDER")]
    """Folder with a folder for each fold of a cross-validation, of the same recipe."""
    annotations: Annotated[Path, Arg(metavar="FILE")]
    """Annotation file of that cross-validation."""
    short_bins: Annotated[int, Range(1, 240)] = 6
    """Bins of the short evidence."""
    orders: Annotated[int, Range(1, 20)] = 1
    """Random orders of each actor's clips."""
    tries: Annotated[int, Range(1, 100_000)] = 300
    """Candidates of the search."""
    seed: Annotated[int, Range(0, 2**31)] = 1
    """Seed of the search."""


def fit(options: FitOptions, console: Console) -> SearchResult:
    """Run the command.

    Raises:
        EmoliveError: a checkpoint or some data cannot be used, or the file cannot be written.
    """
    loaded = checkpoint.load(options.checkpoint)
    start = StreamReadingSpec(
        min(options.short_bins, loaded.spec.n_bins), 0.5, (1.0, 1.0, 1.0), SmoothingSpec(0.6, 0.3, 0.05)
    )
    annotations = annotation_files.read(options.annotations, allow_outside=True)
    recorded: dict[str, list[StreamAnswers]] = {mode: [] for mode in get_args(StreamBaseline)}
    for path in sorted(options.folds.glob(f"fold*/{MODEL}")):
        console.print(f"Reading streams with {path}.", markup=False, highlight=False)
        for mode, answers in record(path, start, annotations, options.orders):
            recorded[mode].append(answers)
    if not any(recorded.values()):
        raise ConfigError(f"{options.folds} holds no fold with a {MODEL}: run emolive-train crossval.")
    result = search(start, recorded, loaded.spec.labels, tries=options.tries, seed=options.seed)
    console.print(json.dumps(result.to_dict(), indent=1), highlight=False)
    save(options.out, loaded, result)
    return result


def save(path: Path, loaded: checkpoint.Checkpoint, result: SearchResult) -> None:
    """Write a checkpoint with how it reads streams. OutputError if that is not possible."""
    reading = with_reading(loaded, result.reading)
    provenance = {**loaded.provenance, "stream": result.to_dict()}
    checkpoint.save(path, reading.net, provenance=provenance, face_head=loaded.face_head)


def with_reading(loaded: checkpoint.Checkpoint, reading: StreamReadingSpec) -> checkpoint.Checkpoint:
    """A copy of a checkpoint that reads streams in this way."""
    spec = replace(loaded.spec, stream_reading=reading)
    net = factory.build(spec)
    net.load_state_dict(loaded.net.state_dict())
    return replace(loaded, net=net.eval(), spec=spec)


def record(
    path: Path, reading: StreamReadingSpec, annotations: Annotations, orders: int
) -> Iterator[tuple[str, StreamAnswers]]:
    """The answers of a fold's network on streams of the actors that it was not trained on, by baseline.

    Raises:
        ConfigError: the checkpoint does not say which actors it was trained on.
        EmoliveError: a clip cannot be read.
    """
    loaded = checkpoint.load(path)
    trained = {normalize_actor_id(str(a)) for a in loaded.provenance.get("data", {}).get("actors", ())}
    if not trained:
        raise ConfigError(f"{path} does not say which actors it was trained on.")
    predictor = Predictor(with_reading(loaded, reading), backend=AUTO)
    learned = [i for i, item in enumerate(annotations.items) if normalize_actor_id(item.actor) in trained]
    baselines: tuple[StreamBaseline, ...] = get_args(StreamBaseline)
    neutral = trained_neutral(loaded.provenance)
    for one in ActorStreams(
        predictor, annotations, learned, baselines=baselines, orders=orders, neutral=neutral
    ):
        yield from _answers(predictor, one.stream, one.profiles(predictor, baselines))


def _answers(
    predictor: Predictor, stream: Stream, profiles: Mapping[StreamBaseline, SpeakerProfile]
) -> Iterator[tuple[str, StreamAnswers]]:
    times: list[float] = []
    rows: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {mode: [] for mode in profiles}
    nothing = np.full(len(predictor.spec.labels), -np.log(len(predictor.spec.labels)))
    for window in session_windows(predictor, stream, profiles):
        times.append(window.end_ns / 1e9)
        for baseline, profile in profiles.items():
            read = predictor.read_network(window, profile, mode_of(baseline))
            if read is None:
                last = rows[baseline][-1][1:] if rows[baseline] else (nothing, nothing)
                rows[baseline].append((-1, *last))
            else:
                short = read.whole if read.short is None else read.short
                rows[baseline].append((MODALITIES.index(read.modality), read.whole, short))
    for baseline in profiles:
        modality, whole, short = zip(*rows[baseline], strict=True)
        answers = np.array(modality), np.stack(whole), np.stack(short)
        yield baseline, StreamAnswers(stream.spans, np.array(times), *answers)


def fit_command(options: FitOptions) -> int:
    """Run the command."""
    fit(options, Console(soft_wrap=True))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the module."""
    return run_program("python -m training.fit_stream_reading", fit_command, argv)


if __name__ == "__main__":
    sys.exit(main())
