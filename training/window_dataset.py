"""Clips cut into windows once and kept on disk: what an epoch reads, and who the persons are.

Around the centre window of each clip lie others at small shifts, so that training sees the same clip at
different moments. Beside them stands what a live session would have collected of the person while the
clip played, hop by hop: the rows from which `emolive.normalization` makes baselines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emolive.errors import EmoliveError
from emolive.models.io.backbone import weights_digest
from emolive.models.network import EmotionNet
from emolive.models.spec import FeatureSpace, ModelSpec
from emolive.types import BoolArray, FloatArray
from emolive.windowing import FeatureWindow
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.worker_pool import Stopped, map_ordered, sigterm_as_interrupt
from training.window_cache import WindowCache
from training.window_extraction import ClipWindows, ExtractionJob, layout

FORMAT = 3
SHIFT_S = 0.9
SHIFTS = 11


@dataclass(frozen=True, slots=True)
class SessionRows:
    """What a live session would have collected of the person while each clip played.

    The rows of all clips lie behind each other; those of clip i are `[first[i]:first[i + 1]]`.
    """

    face: FloatArray
    """(n, face width) pooled bins that held a face."""
    face_first: NDArray[np.int64]
    """(N + 1,)"""
    voice: FloatArray
    """(m, audio channels) steps that were speech."""
    voice_first: NDArray[np.int64]
    """(N + 1,)"""

    def rows(self, stream: str, clip: int) -> FloatArray:
        """Of "face" or "voice": (n, D)."""
        rows, first = (self.face, self.face_first) if stream == "face" else (self.voice, self.voice_first)
        return np.asarray(rows[first[clip] : first[clip + 1]], np.float32)


@dataclass(frozen=True, slots=True)
class Crops:
    """The face crops of all clips, as the pixel trunk is given them."""

    images: NDArray[np.uint8]
    """(n, S, S, 3) in the model's order of channels"""
    first: NDArray[np.int64]
    """(N + 1,) those of clip i are `[first[i]:first[i + 1]]`."""


@dataclass(frozen=True, slots=True)
class WindowDataset:
    """Windows of N clips at K shifts. The arrays may lie on disk."""

    items: tuple[ClipEntry, ...]
    shifts_s: tuple[float, ...]
    bins: FloatArray
    """(N, K, frames, face width) float32"""
    bins_present: BoolArray
    """(N, K, frames)"""
    steps: NDArray[np.floating[Any]]
    """(N, K, steps, audio channels) float16; float32 where there is but one shift."""
    steps_present: BoolArray
    """(N, K, steps)"""
    speech: BoolArray
    """(N, K, steps)"""
    live: SessionRows
    failed: tuple[str, ...]
    """One sentence for each clip that could not be read; it is not among the items."""
    crops: Crops | None = None
    """Instead of vectors: bins and live rows are 1 wide, and hold the number of a crop in its clip."""

    @property
    def centre(self) -> int:
        """Which shift is the centre window."""
        return int(np.argmin(np.abs(self.shifts_s)))

    def window(self, clip: int, shift: int | None = None) -> FeatureWindow:
        """A window as `emolive.windowing.gather` gave it, but for its end and its level."""
        k = self.centre if shift is None else shift
        return FeatureWindow(
            0,
            np.asarray(self.bins[clip, k]),
            np.asarray(self.bins_present[clip, k]),
            np.asarray(self.steps[clip, k], np.float32),
            np.asarray(self.steps_present[clip, k]),
            np.asarray(self.speech[clip, k]),
        )


def training_shifts(count: int = SHIFTS) -> tuple[float, ...]:
    """`count` (odd) shifts in seconds, evenly over ±0.9 s with 0 in the middle."""
    return tuple(round(float(s), 6) for s in np.linspace(-SHIFT_S, SHIFT_S, count))


def cache_key(
    annotations: Annotations,
    spec: ModelSpec,
    shifts_s: Sequence[float],
    net: EmotionNet | None = None,
    *,
    crops: bool = False,
) -> str:
    """A name for windows of exactly these files, this measure, these shifts and this pixel trunk or crops."""
    files = []
    for item in annotations.items:
        for entry in (item.video, item.audio):
            path, key = annotations.locate(entry)
            if entry:
                stat = path.stat()
                files.append([str(path.resolve()), key, stat.st_size, stat.st_mtime_ns])
            else:
                files.append(["", "", 0, 0])
    measured = {
        "format": FORMAT,
        "space": FeatureSpace.of(spec, _weights(net, crops)).digest(),
        "window_s": spec.window_s,
        "n_bins": spec.n_bins,
        "shifts_s": list(shifts_s),
        "items": [item.id for item in annotations.items],
        "files": files,
    }
    return hashlib.sha256(json.dumps(measured, sort_keys=True).encode()).hexdigest()[:20]


def _weights(net: EmotionNet | None, crops: bool) -> str | None:
    """What stands for the weights of a learned encoder in the feature space."""
    if crops:
        return "crops"
    return None if net is None or net.backbone is None else weights_digest(net.backbone)


class Bar(Protocol):
    """Where progress shows."""

    def start(self, total: int, done: int = 0) -> None: ...
    def advance(self, n: int = 1) -> None: ...


def cut(
    annotations: Annotations,
    spec: ModelSpec,
    *,
    cache: Path,
    shifts_s: Sequence[float],
    net: EmotionNet | None = None,
    device: str = "cpu",
    skip_faults: bool = False,
    workers: int = 0,
    bar: Bar | None = None,
    crops: bool = False,
) -> WindowDataset:
    """Windows of all clips, from the cache as far as they were cut before.

    Args:
        annotations: which clips.
        spec: how they are measured.
        cache: a folder; the windows of one set of clips take up a folder in it.
        shifts_s: in seconds from the centre window.
        net: of this spec; wanted where it sees pixels, for its trunk.
        device: where the trunk works.
        skip_faults: leave clips out that cannot be read, and name them in `failed`.
        workers: processes beside this one; 0 does all in this one.
        bar: shows the progress.
        crops: keep the crops that the trunk would be given, instead of its vectors; `net` is not wanted.

    Raises:
        EmoliveError: a clip cannot be read, or the cache cannot be written.
        Stopped: on Ctrl-C or SIGTERM; a later call goes on from there.
    """
    recipe = ExtractionJob(annotations, spec, tuple(shifts_s), device, crops=crops)
    if spec.learned_encoder is not None and not crops:
        if net is None:
            raise EmoliveError(
                f"The encoder {spec.learned_encoder.name} wants trained weights to cut windows with."
            )
        recipe = replace(recipe, weights={k: v.cpu().numpy() for k, v in net.state_dict().items()})
    name = cache_key(annotations, spec, shifts_s, net, crops=crops)
    store = WindowCache(cache / name, layout(spec, len(shifts_s), crops=crops))
    if not store.is_done:
        with store.writing() as is_left:
            if is_left:
                _cut_into(store, recipe, skip_faults=skip_faults, workers=workers, bar=bar)
    kept = store.load()
    if not kept.ids:
        raise EmoliveError(f"None of the {len(annotations.items)} clips can be read. {kept.failed[0]}")
    ids = set(kept.ids)
    items = tuple(item for item in annotations.items if item.id in ids)
    live = SessionRows(kept.streams["face"], kept.first["face"], kept.streams["voice"], kept.first["voice"])
    seen = Crops(kept.streams["crops"], kept.first["crops"]) if crops else None
    return WindowDataset(items, tuple(shifts_s), **kept.arrays, live=live, failed=kept.failed, crops=seen)


def _cut_into(
    store: WindowCache, recipe: ExtractionJob, *, skip_faults: bool, workers: int, bar: Bar | None
) -> None:
    items = recipe.annotations.items
    left = items[store.clips :]
    if bar is not None:
        bar.start(len(items), store.clips)
    try:
        with sigterm_as_interrupt(), closing(map_ordered(recipe, left, min(workers, len(left)))) as cuts:
            for item, found in zip(left, cuts, strict=True):
                if isinstance(found, ClipWindows):
                    store.append(item.id, found.arrays, found.streams)
                elif skip_faults:
                    store.pass_over(found)
                else:
                    raise EmoliveError(found)
                if bar is not None:
                    bar.advance()
    except KeyboardInterrupt:
        store.commit()
        raise Stopped(
            f"Stopped: {store.clips} of {len(items)} clips are cut into windows. Run the same command "
            f"again to go on."
        ) from None
    except EmoliveError:
        # What was cut is kept, unless it is the disk that fails.
        with suppress(EmoliveError):
            store.commit()
        raise
    store.finish()
