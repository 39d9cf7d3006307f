"""OpenCV must not change the environment of Qt."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os
from emolive._compat.opencv import cv2
print(os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH"), os.environ.get("QT_QPA_FONTDIR"), cv2.getNumThreads())
"""
WITHOUT = """
import sys
sys.modules["cv2"] = None
try:
    import emolive._compat.opencv
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("own", [None, "/a/place/of/my/own"])
def test_opencv_leaves_qt_alone_and_uses_one_thread(own: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_QPA_")}
    if own is not None:
        environment["QT_QPA_PLATFORM_PLUGIN_PATH"] = own
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(own), "None", "1"]
    assert not done.stderr


def test_a_missing_system_library_error_names_the_package() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingDependencyError OpenCV cannot be loaded: install libgl1")
