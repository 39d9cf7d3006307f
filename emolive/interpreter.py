"""A checkpoint at work: a window of evidence and a person's baseline in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from emolive.baseline import Baseline, Population
from emolive.errors import EmoliveError
from emolive.evidence import Window
from emolive.face.landmarks import TRACKER
from emolive.models import checkpoint as checkpoints
from emolive.models.checkpoint import Checkpoint
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.person import Person
from emolive.types import FloatArray, Image, Modality

if TYPE_CHECKING:
    from emolive.models.onnx_model import OnnxCheckpoint, OnnxNet


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one window alone."""

    probs: tuple[float, ...]
    modality: Modality
    baseline: str
    """The mode that was really used: a neutral baseline nobody calibrated is none."""


def populations(net: EmotionNet | OnnxNet) -> tuple[Population, Population]:
    """What a network's checkpoint knows of face and voice in general."""
    spec = net.spec

    def of(stream: str, rate_hz: float) -> Population:
        mean, std, within = (
            getattr(net, f"{stream}_{part}").cpu().numpy() for part in ("mean", "std", "within")
        )
        return Population(mean, std, within, rate_hz)

    return of("face", 1 / spec.bin_s), of("voice", spec.audio.rate_hz / spec.audio.hop)


def model_input(
    window: Window, face: Baseline | None, voice: Baseline | None, spec: ModelSpec
) -> tuple[FloatArray, FloatArray]:
    """A window as the network takes it: video (frames, channels) and audio (channels, steps).

    A stream whose baseline is None is masked: zero in every channel, as in training.
    """
    video = np.zeros((spec.frames, spec.video_channels), np.float32)
    sound = np.zeros((len(window.steps), spec.audio_channels), np.float32)
    if not spec.baselines:
        # As published: raw features, and zeros where a frame or the sound is missing.
        if face is not None:
            video[window.bins_present] = window.bins[window.bins_present]
        if voice is not None:
            sound[:] = window.steps
        return video, sound.T
    if face is not None:
        video = face.apply(window.bins, window.bins_present, spec.baselines)
    if voice is not None:
        sound = voice.apply(window.steps, window.steps_present, spec.baselines)
    return video, sound.T


class Interpreter:
    """Runs one checkpoint on windows. For one thread at a time."""

    def __init__(self, checkpoint: Checkpoint | OnnxCheckpoint, device: str = "cpu") -> None:
        self.checkpoint = checkpoint
        self.spec = checkpoint.spec
        self.device = torch.device(device)
        self._net = checkpoint.net.to(self.device).eval()
        self.face, self.voice = populations(self._net)

    def modality(self, window: Window) -> Modality | None:
        """Which streams of a window can be read; None if neither."""
        has_face, has_voice = window.has_face, window.has_voice(self.spec.window_s)
        if has_face and has_voice:
            return "av"
        return "v" if has_face else "a" if has_voice else None

    def read(self, window: Window, person: Person, mode: str) -> Reading | None:
        """Probabilities for a window; None if it holds neither face nor voice.

        Args:
            window: from `emolive.evidence.gather`.
            person: whose statistics to read it against.
            mode: none, neutral or running; one that the model was not trained for counts as none, and
                for a model that takes raw features all are one.
        """
        modality = self.modality(window)
        if modality is None:
            return None
        mode = mode if mode in self.spec.baselines else "none"
        face, voice = person.baselines(mode, self.face, self.voice)
        video, sound = model_input(
            window, face if "v" in modality else None, voice if "a" in modality else None, self.spec
        )
        with torch.inference_mode():
            probs = self._net.probs(
                torch.from_numpy(video)[None].to(self.device), torch.from_numpy(sound)[None].to(self.device)
            )
        used = {b.mode for b, stream in ((face, "v"), (voice, "a")) if stream in modality}
        return Reading(tuple(probs[0].tolist()), modality, mode if mode in used else "none")

    def pixel_encoder(self) -> Callable[[Image], FloatArray] | None:
        """The trunk for `emolive.perception.Perceiver`; None for a model that sees no pixels."""
        if "efficientface" not in self.spec.encoders:
            return None
        pixels = self.spec.pixels
        mean = torch.tensor(pixels.mean, device=self.device).view(3, 1, 1)
        std = torch.tensor(pixels.std, device=self.device).view(3, 1, 1)

        def encode(crop: Image) -> FloatArray:
            with torch.inference_mode():
                x = torch.from_numpy(crop).to(self.device).permute(2, 0, 1).float() / 255
                vector: FloatArray = self._net.encode(((x - mean) / std)[None])[0].cpu().numpy()
            return vector

        return encode

    def warm_up(self) -> None:
        """One pass through every part, so that the first estimate is not the slow one."""
        spec = self.spec
        with torch.inference_mode():
            self._net.probs(
                torch.zeros(1, spec.frames, spec.video_channels, device=self.device),
                torch.zeros(1, spec.audio_channels, spec.audio.steps(spec.samples), device=self.device),
            )
        if encode := self.pixel_encoder():
            encode(np.zeros((spec.pixels.size, spec.pixels.size, 3), np.uint8))


def load_interpreter(fusion: str | None, path: Path | None, device: str = "auto") -> Interpreter:
    """Load strictly and warm up. EmoliveError in one sentence for anything that does not fit."""
    if path is None:
        path = checkpoints.shipped(fusion or "ia")
    device = choose_device(device)
    loaded: Checkpoint | OnnxCheckpoint
    if path.suffix.lower() == ".onnx":
        from emolive.models import onnx_model

        loaded, device = onnx_model.load(path, fusion=fusion, tracker=TRACKER), "cpu"
    else:
        loaded = checkpoints.load(path, fusion=fusion, tracker=TRACKER)
    interpreter = Interpreter(loaded, device)
    interpreter.warm_up()
    return interpreter


def choose_device(wanted: str) -> str:
    """ "auto" is the fastest there is. EmoliveError for one that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(wanted.partition(":")[0], False):
        known = ", ".join(name for name, is_there in there.items() if is_there)
        raise EmoliveError(f"There is no device {wanted} on this computer: there is {known}.")
    return wanted
