"""A media file, read offline: the same perception, windows and model as live, on whole arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.capture.decode import OnCorruption, iter_media, probe
from emolive.capture.prefetch import DECODED, prefetch
from emolive.clock import to_ns, to_s
from emolive.errors import EmoliveError
from emolive.predictor import Prediction, Predictor, load_predictor
from emolive.profile import SpeakerStats
from emolive.sinks.rows import Row, row
from emolive.smoothing import Smoother
from emolive.types import AudioBlock, FaceObservation, Frame
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.windowing import FeatureTrack, FeatureWindow, Waveform, centre_window_end_ns, extract_window


@dataclass(frozen=True, slots=True)
class Clip:
    """All the evidence of a file."""

    path: Path
    track: FeatureTrack | None
    """None for a file without a picture."""
    sound: Waveform | None
    """None for a file without sound."""
    duration_s: float


def extract_clip_features(
    path: Path,
    perceiver: FacePipeline,
    sampler: FrameSampler,
    width: int,
    on_damage: OnCorruption | None = None,
) -> Clip:
    """Decode a file whole and let perception look at the frames that `sampler` chooses.

    Args:
        path: anything with a picture or a sound in it.
        perceiver: is reset first.
        sampler: with origin 0, the file's own time.
        width: D of the perceiver's vectors.
        on_damage: is told once, in a sentence, where a part of the file cannot be decoded.

    Raises:
        EmoliveError: the file cannot be read, in one sentence.
    """
    info = probe(path)
    perceiver.reset()
    seen: list[FaceObservation] = []
    blocks: list[AudioBlock] = []
    end_ns = 0
    # What comes next is decoded while perception is at work.
    with closing(prefetch(iter_media(path, on_damage=on_damage), DECODED)) as items:
        for item in items:
            if isinstance(item, Frame):
                end_ns = max(end_ns, item.t_ns)
                if sampler.accept(item.t_ns):
                    seen.append(perceiver.process(item))
            else:
                blocks.append(item)
    sound = Waveform.from_blocks(blocks)
    if sound is not None:
        end_ns = max(end_ns, to_ns(len(sound.samples) / sound.rate_hz))
    track = None
    if info.has_video:
        vectors = [np.zeros(width, np.float32) if o.features is None else o.features for o in seen]
        track = FeatureTrack(
            np.array([o.t_ns for o in seen], np.int64),
            np.stack(vectors) if vectors else np.zeros((0, width), np.float32),
            np.array([o.features is not None for o in seen], np.bool_),
        )
    return Clip(path, track, sound, to_s(end_ns))


class FileAnalyzer:
    """Reads files with one model. One person's statistics go on from file to file if asked to.

    Args:
        interpreter: the model, from `emolive.predictor.load_predictor`.
        baseline: none, neutral (from `learn_neutral` or a saved person) or running.
        person: whose saved neutral baseline to use.
        same_person: the files show one person, whose running statistics grow from file to file.
        on_damage: is told of files of which only a part can be decoded.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        baseline: str = "running",
        person: str = "guest",
        same_person: bool = False,
        on_damage: OnCorruption | None = None,
    ) -> None:
        self._on_damage = on_damage
        self._interpreter = predictor
        self._baseline = baseline
        self._same_person = same_person
        self._perceiver = FacePipeline.for_spec(predictor.spec, predictor.encoders())
        self._person = predictor.new_profile(person)
        self._shown_neutral = False
        if baseline == "neutral":
            self._person.load()

    def __enter__(self) -> FileAnalyzer:
        return self

    def __exit__(self, *_: object) -> None:
        self._perceiver.close()

    def clip(self, path: Path) -> Clip:
        """The evidence of a file. EmoliveError if it cannot be read."""
        spec = self._interpreter.spec
        sampler = FrameSampler(spec, 0)
        return extract_clip_features(path, self._perceiver, sampler, spec.frame_dim, self._on_damage)

    def learn_neutral(self, path: Path) -> None:
        """Add a clip in which the person is neutral to their neutral baseline.

        The first one takes the place of a saved baseline.
        """
        if not self._shown_neutral:
            self._person.neutral = SpeakerStats.none(self._interpreter.spec)
            self._shown_neutral = True
        predictor, neutral = self._interpreter, self._person.neutral
        for window in self._windows(self.clip(path)):
            neutral.add(window, predictor.spec, predictor.video_stats, predictor.audio_stats)

    def rows(self, path: Path) -> Iterator[Row]:
        """One row for every estimate of a file, then its summary row, as `emolive analyze` prints them.

        Raises:
            EmoliveError: the file cannot be read, or holds neither a face nor a voice.
        """
        clip, predictor, person = self.clip(path), self._interpreter, self._person
        spec = predictor.spec
        if not self._same_person:
            person.reset()
        smoother = Smoother(spec.labels)
        readable: list[int] = []
        for window in self._windows(clip):
            if self._same_person:
                person.running.add(window, spec, predictor.video_stats, predictor.audio_stats)
            else:
                person.update(window, predictor.video_stats, predictor.audio_stats)
            reading = predictor.predict(window, person, self._baseline)
            if reading is None:
                continue
            readable.append(window.end_ns)
            smoothed = smoother.update(reading.probs, window.end_ns)
            yield self._row(path, window.end_ns, reading, smoothed.probs, smoothed.label)
        centre_ns = centre_window_end_ns(clip.duration_s, spec)
        # Somebody may be silent and out of sight just in the middle: then the window next to it is told.
        for end_ns in (centre_ns, *sorted(readable, key=lambda ns: abs(ns - centre_ns))[:1]):
            reading = predictor.predict(
                extract_window(clip.track, clip.sound, end_ns, spec), person, self._baseline
            )
            if reading is not None:
                label = spec.labels[int(np.argmax(reading.probs))]
                yield {**self._row(path, end_ns, reading, reading.probs, label), "summary": True}
                return
        raise EmoliveError(f"{path.name} holds neither a face nor a voice that can be read.")

    def _windows(self, clip: Clip) -> Iterator[FeatureWindow]:
        """Every window of a clip in order."""
        spec = self._interpreter.spec
        bin_ns, hearing = to_ns(spec.bin_s), OnlineFeatureExtractor(spec.audio)
        for hop in range(1, int(to_ns(clip.duration_s) // bin_ns) + 1):
            yield extract_window(clip.track, clip.sound, hop * bin_ns, spec, hearing)

    def _row(self, path: Path, end_ns: int, reading: Prediction, probs: tuple[float, ...], label: str) -> Row:
        spec = self._interpreter.spec
        told = row(
            str(path),
            to_s(end_ns),
            fusion=spec.fusion,
            modality=reading.modality,
            labels=spec.labels,
            probs=probs,
            label=label,
        )
        return {**told, "baseline": reading.baseline}


def analyze(
    *files: str | Path,
    fusion: str | None = None,
    checkpoint: str | Path | None = None,
    baseline: str = "running",
    person: str = "guest",
    same_person: bool = False,
    device: str = "auto",
    backend: str = "auto",
) -> Iterator[Row]:
    """Rows of media files, as `emolive analyze` writes them: one per estimate, then a summary per file.

    Args:
        files: anything with a face or a voice in it.
        fusion: lt, it or ia; by default ia, or what the checkpoint is.
        checkpoint: one of your own in place of the shipped one.
        baseline: none, neutral (the saved one of `person`) or running.
        person: under which name a neutral baseline was saved.
        same_person: running statistics go on from file to file.
        device: auto, cpu, cuda or mps.
        backend: auto, eager, folded or onnx.

    Raises:
        EmoliveError: a model or a file cannot be used, in one sentence; earlier rows are good.
    """
    predictor = load_predictor(fusion, None if checkpoint is None else Path(checkpoint), device, backend)
    with FileAnalyzer(predictor, baseline=baseline, person=person, same_person=same_person) as analyzer:
        for file in files:
            yield from analyzer.rows(Path(file))
