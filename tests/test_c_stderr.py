"""One native library is kept quiet, and no other."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

import pytest

SPEAK = """
import ctypes, sys
from emolive._compat.c_stderr import silence_stderr_of

alsa, libc, device = ctypes.CDLL("libasound.so.2"), ctypes.CDLL(None), ctypes.c_void_p()
if "quiet" in sys.argv:
    assert silence_stderr_of("libasound.so.2")
    assert not silence_stderr_of("libasound.so.2"), "there is nothing left to change"
assert alsa.snd_pcm_open(ctypes.byref(device), b"nowhere", 0, 0) < 0
libc.perror(b"another library")
print("Python", file=sys.stderr)
"""


def said(*how: str) -> str:
    command = [sys.executable, "-c", SPEAK, *how]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr


@pytest.mark.skipif(
    sys.platform != "linux" or sys.maxsize < 2**32 or ctypes.util.find_library("asound") is None,
    reason="ALSA is not installed, or the system is not Linux with 64 bits",
)
def test_only_the_library_that_is_named_is_quiet() -> None:
    assert "ALSA lib" in said()
    lines = said("quiet").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("another library: ")
    assert lines[1] == "Python"


def test_a_library_that_is_not_there_is_no_error() -> None:
    from emolive._compat.c_stderr import silence_stderr_of

    assert not silence_stderr_of("libnowhere.so.0")
