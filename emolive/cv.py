"""The only place that imports OpenCV: `from emolive.cv import cv2`."""

from __future__ import annotations

import os

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _QT_VARIABLES}

import cv2  # noqa: E402

# OpenCV's wheel points Qt at its own plugins, with which PySide6 cannot start.
for _name, _value in _before.items():
    os.environ.pop(_name, None)
    if _value is not None and f"{os.sep}cv2{os.sep}" not in _value:
        os.environ[_name] = _value

# Several threads call OpenCV; each of them keeps to its own core.
cv2.setNumThreads(1)

__all__ = ["cv2"]
