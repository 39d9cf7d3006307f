"""Scoring of clips of unknown people, and the search for an opinion pool on recorded answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive import paths
from emolive.capture.decode import iter_media
from emolive.errors import ConfigError
from emolive.expression_stats import ExpressionStats
from emolive.models.spec import EMOTIONS, ModelSpec
from emolive.opinion_pool import UNKNOWN
from emolive.prediction import Opinions
from emolive.types import AudioBlock, Frame, Modality
from emolive.vision.detector import FaceDetector
from emolive.vision.expression import estimate_yaw_deg
from emolive.vision.landmarks import LandmarkPredictor
from tests.helpers.clips import demo_audio, demo_frames, write_clip
from tests.test_opinion_pool import NEUTRAL, SMILE, SPEC
from training.cli import evaluate
from training.evaluate.disturbances import (
    Disturbance,
    gain,
    light,
    roll,
    turned_points,
    write_copy,
    yaw,
)
from training.evaluate.strangers import Row, Span, StrangerClip, read_truth, same_labels, score
from training.opinion_pool_recording import neutral_spans, to_rows
from training.opinion_pool_search import ActorClips, PoolProblem, search

CLIP = StrangerClip(
    Path("a.mp4"),
    "changing",
    (
        Span(0, 2, frozenset({"neutral", "calm"})),
        Span(2, 4, frozenset({"happy"})),
        Span(4, 9, frozenset({"nobody"})),
    ),
)


def test_a_label_is_plausible_for_a_while_after_its_span():
    assert CLIP.plausible(0.9) == frozenset()
    assert CLIP.plausible(1.5) == {"neutral", "calm"}
    assert CLIP.plausible(3.0) == {"neutral", "calm", "happy"}
    assert CLIP.plausible(3.6) == {"happy"}
    assert CLIP.plausible(4.5) == frozenset()


def test_each_clip_weighs_the_same_and_sure_rows_are_counted():
    other = StrangerClip(Path("b.mp4"), "changing", (Span(0, 9, frozenset({"sad"})),))
    rows = {
        "a.mp4": [
            Row(0.5, "angry", 0.9),
            Row(1.2, "calm", 0.9),
            Row(1.4, "unsure", 0.3),
            Row(1.6, "angry", 0.7),
            Row(1.8, "neutral", 0.5),
        ],
        "b.mp4": [Row(2, "sad", 0.9)],
    }
    results = score([CLIP, other], rows)
    assert results["kinds"] == {"changing": {"clips": 2, "plausible": 0.75, "unsure": 0.125}}
    assert (results["sure_rows"], results["sure_wrong"]) == (3, pytest.approx(1 / 3))
    assert results["clips"] == {"a.mp4": 0.5, "b.mp4": 1.0}


def test_calibration_spans_are_the_neutral_ones():
    assert neutral_spans(CLIP) == [(0, 2)]


@pytest.mark.parametrize("content", [None, "{", '[{"clip": "a.mp4"}]', '[{"clip": 1, "kind": "a"}]'])
def test_a_folder_without_truth_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "truth.json").write_text(content)
    with pytest.raises(ConfigError, match=r"truth\.json"):
        read_truth(tmp_path)


def test_the_command_scores_made_clips(tmp_path, random_checkpoint, capsys):
    write_clip(tmp_path / "drawn.mkv", demo_frames(3), demo_audio(3))
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    span = {"from_s": 0, "to_s": 9, "labels": list(EMOTIONS)}
    truth = [{"clip": name, "kind": "acted", "spans": [span]} for name in ("drawn.mkv", "broken.mp4")]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    out = tmp_path / "out.json"
    arguments = [str(tmp_path), "--checkpoint", str(random_checkpoint("ia")), "--json", str(out)]
    assert evaluate(["strangers", *arguments]) == 0
    results = json.loads(out.read_text())
    shares = results["kinds"]["acted"]
    assert shares["clips"] == 1
    assert shares["plausible"] + shares["unsure"] == pytest.approx(1)
    printed = capsys.readouterr().out
    assert "acted" in printed
    assert "broken.mp4" in printed


def test_disturbed_copies_are_compared_with_an_undisturbed_one(tmp_path, monkeypatch):
    write_clip(tmp_path / "a.mkv", demo_frames(3.0), demo_audio(3.0))
    truth = [{"clip": "a.mkv", "kind": "neutral", "spans": [{"from_s": 0, "to_s": 9, "labels": ["neutral"]}]}]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    conditions = (Disturbance("nothing"), light(0.0))
    monkeypatch.setattr("training.evaluate.strangers.disturbances", lambda: conditions)
    out = tmp_path / "out.json"
    assert evaluate(["strangers", str(tmp_path), "--disturbed", "--json", str(out)]) == 0
    disturbed = json.loads(out.read_text())["disturbed"]
    assert disturbed["nothing"]["same"] == 1
    assert disturbed["nothing"]["clips"] == disturbed["light x 0"]["clips"] == 1
    assert disturbed["light x 0"]["same"] < 1


@pytest.mark.data
def test_the_shipped_model_holds_for_strangers(tmp_path):
    folder = paths.data_dir() / "strangers"
    if not (folder / "truth.json").is_file():
        pytest.skip(f"no {folder}: set EMOLIVE_DATA")
    out = tmp_path / "out.json"
    assert evaluate(["strangers", str(folder), "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    shares = {kind: each["plausible"] for kind, each in results["kinds"].items()}
    assert shares["neutral"] >= 0.92
    assert shares["happy"] >= 0.92
    assert shares["acted"] >= 0.85
    assert shares["changing"] >= 0.85
    assert results["sure_wrong"] <= 0.06
    assert max(each["unsure"] for each in results["kinds"].values()) <= 0.2


def test_the_search_gives_the_better_reader_more_weight():
    """A network that is wrong on strangers and right on actors, at a distance that tells them apart."""
    spec = ModelSpec(encoders=("landmarks",), pool=SPEC)
    angry = np.log(np.full(8, 0.02) + 0.84 * np.eye(8)[4])
    clip = StrangerClip(Path("a.mp4"), "neutral", (Span(0, 9, frozenset({"neutral", "calm"})),))
    opinions = Opinions(Modality.VIDEO, angry, NEUTRAL, UNKNOWN, "running", distances=(2.0, None))
    recorded = [(i * 240_000_000, opinions, ExpressionStats.zero()) for i in range(1, 25)]
    truth = np.arange(8).repeat(4)
    right = np.log(np.full((32, 8), 0.02) + 0.84 * np.eye(8)[truth])
    nothing = [ExpressionStats.zero()] * 32
    modes = ("none", "neutral", "running", "person")
    actors = ActorClips(
        truth=truth,
        network={(mode, m): right for mode in modes for m in (Modality.AV, Modality.VIDEO)},
        expression=np.repeat(SMILE[None], 32, axis=0),
        evidence=dict.fromkeys(modes, nothing),
        novelty=np.full((32, 2), 1.0),
    )
    start = replace(SPEC, network=(0.5, 0.5), absolute=(0.5, 0.5), novelty_limits=(1.9, 3.0, 1.9))
    problem = PoolProblem(spec, actors, [to_rows(clip, recorded, 8)])
    results = search(start, {"ia": problem, "lt": problem}, tries=150, seed=1)
    result = results["ia"]
    assert result.pool.novelty_limits == results["lt"].pool.novelty_limits != start.novelty_limits
    assert result.strangers["kinds"]["neutral"]["plausible"] > 0.92
    assert result.actors["none/v"] == 1


def test_a_head_is_turned_about_its_middle():
    image = demo_frames(0.1)[0]
    detector, predictor = FaceDetector(), LandmarkPredictor()

    def points_of(picture: np.ndarray) -> np.ndarray:
        (face, *_) = detector.detect(picture)
        return predictor.predict(picture, face.box_px, face.roll_deg)

    before = points_of(image)
    for degrees in (-20.0, 20.0):
        by_model = turned_points(before, degrees)
        assert estimate_yaw_deg(by_model) - estimate_yaw_deg(before) == pytest.approx(degrees, abs=6)
        after = points_of(yaw(degrees).picture(image))
        assert estimate_yaw_deg(after) - estimate_yaw_deg(before) == pytest.approx(degrees, abs=8)
        assert np.abs(after[30] - before[30]).max() < 0.1 * np.ptp(before[:, 0])


def test_copies_differ_in_what_was_disturbed_alone(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", demo_frames(1.0), demo_audio(1.0))
    original = _contents(clip)
    for disturbance in (gain(-20.0), light(0.1), roll(30.0)):
        copy = tmp_path / "copy.mkv"
        write_copy(clip, copy, disturbance)
        frames, sound = _contents(copy)
        assert [t for t, _ in frames] == [t for t, _ in original[0]]
        brightness = frames[5][1].mean() / original[0][5][1].mean()
        level_db = 20 * np.log10(np.std(sound) / np.std(original[1]))
        assert brightness == pytest.approx(0.1 if disturbance.name == "light x 0.1" else 1.0, rel=0.3)
        assert level_db == pytest.approx(-20 if disturbance.is_of_sound else 0, abs=0.2)
        difference = np.abs(frames[5][1].astype(float) - original[0][5][1]).mean()
        assert (difference < 6) == disturbance.is_of_sound


def _contents(path: Path) -> tuple[list[tuple[int, np.ndarray]], np.ndarray]:
    items = list(iter_media(path))
    sound = [item.samples for item in items if isinstance(item, AudioBlock)]
    return [(item.t_ns, item.image) for item in items if isinstance(item, Frame)], np.concatenate(sound)


def test_the_same_label_is_compared_at_the_same_time():
    rows = [Row(1.0, "happy", 0.9), Row(2.0, "sad", 0.9), Row(3.0, "sad", 0.9)]
    assert same_labels(rows, [Row(1.0, "happy", 0.1), Row(2.0, "happy", 0.9)]) == 0.5
    assert same_labels(rows, []) is None
