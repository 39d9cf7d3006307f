"""What an opinion pool is fitted to on RAVDESS: the held-out actors of a cross-validation, clip by clip.

The networks answered from landmarks and audio; the classifier of single faces answers on warped portraits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.expression_stats import EXPRESSIONS, ExpressionStats
from emolive.models.io import checkpoint
from emolive.models.spec import ModelSpec
from emolive.novelty import Population, mean_video
from emolive.pooling import pool_bins
from emolive.types import FloatArray, Modality
from emolive.vision.expression import load_classifier
from emolive.windowing import centre_window_end_ns
from preprocessing.annotations import Annotations
from preprocessing.portraits import LOGIT_GAINS, load_tracks
from training import portrait_expressions, window_dataset
from training.config import TrainConfig
from training.normalizer_sampler import calibration_clips
from training.opinion_pool_search import MODES, ActorClips


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


def read_means(annotations: Annotations, windows: Path, loaded: checkpoint.Checkpoint) -> ClipMeans:
    """The means of the clips of a cross-validation.

    Args:
        annotations: its clips.
        windows: its cache folder; windows that are not there are extracted into it.
        loaded: the final model.

    Raises:
        EmoliveError: a clip cannot be read, or the folder cannot be written.
    """
    spec = loaded.spec
    dataset = window_dataset.build(
        annotations,
        spec,
        cache=windows,
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


def read_actors(
    annotations: Annotations,
    folds: Path,
    ravdess: Path,
    spec: ModelSpec,
    means: ClipMeans,
    *,
    cache: Path,
    say: Callable[[str], None],
) -> ActorClips:
    """The held-out clips of a cross-validation beside the classifier's predictions.

    Args:
        annotations: the clips of the cross-validation.
        folds: its result folder.
        ravdess: folder with landmarks and portraits.
        spec: of the final model, with a pool that names the classifier.
        means: of the clips.
        cache: file that stores the classifier's predictions on the portraits.
        say: gets a line about each actor.

    Raises:
        ConfigError: folds are missing.
        MediaError: landmark tracks or portraits are missing.
    """
    assert spec.pool is not None
    items = annotations.items
    parts = []
    for path in sorted(folds.glob("fold*/heldout.npz")):
        with np.load(path) as stored:
            parts.append({name: stored[name] for name in stored.files})
    if not parts:
        raise ConfigError(f"{folds} holds no fold of a cross-validation: run emolive-train crossval.")
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
    tracks_file = ravdess / "landmarks" / "dlib68_every_2nd_frame.npz"
    tested = {items[int(clip)].actor for clip in clips}
    indices = [i for i, item in enumerate(items) if item.actor in tested]
    measured = portrait_expressions.measure(
        tracks_file,
        ravdess / "portraits",
        load_classifier(spec.pool.classifier),
        [items[i].id for i in indices],
        cache=cache,
        progress=lambda actor: say(f"Portrait of actor {actor} done."),
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
        json.loads((folds / "crossval.json").read_text())["temperature"]
        if (folds / "crossval.json").is_file()
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
