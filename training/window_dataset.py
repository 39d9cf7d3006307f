"""Windows of a set of clips, and the bins that a live session collects during each clip."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emolive.errors import ConfigError, EmoliveError, MediaError
from emolive.models.io.onnx import OnnxCheckpoint
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.types import BoolArray, FloatArray
from emolive.windowing import FeatureWindow
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.worker_pool import Stopped, map_ordered, sigterm_as_interrupt
from training.bins import Bins, ClipBins
from training.cache_key import cache_key
from training.window_cache import WindowCache
from training.window_extraction import BIN, ExtractionJob, layout

MAX_SHIFT_S = 0.9
"""Training windows lie at most so far from a clip's centre window."""


@dataclass(frozen=True, slots=True)
class Crops:
    """The face crops of all clips, as a backbone gets them."""

    images: NDArray[np.uint8]
    """(n, S, S, 3) in the model's order of channels."""
    offsets: NDArray[np.int64]
    """(N + 1,): clip i has the crops `[offsets[i]:offsets[i + 1]]`."""


@dataclass(frozen=True, slots=True)
class WindowDataset:
    """Windows of N clips at K shifts. The arrays may be memory maps."""

    items: tuple[ClipEntry, ...]
    """A clip that is longer than two windows is there once for each of its parts."""
    shifts_s: tuple[float, ...]
    """Distances from a clip's centre window."""
    video: FloatArray
    """(N, K, bins, video_dim) float32"""
    video_present: BoolArray
    """(N, K, bins)"""
    audio: NDArray[np.floating[Any]]
    """(N, K, steps, audio channels) float16; float32 where there is one shift."""
    audio_present: BoolArray
    """(N, K, steps)"""
    speech: BoolArray
    """(N, K, steps)"""
    session: ClipBins
    """The same clips bin by bin, from their beginning."""
    failed: tuple[str, ...]
    """One sentence for each clip that could not be read; it is not among the items."""
    neutral: str = "neutral"
    """The label of a person's neutral clips, in any case."""
    crops: Crops | None = None
    """In place of features: `video` and `session.bins.video` are 1 wide, the number of a clip's crop."""

    @property
    def centre(self) -> int:
        """Index of the shift that is the centre window."""
        return int(np.argmin(np.abs(self.shifts_s)))

    def window(self, clip: int, shift: int | None = None) -> FeatureWindow:
        """A window as `emolive.windowing.extract_window` returns it, but without its end."""
        k = self.centre if shift is None else shift
        return FeatureWindow(
            0,
            np.asarray(self.video[clip, k]),
            np.asarray(self.video_present[clip, k]),
            np.asarray(self.audio[clip, k], np.float32),
            np.asarray(self.audio_present[clip, k]),
            np.asarray(self.speech[clip, k]),
        )


def training_shifts(count: int) -> tuple[float, ...]:
    """`count` (odd) shifts in seconds, evenly spaced over ±0.9 s with 0 in the middle."""
    if count == 1:
        return (0.0,)
    return tuple(round(float(s), 6) for s in np.linspace(-MAX_SHIFT_S, MAX_SHIFT_S, count))


class ProgressBar(Protocol):
    """Where progress is shown."""

    def start(self, total: int, done: int = 0) -> None: ...
    def advance(self, n: int = 1) -> None: ...


def build(
    annotations: Annotations,
    spec: ModelSpec,
    *,
    cache: Path,
    shifts_s: Sequence[float],
    net: EmotionNet | OnnxCheckpoint | None = None,
    device: str = "cpu",
    skip_faults: bool = False,
    workers: int = 0,
    progress: ProgressBar | None = None,
    crops: bool = False,
    neutral: str = "neutral",
    condition: int = 0,
) -> WindowDataset:
    """Windows of all clips, of long ones over their whole length. Cached clips are not extracted again.

    Besides the centre window of each clip there are others at small shifts, so that training sees a clip at
    different moments.

    Args:
        annotations: the clips.
        spec: of the model.
        cache: a folder; each set of clips gets a folder in it.
        shifts_s: in seconds from the centre window.
        net: a network of this spec, or an export of one; needed if a frame encoder is a network.
        device: where that encoder runs.
        skip_faults: leave out clips that cannot be read, and list them in `failed`.
        workers: processes beside this one; 0 does all in this one.
        progress: is advanced with each clip.
        crops: store face crops in place of the features of a learned encoder; needs no `net`.
        neutral: the label of a person's neutral clips.
        condition: number of a recording condition (`training.recording_conditions`); 0: as recorded.

    Raises:
        EmoliveError: a clip cannot be read, or the cache cannot be written.
        Stopped: on Ctrl-C or SIGTERM; a later call continues from there.
    """
    job = ExtractionJob(annotations, spec, tuple(shifts_s), device, crops=crops, condition=condition)
    if spec.learned_encoder is not None and not crops:
        if net is None:
            raise ConfigError(
                f"The encoder {spec.learned_encoder.name} needs trained weights to extract windows."
            )
        if isinstance(net, OnnxCheckpoint):
            job = replace(job, export=net.path)
        else:
            job = replace(job, weights={k: v.cpu().numpy() for k, v in net.state_dict().items()})
    store = _store(cache, annotations, spec, shifts_s, net, crops, condition)
    if not store.is_complete:
        with store.writing() as is_left:
            if is_left:
                _extract(store, job, skip_faults=skip_faults, workers=workers, progress=progress)
    stored = store.load()
    if stored.failed and not skip_faults:
        raise MediaError(stored.failed[0])
    if not stored.ids:
        raise MediaError(f"None of the {len(annotations.items)} clips can be read. {stored.failed[0]}")
    by_id = {item.id: item for item in annotations.items}
    items = tuple(by_id[clip] for clip in stored.ids)
    rows, offsets = stored.ragged, stored.offsets
    return WindowDataset(
        items,
        tuple(shifts_s),
        **stored.arrays,
        session=ClipBins(Bins(**{f.name: rows[BIN + f.name] for f in fields(Bins)}), offsets[BIN + "video"]),
        failed=stored.failed,
        neutral=neutral,
        crops=Crops(rows["crops"], offsets["crops"]) if crops else None,
    )


def is_complete(
    annotations: Annotations,
    spec: ModelSpec,
    *,
    cache: Path,
    shifts_s: Sequence[float],
    net: EmotionNet | OnnxCheckpoint | None = None,
    crops: bool = False,
) -> bool:
    """Whether `build` would find all clips in the cache; arguments as for it."""
    return _store(cache, annotations, spec, shifts_s, net, crops).is_complete


def _store(  # noqa: PLR0917
    cache: Path,
    annotations: Annotations,
    spec: ModelSpec,
    shifts_s: Sequence[float],
    net: EmotionNet | OnnxCheckpoint | None,
    crops: bool,
    condition: int = 0,
) -> WindowCache:
    name = cache_key(annotations, spec, shifts_s, net, crops=crops, condition=condition)
    return WindowCache(cache / name, layout(spec, len(shifts_s), crops=crops))


def _extract(
    store: WindowCache, job: ExtractionJob, *, skip_faults: bool, workers: int, progress: ProgressBar | None
) -> None:
    items = job.annotations.items
    remaining = items[store.n_done :]
    if progress is not None:
        progress.start(len(items), store.n_done)
    try:
        with (
            sigterm_as_interrupt(),
            closing(map_ordered(job, remaining, min(workers, len(remaining)))) as results,
        ):
            for item, result in zip(remaining, results, strict=True):
                if isinstance(result, list):
                    store.append_parts(item.id, [(part.arrays, part.ragged) for part in result])
                elif skip_faults:
                    store.skip(result)
                else:
                    raise MediaError(result)
                if progress is not None:
                    progress.advance()
    except KeyboardInterrupt:
        store.commit()
        raise Stopped(
            f"Stopped: the windows of {store.n_done} of {len(items)} clips are extracted. Run the same "
            f"command again to continue."
        ) from None
    except EmoliveError:
        # Extracted clips stay in the cache, unless the disk fails.
        with suppress(EmoliveError):
            store.commit()
        raise
    store.finish()
