"""Keeps ALSA from writing to the terminal."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def silence_alsa() -> None:
    """Let what ALSA has to say (an underrun, a device that is gone) go nowhere: PortAudio tells us too.

    ALSA calls its error handler in threads of its own, where Python code must not run while the process ends.
    A function of the C library without effects takes its place; it ignores all arguments but the first.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        handler = ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p)
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(handler)
