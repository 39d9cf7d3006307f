"""The features of a media file, extracted with the code of a live session."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.capture.container import Media
from emolive.capture.decode import iter_media, probe, weight
from emolive.capture.media_reader import OnCorruption, OnNotice
from emolive.capture.prefetch import MEDIA_BUFFER_SIZE, prefetch
from emolive.capture.tracks import AUTOMATIC, TrackChoice
from emolive.clock import to_s
from emolive.expression_stats import EXPRESSIONS
from emolive.hints import QUALITY_DIM, quality_vector
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import FaceObservation, Frame
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.windowing import FeatureWindow, extract_window, no_expressions


class Perception(Protocol):
    """What `decode_into` needs of a `FacePipeline`."""

    def reset(self) -> None: ...

    def process(self, frame: Frame) -> FaceObservation: ...


@dataclass(slots=True)
class ClipFeatures:
    """The frame vectors and the audio of a file."""

    path: Media
    video: FeatureTrack | None
    """None for a file without video."""
    audio: Waveform | None
    """None for a file without audio."""
    duration_s: float
    expressions: FeatureTrack | None = None
    """Log-probabilities of the expression classifier; None if it did not run."""
    qualities: FeatureTrack | None = None
    """How well the face could be seen where it was classified, see `emolive.hints`."""

    def window(
        self, end_ns: int, spec: ModelSpec, extractor: OnlineFeatureExtractor | None = None
    ) -> FeatureWindow:
        """The window that ends at `end_ns`; arguments as for `extract_window`."""
        return extract_window(
            self.video,
            self.audio,
            end_ns,
            spec,
            extractor,
            expressions=no_expressions(spec) if self.expressions is None else self.expressions,
            qualities=self.qualities,
        )


def extract_clip_features(
    path: Path,
    pipeline: FacePipeline,
    sampler: FrameSampler,
    dim: int,
    on_corruption: OnCorruption | None = None,
) -> ClipFeatures:
    """Decode a file and extract its features.

    Args:
        path: a file with video or audio.
        pipeline: for the frames that `sampler` accepts; it is reset first.
        sampler: with origin 0, the file's own time.
        dim: D of the pipeline's vectors.
        on_corruption: called once, with a message, if some of the file cannot be decoded.

    Raises:
        MediaError: the file cannot be read.
    """
    clip = open_clip(path, dim)
    for _ in decode_into(clip, pipeline, sampler, on_corruption):
        pass
    return clip


def open_clip(
    path: Media, dim: int, keep_s: float = math.inf, tracks: TrackChoice = AUTOMATIC
) -> ClipFeatures:
    """The features of a file before anything is decoded.

    Args:
        path: a file with video or audio.
        dim: D of the frame vectors.
        keep_s: how much of the newest frame vectors is kept.
        tracks: which of several tracks to use.

    Raises:
        MediaError: it cannot be read.
    """
    has_video = probe(path, tracks).has_video
    return ClipFeatures(path, FeatureTrack.empty(dim, keep_s) if has_video else None, None, 0.0)


def decode_into(
    clip: ClipFeatures,
    pipeline: Perception,
    sampler: FrameSampler,
    on_corruption: OnCorruption | None,
    on_observation: Callable[[FaceObservation], None] | None = None,
    *,
    audio: bool = True,
    on_notice: OnNotice | None = None,
    tracks: TrackChoice = AUTOMATIC,
    keep_s: float = math.inf,
    av_offset_ns: int = 0,
) -> Generator[int, None, None]:
    """Add everything in a file to its features.

    Args:
        clip: from `open_clip`.
        pipeline: for the frames that `sampler` accepts; it is reset first.
        sampler: with origin 0, the file's own time.
        on_corruption: called once, with a message, if some of the file cannot be decoded.
        on_observation: called with what was seen in each processed frame.
        audio: whether to decode the sound.
        on_notice, tracks: as for `iter_media`.
        keep_s: how much of the newest sound, expressions and qualities is kept.
        av_offset_ns: by how much the sound is moved to later times against the picture.

    Yields:
        The time of each frame and block before it is added, and the end. Everything earlier is complete then.
    """
    pipeline.reset()
    end_ns = 0
    media = iter_media(
        clip.path,
        audio=audio,
        on_corruption=on_corruption,
        on_notice=on_notice,
        tracks=tracks,
        av_offset_ns=av_offset_ns,
    )
    # The next frames are decoded while this thread processes one.
    with closing(prefetch(media, MEDIA_BUFFER_SIZE, weight)) as items:
        for item in items:
            yield item.t_ns
            if isinstance(item, Frame):
                end_ns = max(end_ns, item.t_ns)
                if clip.video is not None and sampler.accept(item.t_ns):
                    observation = pipeline.process(item)
                    clip.video.append(observation.t_ns, observation.features)
                    if on_observation is not None:
                        on_observation(observation)
                    if observation.expression is not None:
                        clip.expressions = clip.expressions or FeatureTrack.empty(len(EXPRESSIONS), keep_s)
                        clip.expressions.append(observation.t_ns, observation.expression)
                    if observation.quality is not None:
                        clip.qualities = clip.qualities or FeatureTrack.empty(QUALITY_DIM, keep_s)
                        clip.qualities.append(observation.t_ns, quality_vector(observation.quality))
            else:
                clip.audio = clip.audio or Waveform((), item.rate_hz, keep_s)
                clip.audio.append(item)
                end_ns = max(end_ns, clip.audio.duration_ns)
            clip.duration_s = to_s(end_ns)
    yield end_ns + 1
