"""ALSA writes nothing to the terminal."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

import pytest

OPEN_WHAT_IS_NOT_THERE = """
import ctypes, sys
if sys.argv[1] == "silent":
    from emolive._compat.alsa import silence_alsa
    silence_alsa()
alsa, device = ctypes.CDLL("libasound.so.2"), ctypes.c_void_p()
assert alsa.snd_pcm_open(ctypes.byref(device), b"nowhere", 0, 0) < 0
"""


def said(how: str) -> str:
    command = [sys.executable, "-c", OPEN_WHAT_IS_NOT_THERE, how]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=150).stderr


@pytest.mark.skipif(ctypes.util.find_library("asound") is None, reason="ALSA is not installed")
def test_a_device_that_is_not_there_is_no_line_on_the_terminal() -> None:
    assert "ALSA lib" in said("as usual")
    assert not said("silent")
