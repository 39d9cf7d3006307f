"""Flashes of a loopback camera and beeps of a sound server are paired."""

from __future__ import annotations

from contextlib import suppress

import pytest

from benchmarks.virtual_flash import flashing_camera
from benchmarks.virtual_microphone import VirtualMicrophone
from emolive.cli.sync_test import MIN_PAIRS, measure
from emolive.errors import DeviceError

pytestmark = pytest.mark.devices


def test_a_camera_and_a_microphone_are_compared(sound_server: VirtualMicrophone) -> None:
    with flashing_camera(sound_server) as url:
        for seconds in (9.0, 20.0, 60.0):
            # A sound server that gets no time to run loses beeps.
            with suppress(DeviceError):
                result = measure(url, "default", seconds)
                break
        else:
            pytest.fail("no flashes and beeps were paired")
    assert len(result.offsets_ms) >= MIN_PAIRS
