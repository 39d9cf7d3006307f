"""Fixtures of the session tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def assets(shipped_random, monkeypatch):
    """Models with random weights instead of the shipped lt, it and ia."""
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))


@pytest.fixture
def demo_as_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawn demo passes for a person in front of a camera and a microphone."""
    from emolive.capture.base import SourceInfo
    from emolive.capture.synthetic import source

    monkeypatch.setattr(source, "SourceInfo", lambda name, *_, **__: SourceInfo(name, True, True, live=True))
