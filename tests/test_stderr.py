"""What we say is not lost while native libraries are kept quiet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import os, sys, threading
from emolive._compat.stderr import keep_python_stderr, suppress_native_stderr

keep_python_stderr()
quiet, spoken = threading.Event(), threading.Event()

def speak():
    quiet.wait(10)
    sys.stderr.write("The camera cannot be opened.\\n")
    spoken.set()

thread = threading.Thread(target=speak)
thread.start()
with suppress_native_stderr():
    os.write(2, b"native chatter\\n")
    quiet.set()
    assert spoken.wait(10)
thread.join()
os.write(2, b"native afterwards\\n")
"""


def test_another_thread_is_heard_while_descriptor_2_is_redirected() -> None:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True, timeout=150
    )
    assert done.stderr.splitlines() == ["The camera cannot be opened.", "native afterwards"]
