"""Shared value types and their dictionaries."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emolive.types import MODALITIES, Modality
from tests.helpers.estimates import STAMPS, make_estimate, make_summary


def test_a_file_estimate_has_these_keys_in_this_order():
    record = make_estimate(t_s=1.2000001).to_dict()
    assert record == {
        "file": "a.mp4",
        "t_s": 1.2,
        "fusion": "ia",
        "modality": "av",
        "probs": {"neutral": 0.25, "happy": 0.75},
        "label": "happy",
        "confidence": 0.75,
        "baseline": "running",
        "summary": False,
        "answer_age_s": 0.0,
        "hints": [],
    }
    order = ["file", "t_s", "fusion", "modality", "probs", "label", "confidence", "baseline"]
    order += ["summary", "answer_age_s", "hints"]
    assert list(record) == order


def test_a_live_estimate_has_its_stamps_too():
    live = make_estimate(source="0", stamps=STAMPS)
    assert live.to_dict() == make_estimate(source="0").to_dict() | {
        "capture_ns": 1,
        "start_ns": 2,
        "end_ns": 3,
    }
    assert STAMPS.latency_ns == 2


def test_a_summary_describes_itself():
    record = make_summary().to_dict()
    assert record["summary"] is True
    assert record["window"] == "centre"
    assert record["shares"] == {"happy": 0.75, "unsure": 0.25}
    assert record["file"] == "a.mp4"


def test_records_are_plain_json():
    for estimate in (make_estimate(stamps=STAMPS), make_summary()):
        assert json.loads(json.dumps(estimate.to_dict())) == estimate.to_dict()


def test_labels_and_probabilities_must_match():
    with pytest.raises(ValueError, match="zip"):
        replace(make_estimate(), probs=(1.0,)).to_dict()


def test_modalities_have_titles_and_the_order_of_checkpoints():
    assert [str(m) for m in MODALITIES] == ["av", "a", "v"]
    assert [m.title for m in Modality] == ["face and voice", "voice only", "face only"]
    assert Modality("v") is Modality.VIDEO
    assert Modality.VIDEO == "v"
    for modality in Modality:
        assert Modality.of(video=modality.has_video, audio=modality.has_audio) is modality
    assert Modality.of(video=False, audio=False) is None
