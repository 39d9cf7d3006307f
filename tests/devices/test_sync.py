"""Flashes of a loopback camera and beeps of a sound server are paired."""

from __future__ import annotations

import pytest

from benchmarks.virtual_flash import flashing_camera
from benchmarks.virtual_microphone import VirtualMicrophone
from emolive.cli.sync_test import MIN_PAIRS, measure

pytestmark = pytest.mark.devices


def test_a_camera_and_a_microphone_are_compared(sound_server: VirtualMicrophone) -> None:
    with flashing_camera(sound_server) as url:
        result = measure(url, "default", 9.0)
    assert len(result.offsets_ms) >= MIN_PAIRS
