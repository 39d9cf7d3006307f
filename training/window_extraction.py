"""What is kept of one clip: its windows at some shifts, and what a live session would have collected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.file_analyzer import ClipFeatures
from emolive.models import factory
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor
from emolive.types import FloatArray, Image
from emolive.vision.encoders.base import CropInput, EncoderInput, FrameEncoder
from emolive.windowing import centre_window_end_ns, extract_window
from preprocessing.annotations import Annotations, ClipEntry
from training.clip_reader import ClipReader
from training.window_cache import Layout


class CropRecorder(FrameEncoder):
    """Stands in for a learned encoder: keeps each crop of a clip, and gives its number for a vector."""

    name = "crops"

    def __init__(self, spec: ModelSpec) -> None:
        self._crops: list[Image] = []
        # As wide as a vector, since that is how wide a frame's row is while a clip is read.
        self._width, self._input = spec.frame_dim, CropInput(spec.pixels.size, spec.pixels.order)

    @property
    def input(self) -> EncoderInput:
        return self._input

    @classmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        return cls.name

    def __call__(self, batch: NDArray[Any]) -> FloatArray:
        self._crops.extend(batch)
        numbers = np.arange(len(self._crops) - len(batch), len(self._crops), dtype=np.float32)
        return np.repeat(numbers[:, None], self._width, axis=1)

    def take(self, size: int) -> NDArray[np.uint8]:
        """(n, size, size, 3) since the last time."""
        taken, self._crops = self._crops, []
        return np.stack(taken) if taken else np.zeros((0, size, size, 3), np.uint8)


def layout(spec: ModelSpec, shifts: int, *, crops: bool = False) -> Layout:
    """What is kept of each clip; with `crops` the number of a crop stands for its vector."""
    steps = spec.audio.n_frames(spec.n_samples)
    width = 1 if crops else spec.video_dim
    row = np.dtype(np.float32)
    streams: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        "face": ((width,), row),
        "voice": ((spec.audio.channels,), row),
    }
    if crops:
        streams["crops"] = ((spec.pixels.size, spec.pixels.size, 3), np.dtype(np.uint8))
    exact = np.float32 if shifts == 1 else np.float16
    return Layout(
        {
            "bins": ((shifts, spec.n_bins, width), row),
            "bins_present": ((shifts, spec.n_bins), np.dtype(np.bool_)),
            "steps": ((shifts, steps, spec.audio.channels), np.dtype(exact)),
            "steps_present": ((shifts, steps), np.dtype(np.bool_)),
            "speech": ((shifts, steps), np.dtype(np.bool_)),
        },
        streams,
    )


@dataclass(frozen=True, slots=True)
class ClipWindows:
    """What is kept of one clip."""

    arrays: dict[str, NDArray[Any]]
    """Each (K, ...), as `WindowDataset` has them."""
    streams: dict[str, NDArray[Any]]
    """As `session_rows` gives them; and "crops", where they are kept."""


@dataclass(frozen=True, slots=True)
class ExtractionJob:
    """What a process needs to cut clips."""

    annotations: Annotations
    spec: ModelSpec
    shifts_s: tuple[float, ...]
    device: str
    weights: dict[str, NDArray[Any]] | None = None
    """Of a network of this spec, whose trunk is wanted."""
    crops: bool = False
    """Keep the crops instead of what a trunk makes of them."""

    def build(self) -> Callable[[ClipEntry], ClipWindows | str]:
        keeper = CropRecorder(self.spec) if self.crops else None
        encoders: Sequence[FrameEncoder] | None = None if keeper is None else (keeper,)
        if self.weights is not None:
            net = factory.build(self.spec)
            net.load_state_dict({k: torch.from_numpy(v) for k, v in self.weights.items()})
            encoders = Predictor(Checkpoint(net, self.spec, {}, Path()), self.device).encoders()
        reader = ClipReader(self.annotations, self.spec, encoders)
        return lambda item: self._cut(reader, item, keeper)

    def _cut(self, reader: ClipReader, item: ClipEntry, keeper: CropRecorder | None) -> ClipWindows | str:
        """The windows of a clip, or one sentence about why there are none."""
        try:
            clip = reader.read(item)
        except EmoliveError as error:
            return str(error)
        finally:
            crops = None if keeper is None else keeper.take(self.spec.pixels.size)
        centre_ns = centre_window_end_ns(clip.duration_s, self.spec)
        hearing = OnlineFeatureExtractor(self.spec.audio)
        found = [
            extract_window(clip.video, clip.audio, centre_ns + to_ns(shift_s), self.spec, hearing)
            for shift_s in self.shifts_s
        ]
        arrays = {
            name: np.stack([getattr(window, name) for window in found]).astype(dtype)
            for name, (_, dtype) in layout(self.spec, len(self.shifts_s)).arrays.items()
        }
        streams: dict[str, NDArray[Any]] = {**session_rows(clip, self.spec)}
        if crops is not None:
            arrays["bins"], streams["face"] = arrays["bins"][..., :1], streams["face"][:, :1]
            streams["crops"] = crops
        return ClipWindows(arrays, streams)


def session_rows(clip: ClipFeatures, spec: ModelSpec) -> dict[str, FloatArray]:
    """What `emolive.profile.SpeakerStats.add` takes up while a clip plays, before outliers are drawn in.

    Returns:
        "face" (n, face width) and "voice" (m, audio channels).
    """
    bin_ns, hearing = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
    face, voice = (
        [np.zeros((0, spec.video_dim), np.float32)],
        [np.zeros((0, spec.audio.channels), np.float32)],
    )
    for hop in range(1, int(to_ns(clip.duration_s) // bin_ns) + 1):
        window = extract_window(clip.video, clip.audio, hop * bin_ns, spec, hearing)
        if window.video_present[-1]:
            face.append(window.video[-1:])
        newest = len(window.audio) // spec.n_bins
        voice.append(window.audio[-newest:][window.speech[-newest:]])
    return {"face": np.concatenate(face), "voice": np.concatenate(voice)}
