"""Fit the opinion pool of a checkpoint, and save the checkpoint with it.

    python -m training.fit_opinion_pool CHECKPOINT --out FILE --folds FOLDER --annotations FILE --data FOLDER

Two sources are weighed against each other:

* RAVDESS: the answers of the networks of a cross-validation on the actors they were not trained on, beside
  the classifier's answers on warped portraits of these actors (`preprocessing.portraits`);
* strangers: clips of people outside RAVDESS with every plausible label (`training.evaluate.strangers`). They
  choose and calibrate these few numbers; nothing is trained on them.

The pool is the one with the best mean recall on RAVDESS among those that reach the targets on the strangers,
both after the seconds that a clip lasts and as if each person had been watched many times as long.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from emolive.cli.config import Arg, Range
from emolive.cli.parser import OptionsParser
from emolive.clock import to_ns
from emolive.errors import ConfigError, EmoliveError
from emolive.models import factory
from emolive.models.io import checkpoint
from emolive.models.spec import ModelSpec
from emolive.novelty import Population, mean_video
from emolive.opinion_pool import EXPRESSIONS, ExpressionStats, OpinionPoolSpec
from emolive.pooling import pool_bins
from emolive.types import FloatArray, Modality
from emolive.vision.expression import classifier_digest, classifier_path, load_classifier
from emolive.windowing import centre_window_end_ns
from preprocessing import annotations as annotation_files
from preprocessing.portraits import LOGIT_GAINS, load_tracks
from training import portrait_expressions, window_dataset
from training.config import TrainConfig
from training.evaluate.strangers import read_truth
from training.normalizer_sampler import calibration_clips
from training.opinion_pool_recording import record_strangers
from training.opinion_pool_search import (
    MODES,
    ActorClips,
    SearchResult,
    search,
)

START = OpinionPoolSpec(
    classifier="",
    network=(0.35, 0.4),
    absolute=(0.65, 0.5),
    relative=(0.0, 0.1),
    neutral_bias=0.3,
    calm_offset=0.7,
    floor=0.001,
    recent_s=1.5,
    evidence_s=4.0,
    running_limit=0.5,
    calibration_s=1.0,
    novelty_limits=(1.7, 1.25, 1.4),
    novelty_width=0.05,
    novel_voice_weight=0.5,
    temperatures=(0.5, 0.5),
)
"""Where the search starts. Floor and times are not searched."""


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Fit the opinion pool of a checkpoint."""

    checkpoint: Annotated[Path, Arg(positional=True, metavar="CHECKPOINT")]
    """Checkpoint of the final model."""
    out: Annotated[Path, Arg(metavar="FILE")]
    """Checkpoint to write."""
    folds: Annotated[Path, Arg(metavar="FOLDER")]
    """Result folder of `emolive-train crossval`, of the same recipe."""
    annotations: Annotated[Path, Arg(metavar="FILE")]
    """Annotation file of that cross-validation."""
    data: Annotated[Path, Arg(metavar="FOLDER")]
    """Folder with ravdess/landmarks, ravdess/portraits and strangers."""
    windows: Annotated[Path, Arg(metavar="FOLDER")]
    """Cache folder of that cross-validation (--cache_path)."""
    cache: Annotated[Path, Arg(metavar="FILE")] = Path("portraits.npz")
    """Keeps what the classifier found on the portraits."""
    tries: Annotated[int, Range(1, 100_000)] = 600
    """Candidates of the search."""
    seed: Annotated[int, Range(0, 2**31)] = 1
    """Seed of the search."""


def fit(options: FitOptions, console: Console) -> SearchResult:
    """Run the command.

    Raises:
        EmoliveError: a checkpoint or some data cannot be used, or the file cannot be written.
    """
    loaded = checkpoint.load(options.checkpoint)
    digest = classifier_digest(classifier_path())
    start = replace(START, classifier=digest)
    spec = replace(loaded.spec, pool=start)
    means = read_means(options, loaded)
    pooled = with_pool(loaded, start, means)
    actors = read_actors(options, spec, digest, means, console)
    strangers = record_strangers(pooled, read_truth(options.data / "strangers"))
    result = search(start, spec, actors, strangers, tries=options.tries, seed=options.seed)
    console.print(json.dumps(result.to_dict(), indent=1), highlight=False)
    save(options.out, with_pool(loaded, result.pool, means), result)
    return result


def save(path: Path, pooled: checkpoint.Checkpoint, result: SearchResult) -> None:
    """Write a checkpoint with its pool. OutputError if that is not possible."""
    provenance = {**pooled.provenance, "opinion_pool": result.to_dict()}
    checkpoint.save(path, pooled.net, provenance=provenance, face_head=pooled.face_head)


@dataclass(frozen=True, slots=True)
class ClipMeans:
    """The mean features of the training clips, and the standard deviations that scale them."""

    video: NDArray[np.float32]
    """(N, frame_dim)"""
    audio: NDArray[np.float32]
    """(N, audio channels) of the speech; nan in a clip without."""
    video_std: NDArray[np.float32]
    audio_std: NDArray[np.float32]
    actors: tuple[str, ...]

    def populations(self, left_out: Collection[str] = ()) -> tuple[Population, Population]:
        """Of face and voice, without the clips of some actors."""
        kept = np.array([actor not in left_out for actor in self.actors])
        spoken = kept & np.isfinite(self.audio).all(axis=1)
        return (
            Population.fit(self.video[kept], self.video_std),
            Population.fit(self.audio[spoken], self.audio_std),
        )


def read_means(options: FitOptions, loaded: checkpoint.Checkpoint) -> ClipMeans:
    """From the windows of the cross-validation, which are extracted if they are not there."""
    spec = loaded.spec
    dataset = window_dataset.build(
        annotation_files.read(options.annotations, allow_outside=True),
        spec,
        cache=options.windows,
        shifts_s=window_dataset.training_shifts(TrainConfig.shifts),
        net=loaded.net,
    )
    rows, clips = dataset.session, range(len(dataset.items))
    empty = np.full(spec.audio.channels, np.nan, np.float32)
    spoken = [rows.evidence("audio", clip) for clip in clips]
    return ClipMeans(
        video=np.stack([mean_video(rows.evidence("video", clip), spec.frame_dim) for clip in clips]),
        audio=np.stack([each.mean(axis=0) if len(each) else empty for each in spoken]),
        video_std=loaded.net.video_std.numpy()[: spec.frame_dim],
        audio_std=loaded.net.audio_std.numpy(),
        actors=tuple(item.actor for item in dataset.items),
    )


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


def read_actors(
    options: FitOptions, spec: ModelSpec, digest: str, means: ClipMeans, console: Console
) -> ActorClips:
    """The held-out clips of a cross-validation beside the classifier's answers.

    Raises:
        ConfigError: folds are missing.
        MediaError: landmark tracks or portraits are missing.
    """
    items = annotation_files.read(options.annotations, allow_outside=True).items
    parts = []
    for path in sorted(options.folds.glob("fold*/heldout.npz")):
        with np.load(path) as stored:
            parts.append({name: stored[name] for name in stored.files})
    if not parts:
        raise ConfigError(f"{options.folds} holds no fold of a cross-validation: run emolive-train crossval.")
    clips = np.concatenate([part["clips"] for part in parts])
    novelty = []
    for part in parts:
        # A fold's network was trained on the other actors.
        video, audio = means.populations({items[int(clip)].actor for clip in part["clips"]})
        of_video, of_audio = (
            video.distance(means.video[part["clips"]]),
            audio.distance(means.audio[part["clips"]]),
        )
        novelty.append(np.stack([of_video, of_audio], axis=1))
    folder = options.data / "ravdess"
    tracks_file = folder / "landmarks" / "dlib68_every_2nd_frame.npz"
    tested = {items[int(clip)].actor for clip in clips}
    indices = [i for i, item in enumerate(items) if item.actor in tested]
    measured = portrait_expressions.measure(
        tracks_file,
        folder / "portraits",
        load_classifier(digest),
        [items[i].id for i in indices],
        cache=options.cache,
        progress=lambda actor: console.print(f"Portrait of actor {actor} done."),
    )
    stamps = {
        trial: track[1][:: portrait_expressions.EVERY] for trial, track in load_tracks(tracks_file).items()
    }
    calibration = calibration_clips(items)
    bins: dict[int, FloatArray] = {}
    recent: dict[int, NDArray[np.float64]] = {}
    for actor in sorted(tested):
        own = [i for i in indices if items[i].actor == actor]
        neutral = np.concatenate([measured[items[i].id] for i in own if items[i].label == "neutral"]).mean(0)
        for i in own:
            rows = _amplify(measured[items[i].id], neutral)
            bins[i], recent[i] = _bins(stamps[items[i].id], rows, spec)
    evidence = {mode: [] for mode in MODES}  # type: dict[str, list[ExpressionStats]]
    stats = {i: ExpressionStats.of(rows) for i, rows in bins.items()}
    for clip in map(int, clips):
        own = [i for i in indices if items[i].actor == items[clip].actor]
        used = {
            "none": [],
            "neutral": [i for i in own if i in calibration],
            "running": [i for i in own if i <= clip],
            "person": own,
        }
        for mode in MODES:
            evidence[mode].append(sum((stats[i] for i in used[mode]), ExpressionStats.zero()))
    temperatures = (
        json.loads((options.folds / "crossval.json").read_text())["temperature"]
        if (options.folds / "crossval.json").is_file()
        else {}
    )
    return ActorClips(
        truth=np.concatenate([part["truth"] for part in parts]),
        network={
            (mode, modality): np.concatenate([part[f"{mode}/{modality}"] for part in parts])
            / float(temperatures.get(str(modality), 1.0))
            for mode in MODES
            for modality in (Modality.AV, Modality.VIDEO)
        },
        expression=np.stack([recent[int(clip)] for clip in clips]),
        evidence=evidence,
        novelty=np.concatenate(novelty),
    )


def _amplify(log_probs: FloatArray, neutral: FloatArray) -> FloatArray:
    """Log-probabilities (n, 8) with the spread that real pixels have, about the neutral (8,) of the actor."""
    centred, base = (x - x.mean(axis=-1, keepdims=True) for x in (log_probs, neutral))
    logits = base + np.array(LOGIT_GAINS[: len(EXPRESSIONS)]) * (centred - base)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), np.float32)


def _bins(
    stamps_ns: NDArray[np.int64], rows: FloatArray, spec: ModelSpec
) -> tuple[FloatArray, NDArray[np.float64]]:
    """All bins (n, 8) of a clip, and the mean (8,) over the newest bins of its centre window."""
    assert spec.pool is not None
    bin_ns, present = to_ns(spec.bin_s), np.ones(len(rows), np.bool_)
    n_bins = max(1, int(stamps_ns[-1] // bin_ns))

    def pooled(end_ns: int, n: int) -> FloatArray:
        window_s = n * spec.bin_s
        means, filled = pool_bins(
            stamps_ns, rows, present, end_ns, window_s=window_s, n_bins=n, pooling="mean"
        )
        return means[filled, : rows.shape[1]]

    end_ns = centre_window_end_ns(stamps_ns[-1] / 1e9, spec)
    n_recent = max(1, round(spec.pool.recent_s / spec.bin_s))
    return pooled(n_bins * bin_ns, n_bins), pooled(end_ns, spec.n_bins)[-n_recent:].mean(axis=0)


def main(argv: list[str] | None = None) -> int:
    """Run the command; 2 after one line on stderr if something cannot be used."""
    parser = OptionsParser(
        FitOptions,
        prog="python -m training.fit_opinion_pool",
        description="Fit the opinion pool of a checkpoint.",
    )
    try:
        (options,) = parser.parse(sys.argv[1:] if argv is None else argv)
        fit(options, Console(soft_wrap=True))
    except EmoliveError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
