"""Inference of one checkpoint: a window and a person's profile in, probabilities out."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.device import choose_device
from emolive.errors import ConfigError
from emolive.hints import COVERED_DOUBT
from emolive.models.factory import shipped_checkpoint
from emolive.models.feature_space import FeatureSpace
from emolive.models.io import checkpoint as checkpoints
from emolive.models.io.backbone import weights_digest
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.runtimes.autotune import choose
from emolive.models.runtimes.base import AUTO, EAGER, ONNX, Runtime, check_backend
from emolive.network_inputs import assemble_inputs, evidence_s, load_global_stats, load_populations
from emolive.novelty import distances
from emolive.opinion_pool import UNKNOWN, OpinionPool, log_softmax
from emolive.prediction import NetworkReading, Opinions, Prediction
from emolive.profile import SpeakerProfile
from emolive.types import MODALITIES, FloatArray, Modality
from emolive.vision.encoders.base import CropInput, FrameEncoder, build_encoders
from emolive.vision.landmarks import LANDMARKER_ID
from emolive.windowing import FeatureWindow, newest_part

if TYPE_CHECKING:
    from emolive.models.io.onnx import OnnxCheckpoint

DEFAULT_FUSION = "ia"


class Predictor:
    """Runs one checkpoint on windows. Not thread-safe.

    Args:
        checkpoint: the loaded checkpoint.
        device: where it runs, in torch's notation.
        backend: one of `emolive.models.runtimes.base.BACKENDS`. An exported checkpoint runs on ONNX
            Runtime only.

    Attributes:
        runtime: what executes the network; `runtime.fallback_reason` says why it is not `backend`.
        video_stats, audio_stats: the checkpoint's global statistics.
        pool: combines the network's answer with that of a classifier of single faces; None if the model has
            none.
        n_refused: answers that were not numbers, and were not given.
    """

    def __init__(
        self, checkpoint: Checkpoint | OnnxCheckpoint, device: str = "cpu", backend: str = EAGER
    ) -> None:
        self.checkpoint = checkpoint
        self.spec = checkpoint.spec
        self.device = torch.device(device)
        self.n_refused = 0
        if isinstance(checkpoint, Checkpoint):
            self.runtime = choose(backend, checkpoint.net.to(self.device).eval(), self.device)
        else:
            self.runtime = Runtime(ONNX, checkpoint.net.eval(), self.device)
        self.video_stats, self.audio_stats = load_global_stats(checkpoint.net)
        self.pool = (
            None if self.spec.pool is None else OpinionPool(self.spec.pool, self.spec.labels, self.spec.bin_s)
        )
        self._populations = None if self.pool is None else load_populations(checkpoint.net)
        self._temperature = dict(zip(MODALITIES, checkpoint.net.temperature.tolist(), strict=True))

    @cached_property
    def feature_space(self) -> FeatureSpace:
        """What measures the features of this model, including the weights of its backbone."""
        if isinstance(self.checkpoint, Checkpoint):
            backbone = self.checkpoint.net.backbone
            weights = None if backbone is None else weights_digest(backbone)
        else:
            weights = self.checkpoint.weights
        return FeatureSpace.of(self.spec, weights)

    def new_profile(self, name: str = "guest") -> SpeakerProfile:
        """An empty profile of a person in this model's feature space."""
        return SpeakerProfile(self.spec, name, self.feature_space)

    def encoders(self) -> tuple[FrameEncoder, ...]:
        """The frame encoders of this model, for `emolive.vision.face_pipeline.FacePipeline`."""
        return build_encoders(self.spec, self.runtime)

    def logits(self, video: FloatArray, audio: FloatArray) -> Tensor:
        """Logits (classes,) of one window as `assemble_inputs` returns it, on the CPU."""
        return self.runtime.logits(torch.from_numpy(video)[None], torch.from_numpy(audio)[None])[0]

    def modality(self, window: FeatureWindow) -> Modality | None:
        """The streams of a window that the model reads; None if it has nothing that the model learned."""
        has_face = window.has_face or self._expression(window) is not None
        return self.spec.available(video=has_face, audio=window.has_voice(self.spec.window_s))

    def predict(
        self, window: FeatureWindow, profile: SpeakerProfile, mode: str, *, alone: bool = False
    ) -> Prediction | None:
        """The model's answer for a window; None if there is neither face nor voice in it, or if the answer is
        not finite.

        Args:
            window: from `emolive.windowing.extract_window`.
            profile: the person's statistics.
            mode: normalisation mode: none, neutral or running. One that the model was not trained with
                counts as none; a model that reads raw features has none at all.
            alone: read the whole window at once, as a clip, instead of as the newest part of a stream.
        """
        opinions = self.opinions(window, profile, mode, alone=alone)
        if opinions is None:
            return None
        if self.pool is not None and opinions.expression is not None:
            log_probs = self.pool.combine(
                opinions.network,
                opinions.expression,
                opinions.reference,
                opinions.modality,
                self.pool.resemblance(*opinions.distances),
            )
        elif self.pool is not None and opinions.distances != (None, None):
            assert opinions.network is not None
            log_probs = self.pool.voice_alone(opinions.network, self.pool.resemblance(*opinions.distances))
        else:
            # What has no pixels (a drawing, landmarks of a data set) is left to the network.
            assert opinions.network is not None
            log_probs = opinions.network
        probs = np.exp(log_probs)
        if "covered" in window.hints and opinions.modality.has_video:
            probs = (1 - COVERED_DOUBT) * probs + COVERED_DOUBT / len(probs)
        if not np.isfinite(probs).all():
            self.n_refused += 1
            return None
        return Prediction(tuple(probs.tolist()), opinions.modality, opinions.baseline, opinions.age_s)

    def opinions(
        self, window: FeatureWindow, profile: SpeakerProfile, mode: str, *, alone: bool = False
    ) -> Opinions | None:
        """What `predict` combines; arguments as there. None if there is neither face nor voice."""
        modality = self.modality(window)
        if modality is None:
            return None
        mode = mode if mode in self.spec.baselines else "none"
        network, baseline, age_s = self._network(window, profile, mode, alone=alone)
        expression = self._expression(window)
        if self.pool is None or window.expressions is None:
            return Opinions(modality, network, None, UNKNOWN, baseline, age_s)
        assert self._populations is not None
        novelty = distances(window, profile.running, *self._populations, self.spec)
        if expression is None:
            return Opinions(modality, network, None, UNKNOWN, baseline, age_s, novelty)
        reference = profile.reference(mode, self.pool)
        baseline = mode if reference.familiarity > 0 else baseline
        if network is None:
            age_s = self.pool.spec.recent_s / 2
        return Opinions(modality, network, expression, reference, baseline, age_s, novelty)

    def _network(
        self, window: FeatureWindow, profile: SpeakerProfile, mode: str, *, alone: bool
    ) -> tuple[NDArray[np.float64] | None, str, float]:
        """The network's calibrated log-probabilities (classes,), the normalisation mode, and the age.

        None if neither stream has enough for it.
        """
        spec, reading = self.spec, self.spec.stream_reading
        read = self.read_network(window, profile, mode, alone=alone)
        if read is None:
            return None, "none", 0.0
        log_probs, age_s = read.whole, evidence_s(window, spec) / 2
        temperature = self._temperature[read.modality]
        if reading is not None and not alone:
            temperature = reading.temperatures[MODALITIES.index(read.modality)]
            if read.short is not None:
                log_probs = reading.short_weight * read.short + (1 - reading.short_weight) * read.whole
                if read.short.argmax() == log_probs.argmax():
                    age_s = min(age_s, reading.short_bins * spec.bin_s / 2)
        return log_softmax(log_probs / temperature), read.baseline, age_s

    def read_network(
        self, window: FeatureWindow, profile: SpeakerProfile, mode: str, *, alone: bool = False
    ) -> NetworkReading | None:
        """The network's log-probabilities, not calibrated; None if neither stream has enough for it.

        Arguments as for `predict`.
        """
        spec = self.spec
        modality = spec.available(video=window.has_face, audio=window.has_voice(spec.window_s))
        if modality is None:
            return None
        video, audio = profile.normalizers(mode, self.video_stats, self.audio_stats)
        normalizers = ((video, modality.has_video), (audio, modality.has_audio))
        used = {normalizer.mode for normalizer, is_used in normalizers if is_used}
        baseline = mode if mode in used else "none"
        whole = assemble_inputs(
            window, video if modality.has_video else None, audio if modality.has_audio else None, spec
        )
        newest = None if alone or spec.stream_reading is None else self._newest(window, modality, whole)
        batch = [whole] if newest is None else [whole, newest]
        tensors = (torch.from_numpy(np.stack(parts)) for parts in zip(*batch, strict=True))
        rows = self.runtime.logits(*tensors).double().log_softmax(dim=-1).numpy()
        return NetworkReading(modality, baseline, rows[0], None if newest is None else rows[1])

    def _newest(
        self, window: FeatureWindow, modality: Modality, whole: tuple[FloatArray, FloatArray]
    ) -> tuple[FloatArray, FloatArray] | None:
        """The inputs with nothing but their newest part; None if that has neither a face nor a voice."""
        spec = self.spec
        assert spec.stream_reading is not None
        part = newest_part(window, spec.stream_reading.short_bins, spec.n_bins)
        has_face, has_voice = part.has_face, part.has_voice(spec.stream_reading.short_bins * spec.bin_s)
        if not (modality.has_video and has_face) and not (modality.has_audio and has_voice):
            return None
        video, audio = (values.copy() for values in whole)
        video[: len(video) - len(part.video) if has_face else None] = 0.0
        audio[:, : audio.shape[1] - len(part.audio) if has_voice else None] = 0.0
        return video, audio

    def _expression(self, window: FeatureWindow) -> NDArray[np.float64] | None:
        """(8,) recent log-probabilities of the expression classifier; None with too few."""
        if self.pool is None or window.expressions is None or window.expressions_present is None:
            return None
        return self.pool.recent(window.expressions, window.expressions_present, window.has_face)

    def warm_up(self) -> None:
        """Run every part once, so that the first estimate is not slow."""
        spec = self.spec
        frames = spec.audio.n_frames(spec.n_samples)
        self.logits(
            np.zeros((spec.n_bins, spec.video_channels), np.float32),
            np.zeros((spec.audio_channels, frames), np.float32),
        )
        for encoder in self.encoders():
            if encoder.learned and isinstance(crop := encoder.input, CropInput):
                encoder(np.zeros((1, crop.size, crop.size, 3), np.uint8))


def load_predictor(
    fusion: str | None, path: Path | None, device: str = "auto", backend: str = AUTO
) -> Predictor:
    """Load a checkpoint strictly and warm it up.

    Args:
        fusion: the fusion; with a path, refuse any other one.
        path: a checkpoint or an export; None for the shipped one of `fusion` (by default ia).
        device: auto, cpu, cuda or mps.
        backend: auto, eager, folded or onnx.

    Raises:
        EmoliveError: one sentence about what does not fit.
    """
    check_backend(backend)
    if path is None:
        path = shipped_checkpoint(fusion or DEFAULT_FUSION)
    device = choose_device(device)
    loaded: Checkpoint | OnnxCheckpoint
    if checkpoints.is_onnx(path):
        from emolive.models.io import onnx

        if backend not in (AUTO, ONNX):
            raise ConfigError(f"{path} runs on ONNX Runtime only, not on the backend {backend}.")
        loaded, device = onnx.load(path, fusion=fusion, landmarker=LANDMARKER_ID), "cpu"
    else:
        loaded = checkpoints.load(path, fusion=fusion, landmarker=LANDMARKER_ID)
    predictor = Predictor(loaded, device, backend)
    predictor.warm_up()
    return predictor
