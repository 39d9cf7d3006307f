"""Analysis of media files with the same features, windows and model as a live session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.capture.decode import OnCorruption, iter_media, probe
from emolive.capture.prefetch import MEDIA_BUFFER_SIZE, prefetch
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


class Perception(Protocol):
    """What `decode_into` needs of a `FacePipeline`."""

    def reset(self) -> None: ...

    def process(self, frame: Frame) -> FaceObservation: ...


@dataclass(slots=True)
class ClipFeatures:
    """The frame vectors and the audio of a file."""

    path: Path
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


def open_clip(path: Path, dim: int) -> ClipFeatures:
    """The features of a file before anything is decoded.

    Raises:
        MediaError: it cannot be read.
    """
    return ClipFeatures(path, FeatureTrack.empty(dim) if probe(path).has_video else None, None, 0.0)


def decode_into(
    clip: ClipFeatures,
    pipeline: Perception,
    sampler: FrameSampler,
    on_corruption: OnCorruption | None,
    on_observation: Callable[[FaceObservation], None] | None = None,
    *,
    audio: bool = True,
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
        av_offset_ns: by how much the sound is moved to later times against the picture.

    Yields:
        The time of each frame and block before it is added, and the end. Everything earlier is complete then.
    """
    pipeline.reset()
    end_ns = 0
    media = iter_media(clip.path, audio=audio, on_corruption=on_corruption, av_offset_ns=av_offset_ns)
    # The next frames are decoded while this thread processes one.
    with closing(prefetch(media, MEDIA_BUFFER_SIZE)) as items:
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
                        clip.expressions = clip.expressions or FeatureTrack.empty(len(EXPRESSIONS))
                        clip.expressions.append(observation.t_ns, observation.expression)
            else:
                clip.audio = clip.audio or Waveform((), item.rate_hz)
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
        av_offset_ns: int = 0,
    ) -> None:
        self._predictor = predictor
        self._av_offset_ns = av_offset_ns
        self._baseline = baseline
        self._same_person = same_person
        self._on_corruption = on_corruption
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

    def calibrate(self, path: Path) -> None:
        """Add a file in which the person is neutral to their neutral baseline.

        The first one replaces a saved baseline.

        Raises:
            MediaError: it cannot be read.
        """
        predictor = self._predictor
        if not self._is_calibrated:
            self._profile.neutral = SpeakerStats.none(predictor.spec)
            self._is_calibrated = True
        clip = open_clip(path, predictor.spec.frame_dim)
        for window in self._windows(clip):
            self._profile.neutral.add(window, predictor.spec, predictor.video_stats, predictor.audio_stats)

    def analyze(self, path: Path) -> Iterator[Estimate]:
        """Estimate the emotion in every window of a file, while it is decoded.

        Yields:
            An estimate for each window with a face or a voice, then a `FileSummary`.

        Raises:
            MediaError: the file cannot be read, is too short, or holds neither a face nor a voice.
        """
        predictor, profile, spec = self._predictor, self._profile, self._predictor.spec
        if not self._same_person:
            profile.reset()
        smoother = Smoother.for_spec(spec)
        ends_ns: list[int] = []
        n_displayed: Counter[str] = Counter()
        clip = open_clip(path, spec.frame_dim)
        for window in self._windows(clip):
            if self._same_person:
                profile.running.add(window, spec, predictor.video_stats, predictor.audio_stats)
            else:
                profile.update(window, predictor.video_stats, predictor.audio_stats)
            prediction = predictor.predict(window, profile, self._baseline)
            if prediction is None:
                continue
            smoothed = smoother.update(prediction.probs, window.end_ns, prediction.age_s)
            ends_ns.append(window.end_ns)
            n_displayed[smoothed.label] += 1
            yield make_estimate(prediction, smoothed, spec, source=str(path), t_ns=window.end_ns)
        yield self._summarize(clip, ends_ns, n_displayed)

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
            av_offset_ns=self._av_offset_ns,
        )
        with closing(decoding) as times:
            for t_ns in times:
                while end_ns < t_ns and end_ns <= to_ns(clip.duration_s):
                    yield extract_window(
                        clip.video, clip.audio, end_ns, spec, extractor, expressions=clip.expressions
                    )
                    end_ns += bin_ns

    def _summarize(self, clip: ClipFeatures, ends_ns: list[int], n_displayed: Counter[str]) -> FileSummary:
        """The summary of a file.

        Args:
            clip: its features.
            ends_ns: the windows that gave an estimate.
            n_displayed: the number of estimates that displayed each label.

        Raises:
            MediaError: there is no window to summarise it with.
        """
        spec, name = self._predictor.spec, clip.path.name
        centre_ns = centre_window_end_ns(clip.duration_s, spec)
        # Without face and voice in the middle, the nearest window that has one is used.
        for end_ns in (centre_ns, *sorted(ends_ns, key=lambda ns: abs(ns - centre_ns))[:1]):
            window = extract_window(clip.video, clip.audio, end_ns, spec, expressions=clip.expressions)
            prediction = self._predictor.predict(window, self._profile, self._baseline, alone=True)
            if prediction is None:
                continue
            likeliest = int(np.argmax(prediction.probs))
            # A file shorter than a bin has no other estimate.
            n_displayed = n_displayed or Counter([spec.labels[likeliest]])
            return FileSummary(
                source=str(clip.path),
                t_ns=end_ns,
                t_s=to_s(end_ns),
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
        if clip.duration_s < MIN_FACE_SHARE * spec.window_s:
            raise MediaError(
                f"{name} is too short: it lasts {clip.duration_s:.1f} s, and "
                f"{MIN_FACE_SHARE * spec.window_s:.1f} s are needed."
            )
        if spec.streams != "av":
            kind = "voice" if spec.streams == "a" else "face"
            raise MediaError(
                f"{name} holds no {kind} that can be analysed, and this model reads nothing else."
            )
        raise MediaError(f"{name} holds neither a face nor a voice that can be analysed.")


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
        files: files with a face or a voice.
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
            yield from analyzer.analyze(Path(file))
