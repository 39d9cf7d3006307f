"""Where an answer comes from: the shares of face and voice, and where in the window the fusion looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolive.snapshot import WindowExplanation
from emolive.types import MODALITIES, FloatArray, Modality

if TYPE_CHECKING:
    from torch import Tensor

    from emolive.models.network import Explanation
    from emolive.prediction import Opinions
    from emolive.predictor import Predictor
    from emolive.profile import SpeakerProfile
    from emolive.windowing import FeatureWindow

PITCH_RANGE_HZ = (70.0, 400.0)
PITCH_WINDOW_S = 0.1
VOICED_AT_LEAST = 0.5
"""Normalised autocorrelation from which on a sound counts as voiced."""
SILENT_RMS = 1e-3


def explain_window(
    predictor: Predictor,
    window: FeatureWindow,
    profile: SpeakerProfile,
    mode: str,
    probs: Sequence[float],
    *,
    pitch_hz: float | None = None,
) -> WindowExplanation | None:
    """Explain the answer that `predictor.predict` gave for the same arguments.

    The network's logits are the sum of a part of each stream (`EmotionNet.explain`). A part counts by how far
    it raises the likeliest label over the mean of all labels, in either direction. The expression classifier
    of an opinion pool counts for the face, with the pool's weights.

    Args:
        predictor: the model.
        window: the window.
        profile: the person's statistics.
        mode: normalisation mode; one that the model was not trained with counts as none.
        probs: the answer, one for each label.
        pitch_hz: passed on.

    Returns:
        The explanation; None without face and voice, or if the model cannot be taken apart: an exported one
        keeps its parts to itself.
    """
    net = predictor.checkpoint.net
    if not hasattr(net, "explain"):
        return None
    opinions = predictor.opinions(window, profile, mode)
    if opinions is None:
        return None
    best = int(np.argmax(probs))
    face = voice = 0.0
    face_attention: tuple[float, ...] = ()
    voice_attention: tuple[float, ...] = ()
    weight, expression_weight = _weights(predictor, opinions)
    modality = Modality.of(video=window.has_face, audio=window.has_voice(predictor.spec.window_s))
    if modality is not None:
        explained = _explain_network(predictor, window, profile, mode, modality)
        weight /= float(net.temperature[MODALITIES.index(modality)])
        if modality.has_video:
            face += weight * _lead(explained.video[0].cpu().numpy(), best)
        if modality.has_audio:
            voice += weight * _lead(explained.audio[0].cpu().numpy(), best)
        if modality is Modality.AV:
            face_attention = _attention(explained.audio_to_video)
            voice_attention = _attention(explained.video_to_audio)
    if opinions.expression is not None and predictor.pool is not None:
        face += expression_weight * _lead(predictor.pool.emotions(opinions.expression), best)
    total = abs(face) + abs(voice)
    share = abs(face) / total if total > 0 else float(opinions.modality.has_video)
    return WindowExplanation(
        window.end_ns, predictor.spec.labels[best], share, face_attention, voice_attention, pitch_hz
    )


def _explain_network(
    predictor: Predictor, window: FeatureWindow, profile: SpeakerProfile, mode: str, modality: Modality
) -> Explanation:
    import torch

    from emolive.models.network import EmotionNet
    from emolive.network_inputs import assemble_inputs

    net = predictor.checkpoint.net
    assert isinstance(net, EmotionNet), "an exported network has no parts"
    mode = mode if mode in predictor.spec.baselines else "none"
    video, audio = profile.normalizers(mode, predictor.video_stats, predictor.audio_stats)
    inputs = assemble_inputs(
        window, video if modality.has_video else None, audio if modality.has_audio else None, predictor.spec
    )
    with torch.inference_mode():
        tensors = [torch.from_numpy(array)[None].to(predictor.device) for array in inputs]
        return net.explain(*tensors)


def pitch(samples: FloatArray, rate_hz: int) -> float | None:
    """The fundamental frequency of a sound by its autocorrelation; None where it is not voiced.

    Args:
        samples: (n,) mono; its newest `PITCH_WINDOW_S` are used.
        rate_hz: sample rate.
    """
    wanted = round(PITCH_WINDOW_S * rate_hz)
    sound = np.asarray(samples[-wanted:], np.float64)
    if len(sound) < wanted or float(np.sqrt(np.mean(sound**2))) < SILENT_RMS:
        return None
    sound = sound - sound.mean()
    spectrum = np.fft.rfft(sound, 2 * len(sound))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(sound)]
    overlap = 1 - np.arange(len(sound)) / len(sound)
    shortest, longest = (round(rate_hz / hz) for hz in reversed(PITCH_RANGE_HZ))
    normalised = correlation[shortest : longest + 1] / (correlation[0] * overlap[shortest : longest + 1])
    peak = int(np.argmax(normalised))
    if normalised[peak] < VOICED_AT_LEAST:
        return None
    # The first peak that is nearly as high: a multiple of the period correlates as well.
    rising = np.flatnonzero(normalised >= 0.9 * normalised[peak])
    first = int(rising[0])
    while first + 1 < len(normalised) and normalised[first + 1] > normalised[first]:
        first += 1
    return float(rate_hz / (shortest + first))


def _weights(predictor: Predictor, opinions: Opinions) -> tuple[float, float]:
    """How strongly the network and the expression classifier count in the answer."""
    if predictor.pool is None or opinions.expression is None:
        return 1.0, 0.0
    spec, k = predictor.pool.spec, opinions.reference.familiarity
    network = spec.network[0] + (spec.network[1] - spec.network[0]) * k
    absolute = spec.absolute[0] + (spec.absolute[1] - spec.absolute[0]) * k
    relative = spec.relative[0] + (spec.relative[1] - spec.relative[0]) * k if k > 0 else 0.0
    g = predictor.pool.resemblance(*opinions.distances)
    return g + (1 - g) * network, (1 - g) * (absolute + relative)


def _lead(parts: NDArray[np.floating], best: int) -> float:
    """How far a stream's part raises one label over the mean of all."""
    return float(parts[best] - parts.mean())


def _attention(attention: Tensor | None) -> tuple[float, ...]:
    """(1, heads, queries, keys) → the mean attention to each key, scaled to a maximum of 1."""
    if attention is None:
        return ()
    mean = attention[0].mean(dim=(0, 1)).cpu().numpy()
    highest = float(mean.max())
    return tuple((mean / highest).tolist()) if highest > 0 else ()
