"""From the features of a window and what is measured of a person to the inputs of a network."""

from __future__ import annotations

import numpy as np

from emolive.models.network import STATS
from emolive.models.runtimes.base import RunnableNet
from emolive.models.spec import ModelSpec
from emolive.normalization import GlobalStats, Normalizer
from emolive.novelty import Population
from emolive.types import FloatArray
from emolive.windowing import FeatureWindow


def load_global_stats(net: RunnableNet) -> tuple[GlobalStats, GlobalStats]:
    """The global statistics of video and audio from a network's buffers."""
    spec = net.spec

    def of(stream: str, rate_hz: float) -> GlobalStats:
        mean, std, within_speaker_std = (getattr(net, f"{stream}_{stat}").cpu().numpy() for stat in STATS)
        return GlobalStats(mean, std, within_speaker_std, rate_hz)

    return of("video", 1 / spec.bin_s), of("audio", spec.audio.rate_hz / spec.audio.hop_length)


def load_populations(net: RunnableNet) -> tuple[Population, Population]:
    """The training people of a network with an opinion pool: their video and their audio."""

    def of(stream: str) -> Population:
        mean, whitening = (
            getattr(net, f"{stream}_population_{part}").cpu().numpy() for part in ("mean", "whitening")
        )
        return Population(mean, whitening)

    return of("video"), of("audio")


def assemble_inputs(
    window: FeatureWindow, video: Normalizer | None, audio: Normalizer | None, spec: ModelSpec
) -> tuple[FloatArray, FloatArray]:
    """The network's inputs for a window.

    Args:
        window: the features.
        video, audio: the normalisers; a stream without one is masked with zeros, as in training.
        spec: of the model. One without normalisation modes reads raw features, as published.

    Returns:
        video (n_bins, video_channels) and audio (audio_channels, frames).
    """
    video_rows = audio_rows = None
    if spec.baselines:
        if video is not None:
            video_rows = video.apply(window.video, window.video_present, spec.baselines)
        if audio is not None:
            audio_rows = audio.apply(window.audio, window.audio_present, spec.baselines)
    else:
        if video is not None:
            video_rows = np.where(window.video_present[:, None], window.video, np.float32(0))
        if audio is not None:
            audio_rows = window.audio
    if video_rows is None:
        video_rows = np.zeros((spec.n_bins, spec.video_channels), np.float32)
    if audio_rows is None:
        audio_rows = np.zeros((len(window.audio), spec.audio_channels), np.float32)
    return video_rows, audio_rows.T


def evidence_s(window: FeatureWindow, spec: ModelSpec) -> float:
    """How far back the evidence in a window reaches."""
    present = window.video_present.copy()
    steps = np.flatnonzero(window.speech)
    if len(steps):
        present[steps[0] * spec.n_bins // len(window.speech)] = True
    bins = np.flatnonzero(present)
    return float(spec.n_bins - bins[0]) * spec.bin_s if len(bins) else 0.0
