"""Long clips: windows over their whole length, in training and in an evaluation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.clip_features import ClipFeatures
from emolive.clock import NS_PER_S
from emolive.models.io import checkpoint
from emolive.time_series import FeatureTrack, Waveform
from emolive.windowing import centre_window_end_ns
from preprocessing import annotations
from preprocessing.annotations import Annotations, ClipEntry
from tests.conftest import RandomCheckpoint
from tests.training.conftest import LABELS, voice
from tests.training.dataset_of_clips import SPEC
from training import window_dataset
from training.cli import evaluate
from training.clip_parts import clip_parts
from training.normalizer_sampler import calibration_clips

RATE_HZ = 8000


def clip(seconds: float) -> ClipFeatures:
    """Features and samples that count up, so that each says when it was."""
    n = round(seconds * 25)
    stamps = np.arange(n) * 40_000_000
    track = FeatureTrack(
        stamps, np.repeat(np.arange(n, dtype=np.float32)[:, None], 4, 1), np.ones(n, np.bool_)
    )
    samples = np.arange(round(seconds * RATE_HZ), dtype=np.float32)
    return ClipFeatures(Path("x"), track, Waveform(samples, RATE_HZ), seconds)


@pytest.mark.parametrize("seconds", [0.5, 3.6, 7.19])
def test_a_short_clip_is_one_part(seconds: float) -> None:
    whole = clip(seconds)
    (part,) = clip_parts(whole, SPEC)
    assert part.features is whole
    assert part.centre_end_ns == centre_window_end_ns(seconds, SPEC)


def test_a_minute_has_sixteen_parts_that_cover_it() -> None:
    whole = clip(60)
    parts = list(clip_parts(whole, SPEC))
    assert len(parts) == 16
    assert whole.audio is not None
    samples = np.concatenate([part.features.audio.samples for part in parts if part.features.audio])
    assert np.array_equal(samples, whole.audio.samples)
    frames = np.concatenate([part.features.video.vectors[:, 0] for part in parts if part.features.video])
    assert np.array_equal(frames, np.arange(1500))
    for i, part in enumerate(parts):
        assert part.features.video is not None
        assert part.features.video.stamps_ns[0] < 40_000_000
        assert part.features.duration_s == pytest.approx(3.75)
        middle_s = part.centre_end_ns / NS_PER_S - SPEC.window_s / 2
        assert middle_s == pytest.approx(3.75 * (i + 0.5), abs=SPEC.bin_s / 2)


@pytest.fixture
def long_clips(clips: Path, tmp_path: Path) -> Annotations:
    """Voices of 1.8 s; "long" is one of 9 s, whose last 1.8 s alone is not silent."""
    items = [replace(item, video="") for item in annotations.read(clips).items if item.actor == "1"][:6]
    for item in items:
        (tmp_path / item.audio).hardlink_to(clips.parent / item.audio)
    sound = np.zeros(9 * 22_050, np.float32)
    sound[-round(2.2 * 22_050) :][: round(1.8 * 22_050)] = voice(3, "happy")
    soundfile.write(tmp_path / "long.flac", sound, 22_050)
    items.append(ClipEntry("long", "", "long.flac", "happy", "1"))
    items.append(ClipEntry("long neutral", "", "long.flac", "neutral", "2"))
    annotations.write(tmp_path / "a.csv", items)
    return annotations.read(tmp_path / "a.csv")


def test_windows_lie_over_the_whole_length(long_clips: Annotations, tmp_path: Path) -> None:
    dataset = window_dataset.build(long_clips, SPEC, cache=tmp_path / "c", shifts_s=(0.0,))
    ids = [item.id for item in dataset.items]
    assert ids[-4:] == ["long", "long", "long neutral", "long neutral"]
    first, last = len(ids) - 4, len(ids) - 3
    assert not dataset.speech[first].any()
    assert dataset.speech[last].any(), "the voice at the end is seen"
    assert len(dataset.session.evidence("audio", last)) > 0 == len(dataset.session.evidence("audio", first))
    again = window_dataset.build(long_clips, SPEC, cache=tmp_path / "c", shifts_s=(0.0,))
    assert again.items == dataset.items
    assert {ids[i] for i in calibration_clips(dataset.items)} == {
        "a1_neutral_0",
        "a1_neutral_1",
        "long neutral",
    }


def test_a_long_clip_is_scored_once(
    long_clips: Annotations, tmp_path: Path, random_checkpoint: RandomCheckpoint
) -> None:
    model = random_checkpoint(labels=LABELS, width=0.25)
    assert checkpoint.load(model).spec.labels == LABELS
    out = tmp_path / "out.json"
    arguments = ["--checkpoint", str(model), "--annotations", str(tmp_path / "a.csv"), "--json", str(out)]
    assert evaluate(arguments) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["id"] for row in rows] == ["a1_neutral_2", "a1_happy_0", "a1_happy_1", "a1_happy_2", "long"]
    for row in rows:
        assert sum(row["probs"].values()) == pytest.approx(1)
    # The part without a voice says nothing, and does not make the others less sure.
    assert max(rows[-1]["probs"].values()) - min(rows[-1]["probs"].values()) > 1e-6
