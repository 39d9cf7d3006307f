"""Batches of windows as the network takes them, put together for all samples at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.errors import EmoliveError
from emolive.models.spec import ModelSpec
from emolive.normalization import Normalizer
from training import augment
from training.augment import AugmentConfig
from training.distillation import SoftTargets, soft_targets
from training.normalizer_sampler import GlobalStatsPair, NormalizerSampler, mirroring
from training.window_dataset import WindowDataset

IntArray = NDArray[np.int64]


def targets(windows: WindowDataset, labels: Sequence[str]) -> IntArray:
    """(N,) class of each clip. EmoliveError for a label that the model does not know."""
    known = {label: i for i, label in enumerate(labels)}
    for item in windows.items:
        if item.label not in known:
            raise EmoliveError(
                f"{item.id} has the label {item.label}, and the model knows {', '.join(labels)}."
            )
    return np.array([known[item.label] for item in windows.items], np.int64)


class EncodeBatch(Protocol):
    """Makes the frame vectors of windows anew for each batch, with gradients for what makes them."""

    def __call__(self, clips: IntArray, shifts: IntArray, mine: slice) -> Tensor:
        """(B, frames, face width), zero for missing frames and for samples that are not `mine`.

        Must draw the same for all samples, whichever of them are `mine`.
        """


class Batches:
    """Training batches of some clips.

    Args:
        windows: of all clips.
        clips: indices of the training clips.
        spec: of the model.
        known: the populations of the training clips.
        strengths: of augmentation.
        shares: how often each of spec.baselines is drawn; sums to 1.
        balanced: draw each class equally often.
        taught: soft targets to mix in; None for the labels alone.
        look: instead of the vectors in `windows`.
    """

    def __init__(
        self,
        windows: WindowDataset,
        clips: IntArray,
        spec: ModelSpec,
        known: GlobalStatsPair,
        *,
        strengths: AugmentConfig,
        shares: Sequence[float],
        balanced: bool = False,
        soft_labels: SoftTargets | None = None,
        look: EncodeBatch | None = None,
    ) -> None:
        self._windows, self._clips, self._spec, self._look = windows, clips, spec, look
        self._strengths, self._shares = strengths, np.asarray(shares, float)
        self._bank: NormalizerSampler | None = None
        self.know(windows, known)
        self._flip = mirroring(spec)
        truth = targets(windows, spec.labels)
        self._targets = soft_targets(truth, len(spec.labels), soft_labels)
        mine = truth[clips]
        weights = 1 / np.bincount(mine, minlength=len(spec.labels))[mine]
        self._weights = weights / weights.sum() if balanced else None

    def __len__(self) -> int:
        return len(self._clips)

    def know(self, windows: WindowDataset, known: GlobalStatsPair) -> None:
        """Draw baselines from these windows of the same clips from now on."""
        if self._spec.baselines:
            self._bank = NormalizerSampler(windows, self._clips.tolist(), known, self._spec)

    def order(self, seed: int, epoch: int) -> IntArray:
        """The clips of an epoch; a function of seed and epoch alone."""
        rng = np.random.default_rng([seed, epoch])
        if self._weights is not None:
            return rng.choice(self._clips, len(self._clips), p=self._weights)
        return rng.permutation(self._clips)

    def batch(
        self, clips: IntArray, rng: np.random.Generator, mine: slice = slice(None)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Augmented inputs for clips, each at a random shift, baseline and flip.

        Args:
            clips: B indices.
            rng: draws together with torch's own generator; what it draws does not depend on `mine`.
            mine: the samples whose inputs will be looked at; with `look` the faces of others are missing.

        Returns:
            video (B, frames, channels), audio (B, channels, steps), target (B, 3, classes) for both
            streams, the face alone and the voice alone.
        """
        windows, strengths, spec = self._windows, self._strengths, self._spec
        n = len(clips)
        shifts = rng.integers(len(windows.shifts_s), size=n)
        flips = (rng.random(n) < strengths.flip) if self._flip else np.zeros(n, bool)
        if self._look is not None:
            face = self._look(clips, shifts, mine).cpu()
        else:
            bins = np.asarray(windows.bins[clips, shifts])
            if self._flip is not None and flips.any():
                order, sign = self._flip
                bins[flips] = bins[flips][..., order] * sign
            face = torch.from_numpy(bins)
        seen = torch.from_numpy(np.asarray(windows.bins_present[clips, shifts]))
        voice = torch.from_numpy(np.asarray(windows.steps[clips, shifts])).float()
        heard = torch.from_numpy(np.asarray(windows.steps_present[clips, shifts]))
        voice = augment.random_gain_eq(voice, strengths)
        if spec.audio.encoder.has_band_levels:
            voice = augment.add_noise(voice, strengths)
        if self._bank is not None:
            modes = rng.choice(len(spec.baselines), n, p=self._shares)
            drawn = [
                self._bank.draw(int(clip), spec.baselines[mode], rng, flipped=bool(flip))
                for clip, mode, flip in zip(clips, modes, flips, strict=True)
            ]
            faces, voices = (BatchNormalizer.of(part, spec) for part in zip(*drawn, strict=True))
            if self._flip is not None and strengths.landmark_affine:
                maps = augment.random_affine(n, strengths)
                face, faces = (
                    augment.apply_affine(face, maps),
                    faces.seen(lambda x: augment.apply_affine(x, maps)),
                )
            if self._flip is not None and spec.pooling == "mean" and strengths.few_frames:
                factor = augment.std_scale(n, strengths)
                face = augment.apply_std_scale(face, factor)
                faces = faces.seen(lambda x: augment.apply_std_scale(x, factor))
            face, voice = augment.face_noise(faces.apply(face), strengths), voices.apply(voice)
        beginning = augment.random_onsets(n, strengths)
        seen = seen & augment.onset_mask(beginning, seen.shape[1])
        heard = heard & augment.onset_mask(beginning, heard.shape[1])
        seen = seen & ~augment.random_spans(n, seen.shape[1], strengths.missing_bins)
        cut = augment.random_spans(n, heard.shape[1], strengths.masked_steps)
        voice = voice * ~augment.random_spans(n, voice.shape[2], strengths.masked_bands)[:, None]
        if self._bank is None:
            video, audio = face * seen[..., None], voice * ~cut[..., None]
        else:
            video = faces.flagged(face) * seen[..., None]
            audio = voices.flagged(voice) * (heard & ~cut)[..., None]
        return augment.mix(video, audio.mT.contiguous(), self._targets[clips], strengths.mixup)


class BatchNormalizer(NamedTuple):
    """`Normalizer.apply` over a batch: (B, T, D) rows, each sample with a baseline of its own."""

    shift: Tensor
    """(B, 1, D)"""
    scale: Tensor
    """(B, 1, D)"""
    flags: Tensor
    """(B, 1, modes)"""
    own: Tensor
    """(B, 1, 1) whether the baseline is the person's own, and not that of all people."""

    @classmethod
    def of(cls, drawn: Sequence[Normalizer], spec: ModelSpec) -> BatchNormalizer:
        flags = torch.tensor([[float(b.mode == mode) for mode in spec.baselines] for b in drawn])
        shift, scale = (
            torch.from_numpy(np.stack([getattr(b, part) for b in drawn])) for part in ("shift", "scale")
        )
        own = torch.tensor([b.mode != "none" for b in drawn])
        return cls(shift[:, None], scale[:, None], flags[:, None], own[:, None, None])

    def seen(self, change: Callable[[Tensor], Tensor]) -> BatchNormalizer:
        """Of faces that were changed so: who looks different does so in their own baseline too."""
        return self._replace(shift=torch.where(self.own, change(self.shift), self.shift))

    def apply(self, rows: Tensor) -> Tensor:
        return (rows - self.shift) / self.scale

    def flagged(self, rows: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D + modes)"""
        return torch.cat([rows, self.flags.expand(-1, rows.shape[1], -1)], dim=2)
