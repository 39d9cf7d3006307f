"""A checkpoint at work: a window of evidence and a person's baseline in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import torch
from torch import Tensor

from emolive.errors import EmoliveError
from emolive.models.io import checkpoint as checkpoints
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.network import EmotionNet
from emolive.models.registry import check_backend
from emolive.models.runtimes import autotune as backends
from emolive.models.runtimes.autotune import AUTO, EAGER, ONNX, Backend
from emolive.models.spec import ModelSpec
from emolive.normalization import GlobalStats, Normalizer
from emolive.profile import SpeakerProfile
from emolive.types import MODALITIES, FloatArray, Image, Modality
from emolive.vision.landmarks import LANDMARKER_ID
from emolive.windowing import FeatureWindow

if TYPE_CHECKING:
    from emolive.models.io.onnx import OnnxCheckpoint, OnnxNet


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one window alone."""

    probs: tuple[float, ...]
    modality: Modality
    baseline: str
    """The mode that was really used: a neutral baseline nobody calibrated is none."""


def populations(net: EmotionNet | OnnxNet) -> tuple[GlobalStats, GlobalStats]:
    """What a network's checkpoint knows of face and voice in general."""
    spec = net.spec

    def of(stream: str, rate_hz: float) -> GlobalStats:
        mean, std, within = (
            getattr(net, f"{stream}_{part}").cpu().numpy() for part in ("mean", "std", "within")
        )
        return GlobalStats(mean, std, within, rate_hz)

    return of("face", 1 / spec.bin_s), of("voice", spec.audio.rate_hz / spec.audio.hop_length)


def assemble_inputs(
    window: FeatureWindow, face: Normalizer | None, voice: Normalizer | None, spec: ModelSpec
) -> tuple[FloatArray, FloatArray]:
    """A window as the network takes it: video (frames, channels) and audio (channels, steps).

    A stream whose baseline is None is masked: zero in every channel, as in training.
    """
    if spec.baselines:
        video = None if face is None else face.apply(window.video, window.video_present, spec.baselines)
        sound = None if voice is None else voice.apply(window.audio, window.audio_present, spec.baselines)
    else:
        # As published: raw features, and zeros where a frame or the sound is missing.
        video = None if face is None else np.where(window.video_present[:, None], window.video, np.float32(0))
        sound = None if voice is None else window.audio
    if video is None:
        video = np.zeros((spec.n_bins, spec.video_channels), np.float32)
    if sound is None:
        sound = np.zeros((len(window.audio), spec.audio_channels), np.float32)
    return video, sound.T


class Predictor:
    """Runs one checkpoint on windows. For one thread at a time.

    Args:
        checkpoint: the loaded checkpoint.
        device: where it runs, as torch calls it.
        backend: what runs it: auto, or a name from `emolive.models.runtimes.autotune`. An exported checkpoint runs
            on ONNX Runtime alone.
    """

    def __init__(
        self, checkpoint: Checkpoint | OnnxCheckpoint, device: str = "cpu", backend: str = EAGER
    ) -> None:
        self.checkpoint = checkpoint
        self.spec = checkpoint.spec
        self.device = torch.device(device)
        net = checkpoint.net.to(self.device).eval()
        self.backend = backends.choose(backend, net, self.device) if _torch(net) else Backend(ONNX, net)
        self._net = self.backend.net
        self._in_half = backends.half(self.backend.name, self.device)
        self.video_stats, self.audio_stats = populations(self._net)

    def logits(self, video: FloatArray, sound: FloatArray) -> Tensor:
        """(classes,) of one window as `assemble_inputs` gives it, on the processor."""
        with torch.inference_mode(), self._precision():
            given = (torch.from_numpy(part)[None].to(self.device) for part in (video, sound))
            logits: Tensor = self._net(*given)
        return logits[0].float().cpu()

    def modality(self, window: FeatureWindow) -> Modality | None:
        """Which streams of a window can be read; None if neither."""
        return Modality.of(video=window.has_face, audio=window.has_voice(self.spec.window_s))

    def predict(self, window: FeatureWindow, person: SpeakerProfile, mode: str) -> Reading | None:
        """Probabilities for a window; None if it holds neither face nor voice.

        Args:
            window: from `emolive.windowing.gather`.
            person: whose statistics to read it against.
            mode: none, neutral or running; one that the model was not trained for counts as none, and
                for a model that takes raw features all are one.
        """
        modality = self.modality(window)
        if modality is None:
            return None
        mode = mode if mode in self.spec.baselines else "none"
        face, voice = person.baselines(mode, self.video_stats, self.audio_stats)
        video, sound = assemble_inputs(
            window, face if "v" in modality else None, voice if "a" in modality else None, self.spec
        )
        temperature = float(self._net.temperature[MODALITIES.index(modality)])
        probs = (self.logits(video, sound) / temperature).softmax(dim=-1)
        used = {b.mode for b, stream in ((face, "v"), (voice, "a")) if stream in modality}
        return Reading(tuple(probs.tolist()), modality, mode if mode in used else "none")

    def pixel_encoder(self) -> Callable[[Image], FloatArray] | None:
        """The trunk for `emolive.vision.face_pipeline.FacePipeline`; None for a model that sees no pixels."""
        if "efficientface" not in self.spec.encoders:
            return None
        # (x / 255 - mean) / std as one product and one sum.
        std = torch.tensor(self.spec.pixels.std, device=self.device).view(3, 1, 1)
        shift = -torch.tensor(self.spec.pixels.mean, device=self.device).view(3, 1, 1) / std
        scale = 1 / (255 * std)

        def encode(crop: Image) -> FloatArray:
            with torch.inference_mode(), self._precision():
                planes = torch.from_numpy(crop).to(self.device).permute(2, 0, 1)
                x = planes.to(torch.float32, memory_format=torch.contiguous_format).mul_(scale).add_(shift)
                vector: FloatArray = self._net.encode(x[None])[0].float().cpu().numpy()
            return vector

        return encode

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type) if self._in_half else nullcontext()

    def warm_up(self) -> None:
        """One pass through every part, so that the first estimate is not the slow one."""
        spec = self.spec
        steps = spec.audio.n_frames(spec.n_samples)
        self.logits(
            np.zeros((spec.n_bins, spec.video_channels), np.float32),
            np.zeros((spec.audio_channels, steps), np.float32),
        )
        if encode := self.pixel_encoder():
            encode(np.zeros((spec.pixels.size, spec.pixels.size, 3), np.uint8))


def _torch(net: EmotionNet | OnnxNet) -> TypeGuard[EmotionNet]:
    return isinstance(net, EmotionNet)


def load_predictor(
    fusion: str | None, path: Path | None, device: str = "auto", backend: str = AUTO
) -> Predictor:
    """Load strictly and warm up. EmoliveError in one sentence for anything that does not fit."""
    check_backend(backend)
    if path is None:
        path = checkpoints.shipped(fusion or "ia")
    device = choose_device(device)
    loaded: Checkpoint | OnnxCheckpoint
    if checkpoints.is_onnx(path):
        from emolive.models.io import onnx as onnx_model

        if backend not in (AUTO, ONNX):
            raise EmoliveError(f"{path} runs on ONNX Runtime alone, not on the backend {backend}.")
        loaded, device = onnx_model.load(path, fusion=fusion, tracker=LANDMARKER_ID), "cpu"
    else:
        loaded = checkpoints.load(path, fusion=fusion, tracker=LANDMARKER_ID)
    predictor = Predictor(loaded, device, backend)
    predictor.warm_up()
    return predictor


def choose_device(wanted: str) -> str:
    """ "auto" is the fastest there is. EmoliveError for one that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(wanted.partition(":")[0], False):
        known = ", ".join(name for name, is_there in there.items() if is_there)
        raise EmoliveError(f"There is no device {wanted} on this computer: there is {known}.")
    return wanted
