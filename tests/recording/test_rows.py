"""Rows that are read back from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emolive.recording.rows import estimate_from_row
from emolive.types import Estimate
from tests.helpers.estimates import make_estimate


def test_a_row_is_read_back_as_it_was() -> None:
    estimate = make_estimate(raw_probs=(0.25, 0.75), hints=("dark",))
    assert estimate_from_row(estimate.to_dict()) == estimate


def test_the_time_in_the_media_file_counts() -> None:
    later: Estimate = replace(make_estimate(raw_probs=(0.25, 0.75)), t_s=1.5, t_ns=1_500_000_000)
    assert estimate_from_row({**make_estimate().to_dict(), "media_s": 1.5}) == later


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("t_s", float("inf")),
        ("t_s", float("nan")),
        ("t_s", 10**400),
        ("t_s", -100.0),
        ("t_s", "0.24"),
        ("probs", {}),
        ("probs", {"neutral": float("nan"), "happy": 1.0}),
        ("probs", {"neutral": 3, "happy": 0}),
        ("probs", {"\ud800": 1.0}),
        ("probs", {str(i): 0.0 for i in range(101)}),
        ("probs", [0.5, 0.5]),
        ("confidence", None),
        ("confidence", 1e9),
        ("label", "a\x1b[31m"),
        ("modality", "x"),
        ("fusion", 3),
        ("hints", "dark"),
        ("file", ["a"]),
    ],
)
def test_a_row_that_cannot_be_right_is_left_out(name: str, value: Any) -> None:
    assert estimate_from_row({**make_estimate().to_dict(), name: value}) is None
