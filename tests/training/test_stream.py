from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import ConfigError
from emolive.predictor import load_predictor
from emolive.smoothing import Smoother
from preprocessing import annotations
from training.bins import windows
from training.cli import evaluate
from training.clip_reader import ClipReader
from training.evaluate.stream import read_spans, read_stream
from training.normalizer_sampler import calibration_clips
from training.streams import Span, clip_order, join_clips

KEYS = {
    "hop_uar_shown",
    "hop_uar_raw",
    "by_time",
    "end_uar_shown",
    "reaction_median_s",
    "reaction_p90_s",
    "never_right",
    "unsure",
    "label_changes_per_min",
    "true_changes_per_min",
    "n_hops",
}


@pytest.mark.parametrize("baseline", ["none", "neutral", "running", "person"])
def test_the_command_measures_each_baseline(trained: Path, clips: Path, tmp_path: Path, baseline: str):
    out, plot = tmp_path / "stream.json", tmp_path / "stream.png"
    arguments = ["--checkpoint", str(trained / "model.safetensors"), "--annotations", str(clips)]
    arguments += ["--orders", "1", "--baseline", baseline, "--json", str(out), "--plot", str(plot)]
    assert evaluate(["stream", *arguments]) == 0
    results = json.loads(out.read_text())
    assert results.keys() >= KEYS
    # Four actors, nine clips of 3.6 s, two of which calibrate.
    assert results["n_hops"] == 4 * 7 * 15
    assert results["streams"] == 4
    # The classes are separable, so that a model that reads streams at all is better than chance (1/3).
    assert results["hop_uar_raw"] > 0.5
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_streams_are_read_as_in_a_live_session(trained: Path, clips: Path):
    predictor = load_predictor(None, trained / "model.safetensors")
    entries = annotations.read(clips)
    reader = ClipReader(entries, predictor.spec)
    _, order = next(clip_order(entries.items, calibration_clips(entries.items), 0))
    stream = join_clips(
        "1", [(entries.items[i].label, reader.read(entries.items[i])) for i in order], predictor.spec
    )
    profile, smoother = predictor.new_profile(), Smoother.for_spec(predictor.spec)
    hops = read_stream(predictor, stream, "running")
    for hop, window in zip(hops, windows(stream, predictor.spec), strict=True):
        profile.update(window, predictor.video_stats, predictor.audio_stats)
        prediction = predictor.predict(window, profile, "running")
        if prediction is None:
            assert (hop.raw, hop.shown) == ("", "")
            continue
        assert hop.raw == predictor.spec.labels[int(np.argmax(prediction.probs))]
        assert hop.shown == smoother.update(prediction.probs, window.end_ns).label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--annotations"),
        (["--truth", "t.json", "--baseline", "neutral"], "clips of the person"),
        (["--truth", "t.json", "--annotations", "a.csv"], "--annotations"),
        (["--truth", "t.json", "--json", "missing/out.json"], "cannot be written"),
    ],
)
def test_options_that_do_not_fit_are_refused_first(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert evaluate(["stream", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_spans_are_read_under_both_names(tmp_path: Path):
    path = tmp_path / "truth.json"
    path.write_text('[{"start": 0, "end": 1, "emotion": "sad"}, {"from_s": 1, "to_s": 2, "label": "calm"}]')
    assert read_spans(path) == (Span(0, 1, "sad"), Span(1, 2, "calm"))
    overlap = '[{"start": 1, "end": 3, "emotion": "sad"}, {"start": 2, "end": 4, "emotion": "sad"}]'
    for text in ("{", "[]", '[{"start": 0}]', overlap):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"truth\.json"):
            read_spans(path)
