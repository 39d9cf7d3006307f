from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emolive.clock import to_ns
from emolive.opinion_pool import log_softmax
from emolive.smoothing import Smoother
from emolive.stream_reading import SmoothingSpec, StreamReadingSpec
from emolive.types import UNSURE
from training.stream_reading_search import StreamAnswers, displayed, mixed, score, search
from training.streams import Span

LABELS = ("neutral", "happy", "sad")
START = StreamReadingSpec(2, 0.5, (1.0, 1.0, 1.0), SmoothingSpec(0.3, 0.0, 0.1, 0.35, 0.28))


def answers(seed: int, *, lag: int = 6, noise: float = 1.0) -> StreamAnswers:
    """A stream of spans of ten hops. The whole window is right `lag` hops late, its newest part at once, but
    noisily."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.tile(np.arange(3), 8))
    spans = tuple(Span(2.4 * i, 2.4 * (i + 1), LABELS[c]) for i, c in enumerate(order))
    truth = np.repeat(order, 10)
    late = np.concatenate([np.full(lag, order[0]), truth[:-lag]])

    def logs(classes: np.ndarray, spread: float) -> np.ndarray:
        return log_softmax(3 * np.eye(3)[classes] + spread * rng.normal(size=(len(classes), 3)))

    t_s = 0.24 * np.arange(1, len(truth) + 1)
    return StreamAnswers(spans, t_s, np.zeros(len(truth), int), logs(late, 0.2), logs(truth, noise))


def test_the_displayed_labels_are_those_of_the_smoother():
    spec = SmoothingSpec(0.4, 0.7, 0.06, 0.4, 0.3)
    streams = [mixed(START, answers(seed)) for seed in range(3)]
    streams[1] = streams[1][:100]
    for shown, logs in zip(displayed(spec, streams), streams, strict=True):
        smoother = Smoother(LABELS, spec)
        live = [
            smoother.update(tuple(np.exp(row)), to_ns(0.24 * (i + 1))).label for i, row in enumerate(logs)
        ]
        assert [(*LABELS, UNSURE)[i] for i in shown] == live


def test_the_search_finds_that_the_newest_evidence_is_right():
    recorded = {"running": [answers(seed) for seed in range(3)]}
    before = score(START, recorded["running"], LABELS)
    result = search(START, recorded, LABELS, tries=60, seed=0)
    after = result.scores["running"]
    assert result.reading.short_weight > 0.5
    assert after["hop_uar_shown"] > before["hop_uar_shown"] + 0.1
    assert after["reaction_median_s"] < before["reaction_median_s"]
    result.reading.validate(15)


def test_temperatures_follow_the_doubt():
    calm, wild = ({"none": [answers(seed, noise=noise) for seed in range(3)]} for noise in (0.1, 4.0))
    short = replace(START, short_weight=1.0)
    temperature = [search(short, r, LABELS, tries=1, seed=0).reading.temperatures[0] for r in (calm, wild)]
    assert temperature[0] < temperature[1]


def test_what_has_nothing_to_read_is_wrong():
    stream = answers(0)
    empty = replace(stream, modality=np.full(len(stream.t_s), -1))
    assert score(START, [empty], LABELS)["hop_uar_shown"] == 0
    assert score(START, [stream], LABELS)["hop_uar_shown"] > 0.3


def test_the_description_survives_json_and_is_checked():
    from emolive.errors import ConfigError
    from emolive.models.spec import ModelSpec

    spec = ModelSpec(stream_reading=replace(START, temperatures=(1.2, 1.5, 1.1)))
    assert ModelSpec.from_dict(spec.to_dict()) == spec
    assert "stream_reading" not in ModelSpec().to_dict()
    values = spec.to_dict()
    former = {"stream" if name == "stream_reading" else name: value for name, value in values.items()}
    assert ModelSpec.from_dict(former) == spec, "checkpoints of earlier versions name it stream"
    for change in ({"short_bins": 99}, {"temperatures": [1.0]}, {"temperatures": 1.0}, {"smoothing": {}}):
        with pytest.raises(ConfigError):
            ModelSpec.from_dict(values | {"stream_reading": values["stream_reading"] | change})
