"""What is kept of one clip: its windows at some shifts, and what a live session would have collected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.evidence import centre_end_ns, gather
from emolive.hearing import Hearing
from emolive.interpreter import Interpreter
from emolive.models import registry
from emolive.models.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec
from emolive.offline import Clip
from emolive.types import FloatArray
from preprocessing.annotations import Annotations, Item
from training.evidence import ClipReader
from training.store import Layout


def layout(spec: ModelSpec, shifts: int) -> Layout:
    """What is kept of each clip."""
    steps = spec.audio.steps(spec.samples)
    exact = np.float32 if shifts == 1 else np.float16
    return Layout(
        {
            "bins": ((shifts, spec.frames, spec.face_width), np.dtype(np.float32)),
            "bins_present": ((shifts, spec.frames), np.dtype(np.bool_)),
            "steps": ((shifts, steps, spec.audio.channels), np.dtype(exact)),
            "steps_present": ((shifts, steps), np.dtype(np.bool_)),
            "speech": ((shifts, steps), np.dtype(np.bool_)),
        },
        {"face": spec.face_width, "voice": spec.audio.channels},
    )


@dataclass(frozen=True, slots=True)
class CutClip:
    """What is kept of one clip."""

    arrays: dict[str, NDArray[Any]]
    """Each (K, ...), as `Windows` has them."""
    live: dict[str, FloatArray]
    """As `live_rows` gives them."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """What a process needs to cut clips."""

    annotations: Annotations
    spec: ModelSpec
    shifts_s: tuple[float, ...]
    device: str
    weights: dict[str, NDArray[Any]] | None = None
    """Of a network of this spec, whose trunk is wanted."""

    def build(self) -> Callable[[Item], CutClip | str]:
        encode = None
        if self.weights is not None:
            net = registry.build(self.spec)
            net.load_state_dict({k: torch.from_numpy(v) for k, v in self.weights.items()})
            encode = Interpreter(Checkpoint(net, self.spec, {}, Path()), self.device).pixel_encoder()
        reader = ClipReader(self.annotations, self.spec, encode)
        return lambda item: self._cut(reader, item)

    def _cut(self, reader: ClipReader, item: Item) -> CutClip | str:
        """The windows of a clip, or one sentence about why there are none."""
        try:
            clip = reader.read(item)
        except EmoliveError as error:
            return str(error)
        centre_ns = centre_end_ns(clip.duration_s, self.spec)
        hearing = Hearing(self.spec.audio)
        found = [
            gather(clip.track, clip.sound, centre_ns + to_ns(shift_s), self.spec, hearing)
            for shift_s in self.shifts_s
        ]
        arrays = {
            name: np.stack([getattr(window, name) for window in found]).astype(dtype)
            for name, (_, dtype) in layout(self.spec, len(self.shifts_s)).arrays.items()
        }
        return CutClip(arrays, live_rows(clip, self.spec))


def live_rows(clip: Clip, spec: ModelSpec) -> dict[str, FloatArray]:
    """What `emolive.person.Evidence.add` takes up while a clip plays, before outliers are drawn in.

    Returns:
        "face" (n, face width) and "voice" (m, audio channels).
    """
    bin_ns, hearing = to_ns(spec.bin_s), Hearing(spec.audio)
    face, voice = (
        [np.zeros((0, spec.face_width), np.float32)],
        [np.zeros((0, spec.audio.channels), np.float32)],
    )
    for hop in range(1, int(to_ns(clip.duration_s) // bin_ns) + 1):
        window = gather(clip.track, clip.sound, hop * bin_ns, spec, hearing)
        if window.bins_present[-1]:
            face.append(window.bins[-1:])
        newest = len(window.steps) // spec.frames
        voice.append(window.steps[-newest:][window.speech[-newest:]])
    return {"face": np.concatenate(face), "voice": np.concatenate(voice)}
