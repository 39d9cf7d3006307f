"""One value that cannot be right, at each seam: it is left out, counted and said, and nothing keeps it."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from emolive.expression_stats import ExpressionStats
from emolive.models.runtimes.base import Runtime
from emolive.normalization import RunningStats
from emolive.sinks.jsonl import JsonlSink
from emolive.smoothing import Smoother
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.landmarks import LandmarkPredictor
from emolive.vision.tracker import BlazeFaceTracker


def now_and_then(monkeypatch, owner, name, spoil, every=5):
    real, calls = getattr(owner, name), []

    def spoiled(self, *args):
        calls.append(1)
        result = real(self, *args)
        return spoil(result) if len(calls) % every == every - 1 else result

    monkeypatch.setattr(owner, name, spoiled)


def check(estimates):
    out = io.StringIO()
    sink = JsonlSink(out)
    for estimate in estimates:
        sink.write(estimate)
    for line in out.getvalue().splitlines():
        row = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in a row"))
        assert sum(row["probs"].values()) == pytest.approx(1, abs=1e-3)


def nan_in(array):
    changed = np.array(array)
    changed.flat[len(changed.flat) // 2] = np.nan
    return changed


def without_place(detection):
    return detection and replace(detection, box_px=replace(detection.box_px, x_px=math.nan))


@pytest.mark.parametrize(
    ("method", "spoil", "expected"),
    [
        ((Runtime, "logits"), lambda logits: logits * math.nan, ("answers_refused", "model")),
        ((BlazeFaceTracker, "track"), without_place, ("faces_refused", "face")),
        ((LandmarkPredictor, "predict"), nan_in, ("faces_refused", "face")),
        ((LandmarkPredictor, "predict"), lambda points: points + 1e7, ("faces_refused", "face")),
        ((LandmarkEncoder, "__call__"), nan_in, ("faces_refused", "face")),
    ],
)
def test_a_value_that_is_not_finite_is_left_out(watch, clips, monkeypatch, *, method, spoil, expected):
    counter, part = expected
    now_and_then(monkeypatch, *method, spoil)
    watched = watch(clips["full"], paced=False, start=False)
    codes = set()
    watched.session.subscribe(lambda _: codes.add(watched.code(part)))
    watched.session.start()
    estimates = watched.until_finished()
    check(estimates)
    assert len(estimates) > 5
    assert getattr(watched.session.snapshot().counters, counter) > 0
    assert "implausible" in codes
    profile = watched.session._stream.profile.running
    assert np.isfinite([*profile.video.total, *profile.audio.squares]).all()


@pytest.mark.parametrize("odd", [math.nan, math.inf, 1e20])
def test_sound_with_odd_samples_and_pictures_without_size(watch, puppet, odd):
    def spoil(samples):
        samples[[3, 200]] = odd
        return samples

    def cut(image):
        return image[:0, :0] if np.random.default_rng().random() < 0.3 else image

    watched = watch("0", mic="auto")
    puppet.change_samples, puppet.change_image = spoil, cut
    watched.until_estimates(3)
    check(watched.estimates)
    watched.until(lambda: watched.session.snapshot().counters.samples_refused > 100, "odd samples")
    watched.until(lambda: watched.code("microphone") == "implausible", "a microphone that is doubted")
    puppet.change_samples = puppet.change_image = np.asarray
    watched.until(lambda: watched.code("microphone") == "live", "a microphone that is right again")


def test_statistics_and_smoother_take_nothing_that_is_not_finite():
    rows = np.ones((3, 8), np.float32)
    rows[1, 4] = np.nan
    for stats in (RunningStats.of(rows), ExpressionStats.of(rows)):
        assert stats.count == 2
        assert np.isfinite(stats.total).all()
    smoother = Smoother(("a", "b"))
    before = smoother.update((0.3, 0.7), 1)
    assert smoother.update((math.nan, 0.5), 2).probs == pytest.approx(before.probs)
    assert smoother.update((0.3, 0.7), 3).probs == pytest.approx(before.probs)
