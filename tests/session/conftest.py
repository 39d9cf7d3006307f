"""Tests in this folder share one landmark predictor."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def _one_predictor(one_landmark_predictor: None) -> None:
    pass
