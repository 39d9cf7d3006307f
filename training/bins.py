"""What each hop of a live session adds to a window: the newest bin of face vectors and of sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.clock import to_ns
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import BoolArray, FloatArray
from emolive.windowing import FeatureWindow, extract_window


class Recording(Protocol):
    """The features of a clip or a stream from its beginning on."""

    @property
    def video(self) -> FeatureTrack | None: ...
    @property
    def audio(self) -> Waveform | None: ...
    @property
    def expressions(self) -> FeatureTrack | None: ...
    @property
    def duration_s(self) -> float: ...


def windows(recording: Recording, spec: ModelSpec) -> Iterator[FeatureWindow]:
    """The windows of a live session, one at the end of each complete bin."""
    bin_ns, extractor = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
    for hop in range(1, int(to_ns(recording.duration_s) // bin_ns) + 1):
        yield extract_window(
            recording.video,
            recording.audio,
            hop * bin_ns,
            spec,
            extractor,
            expressions=recording.expressions,
        )


@dataclass(frozen=True, slots=True)
class Bins:
    """The newest bins of H windows, with S audio frames each. The arrays may be memory maps."""

    video: FloatArray
    """(H, video_dim)"""
    video_present: BoolArray
    """(H,)"""
    audio: FloatArray
    """(H, S, channels)"""
    audio_present: BoolArray
    """(H, S)"""
    speech: BoolArray
    """(H, S)"""

    @classmethod
    def of(cls, recording: Recording, spec: ModelSpec) -> Bins:
        """Those of a clip or stream; an incomplete last bin is left out."""
        n_frames = frames_per_bin(spec)
        rows: dict[str, list[NDArray[Any]]] = {field.name: [] for field in fields(cls)}
        for window in windows(recording, spec):
            rows["video"].append(window.video[-1])
            rows["video_present"].append(window.video_present[-1])
            rows["audio"].append(window.audio[-n_frames:])
            rows["audio_present"].append(window.audio_present[-n_frames:])
            rows["speech"].append(window.speech[-n_frames:])
        empty = layout(spec)
        return cls(
            **{
                name: np.stack(values) if values else np.zeros((0, *empty[name][0]), empty[name][1])
                for name, values in rows.items()
            }
        )


def frames_per_bin(spec: ModelSpec) -> int:
    """S, the audio frames of a bin."""
    return spec.audio.n_frames(spec.n_samples) // spec.n_bins


def layout(spec: ModelSpec, video_dim: int | None = None) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of a row of each array of `Bins`."""
    single, flag, n_frames = np.dtype(np.float32), np.dtype(np.bool_), frames_per_bin(spec)
    return {
        "video": ((spec.video_dim if video_dim is None else video_dim,), single),
        "video_present": ((), flag),
        "audio": ((n_frames, spec.audio.channels), single),
        "audio_present": ((n_frames,), flag),
        "speech": ((n_frames,), flag),
    }


@dataclass(frozen=True, slots=True)
class ClipBins:
    """The bins of N clips, one clip after another."""

    bins: Bins
    offsets: NDArray[np.int64]
    """(N + 1,): clip i has the bins `[offsets[i]:offsets[i + 1]]`."""

    def width(self, stream: str) -> int:
        """Length of a feature vector of "video" or "audio"."""
        return int(getattr(self.bins, stream).shape[-1])

    def count(self, clip: int) -> int:
        """How many bins a clip has."""
        return int(self.offsets[clip + 1] - self.offsets[clip])

    def of_clip(self, clip: int) -> slice:
        """The bins of a clip."""
        return slice(int(self.offsets[clip]), int(self.offsets[clip + 1]))

    def evidence(self, stream: str, clip: int) -> FloatArray:
        """What `emolive.profile.SpeakerStats.add` uses while a clip plays, before outliers are clipped.

        Returns:
            (n, D): the "video" of bins with a face, or the "audio" of frames with speech.
        """
        part, bins = self.of_clip(clip), self.bins
        if stream == "video":
            return np.asarray(bins.video[part][bins.video_present[part]], np.float32)
        return np.asarray(bins.audio[part][bins.speech[part]], np.float32)
