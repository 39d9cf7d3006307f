"""One annotated clip as evidence: the same frame vectors and sound as `emolive.file_analyzer` gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.capture.decode import read_audio
from emolive.clock import NS_PER_S, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.file_analyzer import ClipFeatures, extract_clip_features
from emolive.models.spec import ModelSpec
from emolive.types import FloatArray, Frame, Image
from emolive.vision.encoders import landmarks
from emolive.vision.encoders.base import CropInput, FrameEncoder, build_encoders
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.windowing import FeatureTrack, Waveform
from preprocessing.annotations import Annotations, ClipEntry

LANDMARK_RATE_HZ = 30_000 / 1001
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class ClipReader:
    """Reads the clips of an annotation file as one kind of model sees them.

    Args:
        annotations: whose paths to read.
        spec: which vectors and sound.
        encoders: of the model; needed where one of them is learned.
    """

    def __init__(
        self, annotations: Annotations, spec: ModelSpec, encoders: Sequence[FrameEncoder] | None = None
    ) -> None:
        self._annotations = annotations
        self._spec = spec
        self._encoders = encoders
        self._perceiver: FacePipeline | None = None
        self._archives: dict[Path, Any] = {}

    def read(self, item: ClipEntry) -> ClipFeatures:
        """The evidence of a clip.

        Raises:
            EmoliveError: a file of it cannot be read, or holds neither picture nor sound.
        """
        sound: Waveform | None = None
        video, key = self._annotations.locate(item.video)
        audio, _ = self._annotations.locate(item.audio)
        try:
            if item.audio and item.audio != item.video:
                sound = _sound(audio)
            seconds = len(sound.samples) / sound.rate_hz if sound else None
            if not item.video:
                track = None
            elif key:
                track = self._landmarks(video, key)
            elif video.is_dir() or video.suffix == ".npy":
                track = self._crops(_pictures(video), seconds)
            else:
                media = self._media(video)
                track, sound = media.video, sound or (media.audio if item.audio else None)
        except EmoliveError as error:
            raise EmoliveError(f"The clip {item.id} cannot be used. {error}") from error
        if track is None and sound is None:
            raise EmoliveError(f"The clip {item.id} cannot be used. It holds neither picture nor sound.")
        end_ns = int(track.stamps_ns[-1]) if track is not None and len(track.stamps_ns) else 0
        if sound is not None:
            end_ns = max(end_ns, to_ns(len(sound.samples) / sound.rate_hz))
        return ClipFeatures(video if item.video else audio, track, sound, to_s(end_ns))

    def _follow(self) -> FacePipeline:
        if self._perceiver is None:
            self._perceiver = FacePipeline.for_spec(self._spec, self._encoders)
        return self._perceiver

    def _media(self, path: Path) -> ClipFeatures:
        return extract_clip_features(path, self._follow(), FrameSampler(self._spec, 0), self._spec.frame_dim)

    def _landmarks(self, path: Path, key: str) -> FeatureTrack:
        """Rows of landmarks, each at the time of its frame."""
        if any(encoder.landmarker == "none" for encoder in self._spec.encoder_classes):
            raise EmoliveError(
                f"{path.name} holds landmarks, and {'+'.join(self._spec.encoders)} wants pixels."
            )
        if path not in self._archives:
            try:
                self._archives[path] = np.load(path)
            except (OSError, ValueError) as error:
                raise EmoliveError(f"{path} cannot be read: {error}.") from error
        archive = self._archives[path]
        try:
            points, frames = np.asarray(archive[f"{key}/xy"]), np.asarray(archive[f"{key}/frame"])
            rate = float(archive[f"{key}/rate"]) if f"{key}/rate" in archive else LANDMARK_RATE_HZ
        except (KeyError, OSError, ValueError) as error:
            raise EmoliveError(f"{path.name} lacks {key}/xy or {key}/frame.") from error
        if points.shape != (len(frames), landmarks.POINTS, 2) or rate <= 0:
            raise EmoliveError(f"{path.name}#{key} holds {points.shape} points for {len(frames)} frames.")
        if np.any(np.diff(frames) <= 0) or not np.all(np.isfinite(points)):
            raise EmoliveError(f"{path.name}#{key} is damaged: frames out of order, or points not finite.")
        stamps = np.round(frames.astype(np.float64) / rate * NS_PER_S).astype(np.int64)
        sampler = FrameSampler(self._spec, 0)
        due = np.array([sampler.accept(int(t)) for t in stamps], bool)
        rows = points[due].astype(np.float32)
        vectors = np.concatenate([encoder(rows) for encoder in build_encoders(self._spec)], axis=1)
        return FeatureTrack(stamps[due], vectors, np.ones(len(vectors), np.bool_))

    def _crops(self, pictures: list[Image], seconds: float | None) -> FeatureTrack:
        """Face crops that lie evenly over the clip; all black ones are padding, not faces."""
        spec = self._spec
        duration = seconds or spec.window_s
        stamps = np.round((np.arange(len(pictures)) + 0.5) / len(pictures) * duration * NS_PER_S).astype(
            np.int64
        )
        present = np.array([bool(picture.any()) for picture in pictures])
        vectors = np.zeros((len(pictures), spec.frame_dim), np.float32)
        if self._perceiver is not None:
            self._perceiver.reset()
        for i, picture in enumerate(pictures):
            if not present[i]:
                continue
            if spec.landmarker != "none":
                seen = self._follow().process(Frame(int(stamps[i]), picture, i)).features
                present[i] = seen is not None
                vectors[i] = 0.0 if seen is None else seen
            elif self._encoders is not None:
                vectors[i] = np.concatenate([_encode_crop(picture, encoder) for encoder in self._encoders])
        return FeatureTrack(stamps, vectors, present)


def _encode_crop(picture: Image, encoder: FrameEncoder) -> FloatArray:
    reads = encoder.input
    assert isinstance(reads, CropInput)
    crop = cv2.resize(picture, (reads.size, reads.size), interpolation=cv2.INTER_AREA)
    ordered = crop if reads.order == "BGR" else crop[..., ::-1]
    vectors = encoder(np.ascontiguousarray(ordered)[None])
    return vectors.reshape(-1)


def _sound(path: Path) -> Waveform:
    """Mono sound of anything soundfile reads, or of a media file."""
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        mono, rate_hz = read_audio(path)
    else:
        mono = samples.mean(axis=1, dtype=np.float32)
    if not len(mono):
        raise EmoliveError(f"{path.name} holds no sound: it is empty.")
    if not np.all(np.isfinite(mono)):
        raise EmoliveError(f"{path.name} is damaged: it holds samples that are not finite.")
    return Waveform(mono, int(rate_hz))


def _pictures(path: Path) -> list[Image]:
    """The crops of an `.npy` (T, S, S, 3) or (T, S, S), or of a folder in the order of its names; BGR."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES)
        found = [(file.name, cv2.imread(str(file), cv2.IMREAD_COLOR)) for file in files]
        for name, picture in found:
            if picture is None:
                raise EmoliveError(f"{path.name}/{name} is damaged: it cannot be read as a picture.")
        pictures = [np.asarray(picture, np.uint8) for _, picture in found]
    else:
        pictures = list(_array_pictures(path))
    if not pictures:
        raise EmoliveError(f"{path.name} holds no pictures.")
    return pictures


def _array_pictures(path: Path) -> Iterator[Image]:
    try:
        stored: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EmoliveError(f"{path.name} cannot be read as an array of crops: {error}.") from error
    if stored.dtype != np.uint8 or stored.ndim not in (3, 4) or (stored.ndim == 4 and stored.shape[3] != 3):
        raise EmoliveError(
            f"{path.name} must hold crops as uint8 (T, S, S, 3), and holds {stored.dtype} {stored.shape}."
        )
    for picture in stored:
        colour: FloatArray | Image = np.repeat(picture[..., None], 3, axis=2) if stored.ndim == 3 else picture
        yield np.ascontiguousarray(colour, np.uint8)
