"""Frame features and waveform of one annotated clip, the same as `emolive.clip_features` computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from emolive._compat.opencv import cv2
from emolive.clip_features import ClipFeatures, extract_clip_features
from emolive.clock import NS_PER_S, to_ns, to_s
from emolive.errors import EmoliveError, MediaError
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import FloatArray, Frame, Image
from emolive.vision.encoders.base import CropInput, FrameEncoder, build_encoders
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.array_archive import ArrayArchive, read_array
from preprocessing.audio import read_waveform
from preprocessing.faults import reading, whole_file
from preprocessing.landmark_archive import read_landmark_track
from training import recording_conditions
from training.encoder_traits import reads_only_landmarks

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class ClipReader:
    """Reads the clips of an annotation file as the input of one kind of model.

    Args:
        annotations: the clips.
        spec: of the model.
        encoders: of the model; needed if one of them is learned.
        condition: number of a recording condition (`training.recording_conditions`); 0: as recorded.
    """

    def __init__(
        self,
        annotations: Annotations,
        spec: ModelSpec,
        encoders: Sequence[FrameEncoder] | None = None,
        *,
        condition: int = 0,
    ) -> None:
        self._condition = condition
        self._annotations = annotations
        self._spec = spec
        self._encoders = encoders
        self._face_pipeline: FacePipeline | None = None
        self._archives: dict[Path, ArrayArchive] = {}

    def read(self, item: ClipEntry) -> ClipFeatures:
        """The features of a clip.

        Raises:
            MediaError: a file of it cannot be read, or it has neither video nor audio.
        """
        waveform: Waveform | None = None
        video, key = self._annotations.locate(item.video)
        audio, _ = self._annotations.locate(item.audio)
        try:
            if item.audio and item.audio != item.video:
                waveform = read_waveform(audio)
            duration_s = len(waveform.samples) / waveform.rate_hz if waveform else None
            if not item.video:
                track = None
            elif key:
                track = self._landmarks(video, key)
            elif video.is_dir() or video.suffix == ".npy":
                with reading(video, "a file or folder of crops"):
                    images = _read_images(video)
                track = self._crops(images, duration_s)
            else:
                media = self._media(video)
                track, waveform = media.video, waveform or (media.audio if item.audio else None)
        except EmoliveError as error:
            raise MediaError(f"The clip {item.id} cannot be used. {error}") from error
        if track is None and waveform is None:
            raise MediaError(f"The clip {item.id} cannot be used. It has neither video nor audio.")
        if waveform is not None and self._condition:
            waveform = recording_conditions.recorded(
                waveform, item.actor or item.id, item.id, self._condition
            )
        end_ns = int(track.stamps_ns[-1]) if track is not None and len(track.stamps_ns) else 0
        if waveform is not None:
            end_ns = max(end_ns, to_ns(len(waveform.samples) / waveform.rate_hz))
        return ClipFeatures(video if item.video else audio, track, waveform, to_s(end_ns))

    @property
    def face_pipeline(self) -> FacePipeline:
        """Finds and encodes the faces of images; made when it is first used."""
        if self._face_pipeline is None:
            self._face_pipeline = FacePipeline.for_spec(self._spec, self._encoders)
        return self._face_pipeline

    def _media(self, path: Path) -> ClipFeatures:
        with reading(path, "a video or sound file"), whole_file() as on_corruption:
            return extract_clip_features(
                path, self.face_pipeline, FrameSampler(self._spec, 0), self._spec.frame_dim, on_corruption
            )

    def _landmarks(self, path: Path, key: str) -> FeatureTrack:
        """Features of landmarks, each at the time of its frame."""
        if not reads_only_landmarks(self._spec):
            raise MediaError(
                f"{path.name} holds landmarks, but the encoder {'+'.join(self._spec.encoders)} reads images."
            )
        if path not in self._archives:
            self._archives[path] = ArrayArchive(path)
        found = read_landmark_track(self._archives[path], key)
        sampler = FrameSampler(self._spec, 0)
        accepted = np.array([sampler.accept(int(t)) for t in found.stamps_ns], bool)
        rows = found.points_px[accepted]
        features = np.concatenate([encoder(rows) for encoder in build_encoders(self._spec)], axis=1)
        return FeatureTrack(found.stamps_ns[accepted], features, np.ones(len(features), np.bool_))

    def _crops(self, images: list[Image], duration_s: float | None) -> FeatureTrack:
        """Features of face crops, which lie evenly over the clip; black ones are padding, not faces."""
        spec = self._spec
        duration_s = duration_s or spec.window_s
        stamps = np.round((np.arange(len(images)) + 0.5) / len(images) * duration_s * NS_PER_S).astype(
            np.int64
        )
        present = np.array([bool(image.any()) for image in images])
        features = np.zeros((len(images), spec.frame_dim), np.float32)
        if self._face_pipeline is not None:
            # The face of the clip before must not decide where this one is looked for.
            self._face_pipeline.reset()
        for i, image in enumerate(images):
            if not present[i]:
                continue
            if spec.landmarker != "none":
                vector = self.face_pipeline.process(Frame(int(stamps[i]), image, i)).features
                present[i] = vector is not None
                features[i] = 0.0 if vector is None else vector
            elif self._encoders is not None:
                features[i] = np.concatenate([_encode_crop(image, encoder) for encoder in self._encoders])
        return FeatureTrack(stamps, features, present)


def _encode_crop(image: Image, encoder: FrameEncoder) -> FloatArray:
    """(dim,) features of a face crop."""
    form = encoder.input
    assert isinstance(form, CropInput)
    crop = cv2.resize(image, (form.size, form.size), interpolation=cv2.INTER_AREA)
    ordered = crop if form.order == "BGR" else crop[..., ::-1]
    return encoder(np.ascontiguousarray(ordered)[None]).reshape(-1)


def _read_images(path: Path) -> list[Image]:
    """The crops in an `.npy` (T, S, S, 3) or (T, S, S), or in a folder in the order of its names; BGR."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        decoded = [(file.name, cv2.imread(str(file), cv2.IMREAD_COLOR)) for file in files]
        for name, image in decoded:
            if image is None:
                raise MediaError(f"{path.name}/{name} is damaged: it cannot be read as an image.")
        images = [np.asarray(image, np.uint8) for _, image in decoded]
    else:
        images = list(_images_of_array(path))
    if not images:
        raise MediaError(f"{path.name} holds no images.")
    return images


def _images_of_array(path: Path) -> Iterator[Image]:
    stored = read_array(path)
    if stored.dtype != np.uint8 or stored.ndim not in (3, 4) or (stored.ndim == 4 and stored.shape[3] != 3):
        raise MediaError(
            f"{path.name} must hold crops as uint8 (T, S, S, 3), not {stored.dtype} {stored.shape}."
        )
    for image in stored:
        colour = np.repeat(image[..., None], 3, axis=2) if stored.ndim == 3 else image
        yield np.ascontiguousarray(colour, np.uint8)
