"""Analysis of media files with the same features, windows and model as a live session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.capture.container import Media, NetworkFile, media_of
from emolive.capture.decode import probe
from emolive.capture.media_reader import OnCorruption, OnNotice
from emolive.capture.tracks import AUTOMATIC, TrackChoice
from emolive.clip_features import ClipFeatures, decode_into, extract_clip_features, open_clip
from emolive.clock import to_ns, to_s
from emolive.errors import MediaError
from emolive.file_summary import FileSummarizer, too_short
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerStats
from emolive.smoothing import Smoother, make_estimate
from emolive.types import Estimate
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import VIDEO_FEATURE_HZ, FrameSampler
from emolive.vision.lips import LipTrack
from emolive.vision.survey import SurveyingPipeline
from emolive.voice_owner import without_others_voice
from emolive.windowing import FeatureWindow, shortest_s

KEEP_MARGIN_S = 4.0
"""While a file is analysed a window and so much before it is kept: encoders and resamplers look back, and
pictures hold."""

OnProgress = Callable[[float, float | None], None]
"""Called with the seconds that are done, and those of the whole file if it states them."""


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
        self._lips = LipTrack()
        """Of the file that is read."""
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
        clip, stated_s = self._open(path)
        summarizer = FileSummarizer(predictor, self._baseline, stated_s)
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
                summarizer.add(window, None)
                continue
            estimate = make_estimate(
                prediction,
                smoother.update(prediction.probs, window.end_ns, prediction.age_s),
                spec,
                source=str(clip.path),
                t_ns=window.end_ns,
                hints=window.hints,
            )
            summarizer.add(window, estimate)
            waiting.append(estimate)
            if clip.duration_s >= shortest_s(spec):
                yield from waiting
                waiting.clear()
        if clip.duration_s < shortest_s(spec):
            raise MediaError(too_short(clip.path.name, clip.duration_s, shortest_s(spec)))
        yield from waiting
        yield summarizer.summarize(clip, profile, partial(self._window, clip))

    def _open(self, path: Media | str) -> tuple[ClipFeatures, float | None]:
        """A clip without features yet, and its duration in seconds if it is stated."""
        media = media_of(path)
        info = probe(media, self._tracks)
        if isinstance(media, NetworkFile) and info.duration_s is None:
            raise MediaError(f"{media} is live and has no end: read it with emolive run --source instead.")
        clip = open_clip(media, self._predictor.spec.frame_dim, self._keep_s, self._tracks)
        return clip, info.duration_s

    @property
    def _keep_s(self) -> float:
        return self._predictor.spec.window_s + KEEP_MARGIN_S

    def _windows(self, clip: ClipFeatures) -> Iterator[FeatureWindow]:
        """Decode a file into `clip`; every window in order, each as soon as all of it is decoded."""
        spec = self._predictor.spec
        bin_ns, extractor = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
        end_ns = bin_ns
        self._lips = lips = LipTrack(round(self._keep_s * VIDEO_FEATURE_HZ))
        decoding = decode_into(
            clip,
            SurveyingPipeline(self._pipeline),
            FrameSampler(spec, 0),
            self._on_corruption,
            lips.add,
            on_notice=self._on_notice,
            tracks=self._tracks,
            keep_s=self._keep_s,
            av_offset_ns=self._av_offset_ns,
        )
        with closing(decoding) as times:
            for t_ns in times:
                while end_ns < t_ns and end_ns <= to_ns(clip.duration_s):
                    yield self._window(clip, end_ns, extractor)
                    end_ns += bin_ns

    def _window(
        self, clip: ClipFeatures, end_ns: int, extractor: OnlineFeatureExtractor | None = None
    ) -> FeatureWindow:
        """A window with the voice of the read face only."""
        spec = self._predictor.spec
        return without_others_voice(clip.window(end_ns, spec, extractor), self._lips, spec.bin_s)[0]


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
