"""Windows and bins of one clip, extracted in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.clip_features import ClipFeatures
from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.io import onnx
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor
from emolive.types import FloatArray, Image
from emolive.vision.encoders.base import CropInput, FrameEncoder
from emolive.windowing import extract_window
from preprocessing.annotations import Annotations, ClipEntry
from training.bins import Bins
from training.bins import layout as bin_layout
from training.clip_parts import ClipPart, clip_parts
from training.clip_reader import ClipReader
from training.window_cache import Layout, Shape

BIN = "bin_"
"""Before the names of the arrays of `Bins` in the cache."""


class CropRecorder(FrameEncoder):
    """Takes the place of a learned encoder: records each crop and returns its number in place of features.

    Args:
        spec: of the model.
    """

    name = "crops"

    def __init__(self, spec: ModelSpec) -> None:
        self._crops: list[Image] = []
        # The rest of the pipeline expects rows of the encoder's width.
        self._dim, self._input = spec.frame_dim, CropInput(spec.pixels.size, spec.pixels.order)

    @property
    def input(self) -> CropInput:
        """Crops as the learned encoder gets them."""
        return self._input

    @classmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        """Its name: crops depend on no weights."""
        return cls.name

    def __call__(self, batch: NDArray[Any]) -> FloatArray:
        """(n, S, S, 3) uint8 → (n, dim), each row the number of its crop."""
        self._crops.extend(batch)
        numbers = np.arange(len(self._crops) - len(batch), len(self._crops), dtype=np.float32)
        return np.repeat(numbers[:, None], self._dim, axis=1)

    def pop(self, size: int) -> NDArray[np.uint8]:
        """(n, size, size, 3) crops since the last call."""
        crops, self._crops = self._crops, []
        return np.stack(crops) if crops else np.zeros((0, size, size, 3), np.uint8)


def layout(spec: ModelSpec, shifts: int, *, crops: bool = False) -> Layout:
    """What the cache stores of each clip; with `crops` the numbers of crops in place of features."""
    steps = spec.audio.n_frames(spec.n_samples)
    width = 1 if crops else spec.video_dim
    single, flag = np.dtype(np.float32), np.dtype(np.bool_)
    ragged: dict[str, tuple[Shape, np.dtype[Any]]] = {
        BIN + name: form for name, form in bin_layout(spec, width).items()
    }
    if crops:
        ragged["crops"] = ((spec.pixels.size, spec.pixels.size, 3), np.dtype(np.uint8))
    # Many shifts are for training alone, where half precision is exact enough and halves the disk space.
    audio = single if shifts == 1 else np.dtype(np.float16)
    return Layout(
        {
            "video": ((shifts, spec.n_bins, width), single),
            "video_present": ((shifts, spec.n_bins), flag),
            "audio": ((shifts, steps, spec.audio.channels), audio),
            "audio_present": ((shifts, steps), flag),
            "speech": ((shifts, steps), flag),
        },
        ragged,
    )


@dataclass(frozen=True, slots=True)
class ClipWindows:
    """What the cache stores of one clip, or of one part of a long clip."""

    arrays: dict[str, NDArray[Any]]
    """(K, ...) each, by the names of `WindowDataset`."""
    ragged: dict[str, NDArray[Any]]
    """(rows, ...) each."""


@dataclass(frozen=True, slots=True)
class ExtractionJob:
    """What a worker process needs to extract windows."""

    annotations: Annotations
    spec: ModelSpec
    shifts_s: tuple[float, ...]
    device: str
    weights: dict[str, NDArray[Any]] | None = None
    """Of a network of this spec, for its backbone."""
    crops: bool = False
    """Record crops in place of a backbone's features."""
    export: Path | None = None
    """An exported checkpoint of this spec, in place of weights."""
    condition: int = 0
    """Number of a recording condition for each person's sound; 0: as it was recorded."""

    def build(self) -> Callable[[ClipEntry], list[ClipWindows] | str]:
        """A function from a clip to the windows of its parts, or to a sentence on why there are none."""
        recorder = CropRecorder(self.spec) if self.crops else None
        encoders: Sequence[FrameEncoder] | None = None if recorder is None else (recorder,)
        if self.weights is not None:
            net = factory.build(self.spec)
            net.load_state_dict({k: torch.from_numpy(v) for k, v in self.weights.items()})
            encoders = Predictor(Checkpoint(net, self.spec, {}, Path()), self.device).encoders()
        elif self.export is not None:
            encoders = Predictor(onnx.load(self.export)).encoders()
        reader = ClipReader(self.annotations, self.spec, encoders, condition=self.condition)
        return lambda item: self._extract(reader, item, recorder)

    def _extract(
        self, reader: ClipReader, item: ClipEntry, recorder: CropRecorder | None
    ) -> list[ClipWindows] | str:
        try:
            clip = reader.read(item)
        except EmoliveError as error:
            return str(error)
        finally:
            crops = None if recorder is None else recorder.pop(self.spec.pixels.size)
        parts = [self._windows(clip, part, crops) for part in clip_parts(clip, self.spec)]
        if crops is not None:
            # The first part holds all crops of the clip; the numbers of the others count from its end.
            for part in parts[1:]:
                part.arrays["video"] -= len(crops)
                part.ragged[BIN + "video"] -= len(crops)
                part.ragged["crops"] = crops[:0]
        return parts

    def _windows(self, clip: ClipFeatures, part: ClipPart, crops: NDArray[np.uint8] | None) -> ClipWindows:
        extractor = OnlineFeatureExtractor(self.spec.audio)
        windows = [
            extract_window(clip.video, clip.audio, part.centre_end_ns + to_ns(shift_s), self.spec, extractor)
            for shift_s in self.shifts_s
        ]
        arrays = {
            name: np.stack([getattr(window, name) for window in windows]).astype(dtype)
            for name, (_, dtype) in layout(self.spec, len(self.shifts_s)).arrays.items()
        }
        bins = Bins.of(part.features, self.spec)
        ragged: dict[str, NDArray[Any]] = {BIN + f.name: getattr(bins, f.name) for f in fields(bins)}
        if crops is not None:
            arrays["video"], ragged[BIN + "video"] = arrays["video"][..., :1], bins.video[:, :1]
            ragged["crops"] = crops
        return ClipWindows(arrays, ragged)
