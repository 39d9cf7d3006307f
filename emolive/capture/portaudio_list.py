"""PortAudio's devices as another process sees them.

PortAudio lists devices when it is initialised, and cannot be initialised again while a microphone is open: a
device that was connected meanwhile is found only by a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from emolive import bounded_json

TIMEOUT_S = 4.0
_PROGRAM = (
    "import json, sounddevice as s; "
    "print(json.dumps([list(s.query_devices()), list(s.query_hostapis())], default=str))"
)
DeviceTable = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def list_in_child() -> DeviceTable:
    """All audio devices and all host APIs, as `emolive.capture.portaudio.devices`; empty if that fails."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
        devices, apis = bounded_json.parse(done.stdout)
        return list(devices), list(apis)
    except (OSError, ValueError, subprocess.SubprocessError):
        return [], []
