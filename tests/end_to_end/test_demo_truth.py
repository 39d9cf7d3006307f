"""The drawn demo tells the truth: the shipped models name what it acts. Offline, so that no clock matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive.capture.synthetic import PASS_S, SyntheticScene, emotion_at
from emolive.capture.synthetic.emotion_timeline import EMOTIONS, SEGMENTS
from emolive.capture.synthetic.source import FPS
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.clip_features import ClipFeatures
from emolive.clock import NS_PER_S, to_ns
from emolive.predictor import Predictor, load_predictor
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import AudioBlock, Frame
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from training.evaluate.stream import read_stream
from training.evaluate.stream_metrics import Hop

SETTLED_S = 1.0
"""From so long after a change on, the answer has to be right."""
AGREEMENT = 0.75
CHANCE = 1 / len(EMOTIONS)


@pytest.fixture(scope="module")
def recording() -> ClipFeatures:
    """The features of one pass of the demo, without expressions: a session reads none from a drawing."""
    predictor = load_predictor("ia", None, "cpu", "folded")
    pipeline = FacePipeline.for_spec(predictor.spec, predictor.encoders())
    sampler = FrameSampler(predictor.spec, 0)
    scene, voice = SyntheticScene(), Voice()
    video, audio = FeatureTrack.empty(predictor.spec.frame_dim), Waveform((), RATE_HZ)
    blocks = [voice.next_block() for _ in range(round(PASS_S * RATE_HZ / BLOCK))]
    for i, block in enumerate(blocks):
        audio.append(AudioBlock(i * BLOCK * NS_PER_S // RATE_HZ, block.samples, RATE_HZ))
    for i in range(round(PASS_S * FPS)):
        t_ns = i * NS_PER_S // FPS
        if not sampler.accept(t_ns):
            continue
        # The last complete block, as in the source.
        spoken = blocks[max(0, t_ns * RATE_HZ // (BLOCK * NS_PER_S) - 1)]
        observation = pipeline.process(Frame(t_ns, scene.picture(i / FPS, spoken.opening, spoken.pucker), i))
        assert observation.features is not None
        video.append(t_ns, observation.features)
    pipeline.close()
    return ClipFeatures(Path("demo"), video, audio, PASS_S)


@pytest.fixture(scope="module", params=["lt", "it", "ia"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return load_predictor(request.param, None, "cpu", "folded")


def _settled(hops: list[Hop]) -> list[tuple[str, str]]:
    """(acted, displayed) of the hops later than SETTLED_S after a change."""
    starts = np.array([start for start, _ in SEGMENTS])
    before_end = to_ns(1e-6) / NS_PER_S
    result = []
    for hop in hops:
        t_s = hop.t_s - before_end
        if t_s - starts[starts <= t_s].max() > SETTLED_S:
            result.append((emotion_at(t_s), hop.shown))
    return result


def _agreement(pairs: list[tuple[str, str]]) -> float:
    return float(np.mean([acted == displayed for acted, displayed in pairs]))


def test_face_and_voice_are_read_as_acted(predictor: Predictor, recording: ClipFeatures) -> None:
    pairs = _settled(read_stream(predictor, recording, "running"))
    assert _agreement(pairs) >= AGREEMENT
    assert {acted for acted, displayed in pairs if acted == displayed} == set(EMOTIONS)


def test_the_face_alone_is_read_far_better_than_by_chance(
    predictor: Predictor, recording: ClipFeatures
) -> None:
    face = replace(recording, audio=None)
    assert _agreement(_settled(read_stream(predictor, face, "running"))) >= 4 * CHANCE


def test_the_voice_alone_is_read_better_than_by_chance(predictor: Predictor, recording: ClipFeatures) -> None:
    voice = replace(recording, video=None)
    assert _agreement(_settled(read_stream(predictor, voice, "running"))) >= 1.5 * CHANCE
