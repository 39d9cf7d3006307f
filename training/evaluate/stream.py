"""`emolive-evaluate stream`: a model on streams, read as in a live session.

A stream is either made of the clips of an actor, which follow each other without a gap in random order, or it
is a media file with a list of spans. Face vectors and sound go through the same windows, baseline, model and
smoothing as live.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerProfile
from emolive.smoothing import Smoother
from preprocessing import annotations as annotation_files
from preprocessing.annotations import Annotations
from preprocessing.progress import ProgressBar
from training import plots
from training.actor_streams import ActorStreams, mode_of, session_windows
from training.bins import Recording
from training.evaluate.options import StreamBaseline, StreamOptions
from training.evaluate.stream_metrics import Hop, measure
from training.normalizer_sampler import NEUTRAL
from training.report import percent
from training.streams import Span

MEDIA_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".wav", ".flac")
"""Where the media file of a list of spans is looked for."""


Answered = tuple[tuple[Span, ...], list[Hop]]
"""The spans of a stream and the answers for its windows."""


def stream(options: StreamOptions, console: Console | None = None) -> int:
    """Run the command.

    Raises:
        EmoliveError: the checkpoint, the annotations or a file cannot be used.
    """
    console = console or Console(soft_wrap=True)
    predictor = load_predictor(options.fusion, options.checkpoint)
    if options.annotations is not None:
        annotations = annotation_files.read(options.annotations, allow_outside=options.allow_outside)
        with ProgressBar(console, "Reading streams", "streams") as bar:
            answered = read_clips(
                predictor,
                annotations,
                bar,
                baselines=[options.baseline],
                split=options.split,
                orders=options.orders,
            )[options.baseline]
    else:
        assert options.truth is not None
        answered = [_read_media(predictor, options.truth, options)]
    results: dict[str, Any] = {
        "fusion": predictor.spec.fusion,
        "baseline": options.baseline,
        "streams": len(answered),
        **measure(answered),
    }
    _print(console, f"{predictor.spec.fusion}, baseline {options.baseline}", results)
    if options.json is not None:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    if options.plot is not None:
        plots.by_time(options.plot, {predictor.spec.fusion: results["by_time"]}, "Right labels in a stream")
    return 0


def read_stream(predictor: Predictor, recording: Recording, baseline: StreamBaseline) -> list[Hop]:
    """The answers for all windows of a recording, as in a live session that knows nothing of the person."""
    return read_baselines(predictor, recording, {baseline: predictor.new_profile("stream")})[baseline]


def read_baselines(
    predictor: Predictor, recording: Recording, profiles: Mapping[StreamBaseline, SpeakerProfile]
) -> dict[StreamBaseline, list[Hop]]:
    """The answers for all windows of a stream, as in live sessions with each baseline.

    Args:
        predictor: the model.
        recording: the features of the stream.
        profiles: with which the session of each baseline begins.
    """
    smoothers = {baseline: Smoother.for_spec(predictor.spec) for baseline in profiles}
    hops: dict[StreamBaseline, list[Hop]] = {baseline: [] for baseline in profiles}
    for window in session_windows(predictor, recording, profiles):
        for baseline, profile in profiles.items():
            prediction = predictor.predict(window, profile, mode_of(baseline))
            raw = shown = ""
            if prediction is not None:
                raw = predictor.spec.labels[int(np.argmax(prediction.probs))]
                smoothed = smoothers[baseline].update(prediction.probs, window.end_ns, prediction.age_s)
                shown = smoothed.label
            hops[baseline].append(Hop(window.end_ns / 1e9, raw, shown))
    return hops


def read_clips(
    predictor: Predictor,
    annotations: Annotations,
    progress: ProgressBar,
    *,
    baselines: Sequence[StreamBaseline],
    split: str = "",
    orders: int = 1,
    neutral: str = NEUTRAL,
) -> dict[StreamBaseline, list[Answered]]:
    """The answers for streams of each actor's clips, by baseline.

    The clips that calibrate baseline neutral (`calibration_clips`) are in no stream, whatever the baseline.

    Args:
        predictor: the model.
        annotations: all clips of the actors.
        progress: is advanced with each stream.
        baselines: of the normalization.
        split: whose clips make streams; empty for all.
        orders: random orders of each actor's clips.
        neutral: the label of neutral clips.

    Raises:
        EmoliveError: a clip cannot be read, or no clips are left.
    """
    scored = annotations.of(split) if split else annotations
    ids = {item.id for item in scored.items}
    streams = ActorStreams(
        predictor,
        annotations,
        [i for i, item in enumerate(annotations.items) if item.id not in ids],
        baselines=baselines,
        orders=orders,
        neutral=neutral,
    )
    if not len(streams):
        raise ConfigError("No clip is left to make a stream of: all of them serve as a neutral calibration.")
    progress.start(len(streams))
    answered: dict[StreamBaseline, list[Answered]] = {baseline: [] for baseline in baselines}
    for one in streams:
        answers = read_baselines(predictor, one.stream, one.profiles(predictor, baselines))
        for baseline, hops in answers.items():
            answered[baseline].append((one.stream.spans, hops))
        progress.advance()
    return answered


def _read_media(predictor: Predictor, truth: Path, options: StreamOptions) -> Answered:
    spans = read_spans(truth)
    path = options.media or _media_of(truth)
    with FileAnalyzer(predictor, baseline=options.baseline) as analyzer:
        clip = analyzer.extract_features(path)
    return spans, read_stream(predictor, clip, options.baseline)


def _media_of(truth: Path) -> Path:
    for suffix in MEDIA_SUFFIXES:
        if (path := truth.with_suffix(suffix)).is_file():
            return path
    raise ConfigError(f"There is no media file beside {truth}: name it with --media FILE.")


def read_spans(path: Path) -> tuple[Span, ...]:
    """The spans of a media file, from a JSON list of objects with start, end and emotion.

    `from_s`, `to_s` and `label` are taken as well.

    Raises:
        ConfigError: the file cannot be read, or spans are not in order.
    """
    try:
        spans = tuple(
            Span(
                float(entry.get("start", entry.get("from_s"))),
                float(entry.get("end", entry.get("to_s"))),
                str(entry.get("emotion", entry.get("label"))),
            )
            for entry in json.loads(path.read_text())
        )
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path} is no list of spans with start, end and emotion.") from error
    if not spans or any(a.to_s > b.from_s + 1e-3 for a, b in pairwise(spans)):
        raise ConfigError(f"{path} must list spans in order of time that do not overlap.")
    return spans


def _print(console: Console, title: str, results: dict[str, Any]) -> None:
    def share(value: float | None) -> str:
        return "-" if value is None else percent(value)

    def seconds(value: float | None) -> str:
        return "never" if value is None else f"{value:.1f}"

    def rate(value: float | None) -> str:
        return "-" if value is None else f"{value:.0f}"

    table = Table(title=title)
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, text in (
        ("right hops as displayed, UAR, %", share(results["hop_uar_shown"])),
        ("right hops before smoothing, UAR, %", share(results["hop_uar_raw"])),
        ("right at the end of a span, UAR, %", share(results["end_uar_shown"])),
        ("reaction, median, s", seconds(results["reaction_median_s"])),
        ("reaction, 90 %, s", seconds(results["reaction_p90_s"])),
        ("spans never right, %", share(results["never_right"])),
        ("unsure hops, %", share(results["unsure"])),
        ("label changes a minute", rate(results["label_changes_per_min"])),
        ("true changes a minute", rate(results["true_changes_per_min"])),
        ("hops", str(results["n_hops"])),
    ):
        table.add_row(name, text)
    console.print(table)
    curve = Table(title="by seconds since a change, %")
    for heading in ("from", "to", "before smoothing", "displayed"):
        curve.add_column(heading, justify="right")
    for row in results["by_time"]:
        curve.add_row(
            f"{row['from_s']:.1f}", f"{row['to_s']:.1f}", percent(row["raw"]), percent(row["shown"])
        )
    console.print(curve)
