"""Analysis of media files with the same features, windows and model as a live session."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.capture.container import Media, NetworkFile, media_of
from emolive.capture.decode import OnCorruption, OnNotice, iter_media, probe, weight
from emolive.capture.prefetch import MEDIA_BUFFER_SIZE, prefetch
from emolive.capture.tracks import AUTOMATIC, TrackChoice
from emolive.clock import to_ns, to_s
from emolive.errors import MediaError
from emolive.opinion_pool import EXPRESSIONS
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerStats
from emolive.smoothing import Smoother, make_estimate
from emolive.types import Estimate, FaceObservation, FileSummary, Frame
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.windowing import (
    MIN_FACE_SHARE,
    FeatureTrack,
    FeatureWindow,
    Waveform,
    centre_window_end_ns,
    extract_window,
)

KEEP_MARGIN_S = 4.0
"""While a file is analysed a window and so much before it is kept: encoders and resamplers look back, and
pictures hold."""
_N_KEPT_WINDOWS = 96
"""Windows over the whole file of which one becomes its summary."""

OnProgress = Callable[[float, float | None], None]
"""Called with the seconds that are done, and those of the whole file if it states them."""


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
        keep_s: how much of the newest sound and expressions is kept.
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
            else:
                clip.audio = clip.audio or Waveform((), item.rate_hz, keep_s)
                clip.audio.append(item)
                end_ns = max(end_ns, clip.audio.duration_ns)
            clip.duration_s = to_s(end_ns)
    yield end_ns + 1


class FileAnalyzer:
    """Analyses files with one model. A context manager: it holds a face detector.

    Args:
        predictor: the model, from `emolive.predictor.load_predictor`.
        baseline: none, neutral (calibrated with `calibrate`, or the saved one of `person`) or running.
        person: name of the speaker profile whose neutral baseline is loaded.
        same_person: all files show one person; running statistics carry over from file to file.
        on_corruption: called with a message if some of a file cannot be decoded.
        on_notice: called with sentences about what was chosen or corrected in a file: tracks, time stamps.
        tracks: which of several tracks of a file to use.
        av_offset_ns: by how much the sound is moved to later times against the picture; may be negative.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        baseline: str = "running",
        person: str = "guest",
        same_person: bool = False,
        on_corruption: OnCorruption | None = None,
        on_notice: OnNotice | None = None,
        tracks: TrackChoice = AUTOMATIC,
        av_offset_ns: int = 0,
    ) -> None:
        self._predictor = predictor
        self._av_offset_ns = av_offset_ns
        self._baseline = baseline
        self._same_person = same_person
        self._on_corruption, self._on_notice, self._tracks = on_corruption, on_notice, tracks
        self._pipeline = FacePipeline.for_spec(predictor.spec, predictor.encoders())
        self._profile = predictor.new_profile(person)
        self._is_calibrated = False
        self.has_saved_baseline = baseline == "neutral" and self._profile.load()
        """Whether a saved neutral baseline of the person is in use."""

    def __enter__(self) -> FileAnalyzer:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.close()

    def extract_features(self, path: Path) -> ClipFeatures:
        """Extract the frame vectors and the audio of a file.

        Raises:
            MediaError: it cannot be read.
        """
        spec = self._predictor.spec
        return extract_clip_features(
            path, self._pipeline, FrameSampler(spec, 0), spec.frame_dim, self._on_corruption
        )

    def calibrate(self, path: Media | str) -> None:
        """Add a file in which the person is neutral to their neutral baseline.

        The first one replaces a saved baseline.

        Raises:
            MediaError: it cannot be read.
        """
        predictor = self._predictor
        if not self._is_calibrated:
            self._profile.neutral = SpeakerStats.none(predictor.spec)
            self._is_calibrated = True
        clip, _ = self._open(path)
        for window in self._windows(clip):
            self._profile.neutral.add(window, predictor.spec, predictor.video_stats, predictor.audio_stats)

    def analyze(self, path: Media | str, on_progress: OnProgress | None = None) -> Iterator[Estimate]:
        """Estimate the emotion in every window of a file, while it is decoded and in constant memory.

        Args:
            path: a file, or the address of one.
            on_progress: called after each window.

        Yields:
            An estimate for each window with a face or a voice, then a `FileSummary`.

        Raises:
            MediaError: the file cannot be read, is too short, or holds neither a face nor a voice.
        """
        predictor, profile, spec = self._predictor, self._profile, self._predictor.spec
        if not self._same_person:
            profile.reset()
        smoother = Smoother.for_spec(spec)
        n_displayed: Counter[str] = Counter()
        clip, stated_s = self._open(path)
        middle = _MiddleWindows(None if stated_s is None else centre_window_end_ns(stated_s, spec))
        waiting: list[Estimate] = []
        for window in self._windows(clip):
            if self._same_person:
                profile.running.add(window, spec, predictor.video_stats, predictor.audio_stats)
            else:
                profile.update(window, predictor.video_stats, predictor.audio_stats)
            prediction = predictor.predict(window, profile, self._baseline)
            if on_progress is not None:
                on_progress(to_s(window.end_ns), stated_s)
            if prediction is None:
                continue
            middle.add(window)
            smoothed = smoother.update(prediction.probs, window.end_ns, prediction.age_s)
            n_displayed[smoothed.label] += 1
            waiting.append(
                make_estimate(prediction, smoothed, spec, source=str(clip.path), t_ns=window.end_ns)
            )
            if clip.duration_s >= self._shortest_s:
                yield from waiting
                waiting.clear()
        if clip.duration_s < self._shortest_s:
            raise MediaError(
                f"{clip.path.name} is too short: it lasts {clip.duration_s:.1f} s, and "
                f"{self._shortest_s:.1f} s are needed."
            )
        yield from waiting
        yield self._summarize(clip, middle, n_displayed)

    def _open(self, path: Media | str) -> tuple[ClipFeatures, float | None]:
        """A clip without features yet, and its duration in seconds if it is stated."""
        media = media_of(path)
        info = probe(media, self._tracks)
        if isinstance(media, NetworkFile) and info.duration_s is None:
            raise MediaError(f"{media} is live and has no end: read it with emolive run --source instead.")
        clip = open_clip(media, self._predictor.spec.frame_dim, self._keep_s, self._tracks)
        return clip, info.duration_s

    @property
    def _shortest_s(self) -> float:
        return MIN_FACE_SHARE * self._predictor.spec.window_s

    @property
    def _keep_s(self) -> float:
        return self._predictor.spec.window_s + KEEP_MARGIN_S

    def _windows(self, clip: ClipFeatures) -> Iterator[FeatureWindow]:
        """Decode a file into `clip`; every window in order, each as soon as all of it is decoded."""
        spec = self._predictor.spec
        bin_ns, extractor = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
        end_ns = bin_ns
        decoding = decode_into(
            clip,
            self._pipeline,
            FrameSampler(spec, 0),
            self._on_corruption,
            on_notice=self._on_notice,
            tracks=self._tracks,
            keep_s=self._keep_s,
            av_offset_ns=self._av_offset_ns,
        )
        with closing(decoding) as times:
            for t_ns in times:
                while end_ns < t_ns and end_ns <= to_ns(clip.duration_s):
                    yield extract_window(
                        clip.video, clip.audio, end_ns, spec, extractor, expressions=clip.expressions
                    )
                    end_ns += bin_ns

    def _summarize(
        self, clip: ClipFeatures, middle: _MiddleWindows, n_displayed: Counter[str]
    ) -> FileSummary:
        """The summary of a file.

        Args:
            clip: its newest features.
            middle: windows that gave an estimate.
            n_displayed: the number of estimates that displayed each label.

        Raises:
            MediaError: there is no window to summarise it with.
        """
        spec = self._predictor.spec
        centre_ns = centre_window_end_ns(clip.duration_s, spec)
        windows = []
        if centre_ns > to_ns(clip.duration_s):
            windows.append(
                extract_window(clip.video, clip.audio, centre_ns, spec, expressions=clip.expressions)
            )
        # Without face and voice in the middle, the nearest window that has one is used.
        for window in (*windows, *middle.nearest(centre_ns)):
            prediction = self._predictor.predict(window, self._profile, self._baseline, alone=True)
            if prediction is None:
                continue
            likeliest = int(np.argmax(prediction.probs))
            return FileSummary(
                source=str(clip.path),
                t_ns=window.end_ns,
                t_s=to_s(window.end_ns),
                labels=spec.labels,
                raw_probs=prediction.probs,
                probs=prediction.probs,
                label=spec.labels[likeliest],
                confidence=prediction.probs[likeliest],
                modality=prediction.modality,
                fusion=spec.fusion,
                baseline=prediction.baseline,
                answer_age_s=prediction.age_s,
                shares={label: n / n_displayed.total() for label, n in n_displayed.most_common()},
            )
        if spec.streams != "av":
            kind = "voice" if spec.streams == "a" else "face"
            raise MediaError(
                f"{clip.path.name} holds no {kind} that can be analysed, and this model reads nothing else."
            )
        raise MediaError(f"{clip.path.name} holds neither a face nor a voice that can be analysed.")


class _MiddleWindows:
    """Windows of a file of which one lies in its middle, however long it turns out to be.

    All of a short file; of a long one evenly spaced ones, and those where the middle should be.

    Args:
        expected_ns: where the middle window ends if the file is as long as it states.
    """

    def __init__(self, expected_ns: int | None) -> None:
        self._expected_ns = expected_ns
        self._kept: list[FeatureWindow] = []
        self._expected: FeatureWindow | None = None
        self._count = 0
        self._stride = 1

    def add(self, window: FeatureWindow) -> None:
        """Note a window that gave an estimate."""
        if window.end_ns == self._expected_ns:
            self._expected = window
        if self._count % self._stride == 0:
            self._kept.append(window)
        self._count += 1
        if len(self._kept) > _N_KEPT_WINDOWS:
            self._kept = self._kept[::2]
            self._stride *= 2

    def nearest(self, end_ns: int) -> list[FeatureWindow]:
        """The window that ends nearest to `end_ns`, of those that were kept; none if there is none."""
        windows = self._kept if self._expected is None else [*self._kept, self._expected]
        return sorted(windows, key=lambda window: abs(window.end_ns - end_ns))[:1]


def analyze(
    *files: str | Path,
    fusion: str | None = None,
    checkpoint: str | Path | None = None,
    baseline: str = "running",
    person: str = "guest",
    same_person: bool = False,
    device: str = "auto",
    backend: str = "auto",
) -> Iterator[Estimate]:
    """Analyse media files as `emolive analyze` does.

    Args:
        files: files with a face or a voice, or addresses of such.
        fusion: name of the fusion (lt, it, ia); by default that of the checkpoint, or ia.
        checkpoint: a checkpoint to use instead of the shipped one.
        baseline: none, neutral (the saved one of `person`) or running.
        person: name of the speaker profile.
        same_person: all files show one person; running statistics carry over from file to file.
        device: auto, cpu, cuda or mps.
        backend: auto, eager, folded or onnx.

    Yields:
        For each file, an `Estimate` per window (every 0.24 s with the shipped models), then a `FileSummary`.

    Raises:
        EmoliveError: a model or a file cannot be used.
    """
    predictor = load_predictor(fusion, None if checkpoint is None else Path(checkpoint), device, backend)
    with FileAnalyzer(predictor, baseline=baseline, person=person, same_person=same_person) as analyzer:
        for file in files:
            yield from analyzer.analyze(file)
