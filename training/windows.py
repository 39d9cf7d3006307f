"""Clips cut into windows once and kept on disk: what an epoch reads, and who the persons are.

Around the centre window of each clip lie others at small shifts, so that training sees the same clip at
different moments. Beside them stands what a live session would have collected of the person while the
clip played, hop by hop: the rows from which `emolive.baseline` makes baselines.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.evidence import Window, centre_end_ns, gather
from emolive.models.spec import ModelSpec
from emolive.offline import Clip
from emolive.types import BoolArray, FloatArray
from preprocessing.annotations import Annotations, Item
from training.evidence import ClipReader

FORMAT = 2
SHIFT_S = 0.9
SHIFTS = 11
DONE = "done.json"


@dataclass(frozen=True, slots=True)
class Live:
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
class Windows:
    """Windows of N clips at K shifts. The arrays may lie on disk."""

    items: tuple[Item, ...]
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
    live: Live
    failed: tuple[str, ...]
    """One sentence for each clip that could not be read; it is not among the items."""

    @property
    def centre(self) -> int:
        """Which shift is the centre window."""
        return int(np.argmin(np.abs(self.shifts_s)))

    def window(self, clip: int, shift: int | None = None) -> Window:
        """A window as `emolive.evidence.gather` gave it, but for its end and its level."""
        k = self.centre if shift is None else shift
        return Window(
            0,
            np.asarray(self.bins[clip, k]),
            np.asarray(self.bins_present[clip, k]),
            np.asarray(self.steps[clip, k], np.float32),
            np.asarray(self.steps_present[clip, k]),
            np.asarray(self.speech[clip, k]),
            0.0,
        )


def training_shifts(count: int = SHIFTS) -> tuple[float, ...]:
    """`count` (odd) shifts in seconds, evenly over ±0.9 s with 0 in the middle."""
    return tuple(round(float(s), 6) for s in np.linspace(-SHIFT_S, SHIFT_S, count))


_ARRAYS = ("bins", "bins_present", "steps", "steps_present", "speech")


def identity(annotations: Annotations, spec: ModelSpec, shifts_s: Sequence[float], trunk: str = "") -> str:
    """A name for windows of exactly these files, this measure and these shifts."""
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
        "encoders": spec.encoders,
        "tracker": spec.tracker,
        "pooling": spec.pooling,
        "window_s": spec.window_s,
        "frames": spec.frames,
        "pixels": asdict(spec.pixels) if "efficientface" in spec.encoders else None,
        "audio": asdict(spec.audio),
        "shifts_s": list(shifts_s),
        "trunk": trunk,
        "items": [item.id for item in annotations.items],
        "files": files,
    }
    return hashlib.sha256(json.dumps(measured, sort_keys=True).encode()).hexdigest()[:20]


def cut(
    annotations: Annotations,
    spec: ModelSpec,
    reader: ClipReader,
    *,
    cache: Path,
    shifts_s: Sequence[float],
    trunk: str = "",
    skip_faults: bool = False,
    step: Callable[[], None] = lambda: None,
) -> Windows:
    """Windows of all clips, from the cache if they were cut before.

    Args:
        annotations: which clips.
        spec: how they are measured.
        reader: reads them.
        cache: a folder; the windows of one set of clips take up a folder in it.
        shifts_s: in seconds from the centre window.
        trunk: identifies the pixel trunk's weights, where there is one.
        skip_faults: leave clips out that cannot be read, and name them in `failed`.
        step: called after each clip.

    Raises:
        EmoliveError: a clip cannot be read, or the cache cannot be written.
    """
    folder = cache / identity(annotations, spec, shifts_s, trunk)
    if not (folder / DONE).is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(dir=cache, prefix=f".{folder.name}."))
        except OSError as error:
            raise EmoliveError(f"The cache {cache} cannot be written: {error.strerror}.") from error
        try:
            _cut_into(part, annotations, spec, reader, shifts_s=shifts_s, skip_faults=skip_faults, step=step)
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
        except OSError as error:
            raise EmoliveError(f"The cache {cache} cannot be written: {error.strerror}.") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return _load(folder, annotations)


def _load(folder: Path, annotations: Annotations) -> Windows:
    try:
        done = json.loads((folder / DONE).read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        with np.load(folder / "live.npz") as stored:
            live = Live(**{f.name: stored[f.name] for f in fields(Live)})
    except (OSError, ValueError, KeyError) as error:
        raise EmoliveError(f"The cache {folder} is damaged: delete it, and it is made again.") from error
    kept = set(done["ids"])
    items = tuple(item for item in annotations.items if item.id in kept)
    return Windows(items, tuple(done["shifts_s"]), **arrays, live=live, failed=tuple(done["failed"]))


def _cut_into(
    folder: Path,
    annotations: Annotations,
    spec: ModelSpec,
    reader: ClipReader,
    *,
    shifts_s: Sequence[float],
    skip_faults: bool,
    step: Callable[[], None],
) -> None:
    n, k, steps = len(annotations.items), len(shifts_s), spec.audio.steps(spec.samples)
    exact = np.float32 if k == 1 else np.float16
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "bins": ((n, k, spec.frames, spec.face_width), np.float32),
        "bins_present": ((n, k, spec.frames), np.bool_),
        "steps": ((n, k, steps, spec.audio.channels), exact),
        "steps_present": ((n, k, steps), np.bool_),
        "speech": ((n, k, steps), np.bool_),
    }
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
        for name, (shape, dtype) in shapes.items()
    }
    ids: list[str] = []
    failed: list[str] = []
    collected: dict[str, list[FloatArray]] = {"face": [], "voice": []}
    for item in annotations.items:
        try:
            clip = reader.read(item)
        except EmoliveError as error:
            if not skip_faults:
                raise
            failed.append(str(error))
            step()
            continue
        row = len(ids)
        ids.append(item.id)
        centre_ns = centre_end_ns(clip.duration_s, spec)
        for j, shift_s in enumerate(shifts_s):
            window = gather(clip.track, clip.sound, centre_ns + to_ns(shift_s), spec)
            for name in _ARRAYS:
                arrays[name][row, j] = getattr(window, name)
        for stream, rows in live_rows(clip, spec).items():
            collected[stream].append(rows)
        step()
    if not ids:
        raise EmoliveError(f"None of the {n} clips can be read. {failed[0] if failed else ''}".strip())
    for array in arrays.values():
        array.flush()
    face, voice = collected["face"], collected["voice"]
    np.savez(
        folder / "live.npz",
        face=np.concatenate(face),
        face_first=np.cumsum([0, *map(len, face)]),
        voice=np.concatenate(voice),
        voice_first=np.cumsum([0, *map(len, voice)]),
    )
    done = {"ids": ids, "failed": failed, "shifts_s": list(shifts_s)}
    (folder / DONE).write_text(json.dumps(done))


def live_rows(clip: Clip, spec: ModelSpec) -> dict[str, FloatArray]:
    """What `emolive.person.Evidence.add` takes up while a clip plays, before outliers are drawn in.

    Returns:
        "face" (n, face width) and "voice" (m, audio channels).
    """
    bin_ns = to_ns(spec.bin_s)
    face, voice = (
        [np.zeros((0, spec.face_width), np.float32)],
        [np.zeros((0, spec.audio.channels), np.float32)],
    )
    for hop in range(1, int(to_ns(clip.duration_s) // bin_ns) + 1):
        window = gather(clip.track, clip.sound, hop * bin_ns, spec)
        if window.bins_present[-1]:
            face.append(window.bins[-1:])
        newest = len(window.steps) // spec.frames
        voice.append(window.steps[-newest:][window.speech[-newest:]])
    return {"face": np.concatenate(face), "voice": np.concatenate(voice)}
