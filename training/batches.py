"""Training batches: windows of some clips, augmented and normalized for all samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.errors import ConfigError
from emolive.models.spec import ModelSpec
from emolive.types import BoolArray
from training.augment.base import Stage, WindowBatch
from training.augment.pipeline import WindowPipeline
from training.batch_normalizer import BatchNormalizer
from training.distillation import SoftTargets, make_targets
from training.encoder_traits import mirror_of
from training.normalizer_sampler import GlobalStatsPair, NormalizerSampler
from training.stream_windows import StreamWindows
from training.window_dataset import WindowDataset

IntArray = NDArray[np.int64]


def class_indices(dataset: WindowDataset, labels: Sequence[str]) -> IntArray:
    """(N,) class of each clip.

    Raises:
        ConfigError: a clip has a label that the model does not have.
    """
    index = {label: i for i, label in enumerate(labels)}
    for item in dataset.items:
        if item.label not in index:
            raise ConfigError(
                f"The clip {item.id} has the label {item.label}, but the model has {', '.join(labels)}."
            )
    return np.array([index[item.label] for item in dataset.items], np.int64)


def possible_labels(dataset: WindowDataset, labels: Sequence[str]) -> BoolArray:
    """(N, classes) which labels each clip could have: those that its corpus has.

    A corpus without calm clips may call a calm face neutral: such a clip says nothing about calm.
    """
    of_corpus: dict[str, set[str]] = {}
    for item in dataset.items:
        of_corpus.setdefault(item.corpus, set()).add(item.label)
    if len(of_corpus) == 1:
        return np.ones((len(dataset.items), len(labels)), np.bool_)
    return np.array([[label in of_corpus[item.corpus] for label in labels] for item in dataset.items])


class EncodeBatch(Protocol):
    """Recomputes the frame features of windows for each batch, with gradients for the encoder."""

    def __call__(self, clips: IntArray, shifts: IntArray, rank_slice: slice) -> Tensor:
        """(B, bins, D) features, zero for missing frames and for samples outside `rank_slice`.

        It must draw the same random numbers for every `rank_slice`.
        """


@dataclass(slots=True)
class _Recording:
    """The clips under one recording condition."""

    dataset: WindowDataset
    normalizers: NormalizerSampler | None
    """From what was measured of the people under this condition."""
    streams: StreamWindows | None


class BatchMaker:
    """Makes the training batches of some clips.

    Args:
        dataset: windows of all clips.
        clips: indices of the training clips.
        spec: of the model.
        global_stats: of the training clips.
        augment: the augmentations.
        mode_shares: how often each of spec.baselines is drawn; they sum to 1.
        balanced: draw each class equally often.
        soft_targets: of a teacher; None for the labels alone.
        encode: computes the frame features, in place of those in `dataset`.
        stream_share: how often a window is one of a stream, see `StreamWindows`; without `encode` alone.
        conditions: the same clips under other recording conditions.
        condition_share: how often a window is one of those.
    """

    def __init__(
        self,
        dataset: WindowDataset,
        clips: IntArray,
        spec: ModelSpec,
        global_stats: GlobalStatsPair,
        *,
        augment: WindowPipeline,
        mode_shares: Sequence[float],
        balanced: bool = False,
        soft_targets: SoftTargets | None = None,
        encode: EncodeBatch | None = None,
        stream_share: float = 0.0,
        conditions: Sequence[WindowDataset] = (),
        condition_share: float = 0.0,
    ) -> None:
        self._clips, self._spec, self._encode = clips, spec, encode
        self._augment, self._mode_shares = augment, np.asarray(mode_shares, float)
        self._mirror = mirror_of(spec)
        self._stream_share, self._condition_share = stream_share, condition_share
        self._recordings = [
            _Recording(
                of_condition,
                self._normalizers(of_condition, global_stats),
                StreamWindows(of_condition, clips.tolist(), spec)
                if stream_share and encode is None
                else None,
            )
            for of_condition in (dataset, *conditions)
        ]
        classes = class_indices(dataset, spec.labels)
        targets = make_targets(classes, len(spec.labels), soft_targets)
        possible = torch.from_numpy(possible_labels(dataset, spec.labels)).float()
        self._targets = torch.cat([targets, possible[:, None]], dim=1)
        weights = 1 / np.bincount(classes[clips], minlength=len(spec.labels))[classes[clips]]
        self._weights = weights / weights.sum() if balanced else None

    def __len__(self) -> int:
        return len(self._clips)

    def set_stats(self, dataset: WindowDataset, global_stats: GlobalStatsPair) -> None:
        """Draw normalizers from these features of the same clips from now on, as they were recorded."""
        self._recordings[0].normalizers = self._normalizers(dataset, global_stats)

    def _normalizers(self, dataset: WindowDataset, global_stats: GlobalStatsPair) -> NormalizerSampler | None:
        if not self._spec.baselines:
            return None
        return NormalizerSampler(dataset, self._clips.tolist(), global_stats, self._spec)

    def epoch_order(self, seed: int, epoch: int) -> IntArray:
        """The clips of an epoch; a function of seed and epoch alone."""
        rng = np.random.default_rng([seed, epoch])
        if self._weights is not None:
            return rng.choice(self._clips, len(self._clips), p=self._weights)
        return rng.permutation(self._clips)

    def make(
        self, clips: IntArray, rng: np.random.Generator, rank_slice: slice = slice(None)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Augmented inputs for clips, each at a random shift and with a random normalizer.

        Args:
            clips: B indices.
            rng: source of random numbers, with torch's global generator; its draws do not depend on
                `rank_slice`.
            rank_slice: the samples that this process will use; with `encode` the video of others is zero.

        Returns:
            video (B, bins, channels), audio (B, channels, steps), target (B, 4, classes) for both streams,
            the video alone and the audio alone, and the labels that are possible (see `possible_labels`).
        """
        chosen = self._draw_recordings(len(clips), rng)
        batch = self._augment(self._read(clips, chosen, rng, rank_slice), Stage.VIEW)
        self._draw_normalizers(batch, clips, chosen)
        batch = self._augment(batch, Stage.FEATURES)
        if batch.video_normalizer is not None and batch.audio_normalizer is not None:
            batch.video = batch.video_normalizer.apply(batch.video)
            batch.audio = batch.audio_normalizer.apply(batch.audio)
        batch = self._augment(batch, Stage.NORMALIZED)
        batch = self._augment(_masked(batch), Stage.INPUTS)
        return batch.video, batch.audio.mT.contiguous(), batch.target

    def _draw_recordings(self, n: int, rng: np.random.Generator) -> list[_Recording]:
        """Under which condition each sample was recorded."""
        original, *others = self._recordings
        if not others:
            return [original] * n
        is_other, which = rng.random(n) < self._condition_share, rng.integers(len(others), size=n)
        return [others[w] if other else original for other, w in zip(is_other, which, strict=True)]

    def _read(
        self, clips: IntArray, chosen: Sequence[_Recording], rng: np.random.Generator, rank_slice: slice
    ) -> WindowBatch:
        shifts = rng.integers(len(self._recordings[0].dataset.shifts_s), size=len(clips))
        samples = [
            (recording.dataset, int(clip), int(shift) % len(recording.dataset.shifts_s))
            for recording, clip, shift in zip(chosen, clips, shifts, strict=True)
        ]

        def stored(name: str) -> Tensor:
            return torch.from_numpy(np.stack([getattr(data, name)[i, k] for data, i, k in samples]))

        arrays = (
            stored("video") if self._encode is None else self._encode(clips, shifts, rank_slice).cpu(),
            stored("video_present"),
            stored("audio").float(),
            stored("audio_present"),
        )
        if self._recordings[0].streams is not None:
            for row in np.flatnonzero(rng.random(len(clips)) < self._stream_share):
                streams = chosen[int(row)].streams
                assert streams is not None
                for values, of_stream in zip(arrays, streams.draw(int(clips[row]), rng), strict=True):
                    values[row] = torch.from_numpy(of_stream)
        return WindowBatch(self._spec, rng, *arrays, self._targets[clips], self._mirror)

    def _draw_normalizers(self, batch: WindowBatch, clips: IntArray, chosen: Sequence[_Recording]) -> None:
        if not self._spec.baselines:
            return
        modes = batch.rng.choice(len(self._spec.baselines), len(clips), p=self._mode_shares)
        pairs = []
        for clip, mode, mirrored, offset, recording in zip(
            clips, modes, batch.mirrored, batch.audio_offset, chosen, strict=True
        ):
            assert recording.normalizers is not None
            pairs.append(
                recording.normalizers.sample(
                    int(clip),
                    self._spec.baselines[mode],
                    batch.rng,
                    mirrored=bool(mirrored),
                    audio_offset=float(offset),
                )
            )
        video, audio = (BatchNormalizer.stack(part, self._spec) for part in zip(*pairs, strict=True))
        batch.video_normalizer, batch.audio_normalizer = video, audio


def _masked(batch: WindowBatch) -> WindowBatch:
    """Mode flags behind the features, and zeros where something is missing or hidden."""
    if batch.video_normalizer is not None and batch.audio_normalizer is not None:
        video = batch.video_normalizer.append_flags(batch.video)
        audio = batch.audio_normalizer.append_flags(batch.audio)
        present = batch.audio_present & ~batch.audio_masked
    else:
        # As published: missing audio has the features of silence, not zero.
        video, audio, present = batch.video, batch.audio, ~batch.audio_masked
    batch.video = video * batch.video_present[..., None]
    batch.audio = audio * present[..., None]
    return batch
