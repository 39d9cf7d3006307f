"""The only place that imports OpenCV: `from emolive._compat.opencv import cv2`.

Importing it raises EmoliveError where a system library that OpenCV needs is missing.
"""

from __future__ import annotations

import os

from emolive.errors import EmoliveError

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _QT_VARIABLES}

try:
    import cv2
except ImportError as error:
    raise EmoliveError(f"OpenCV cannot be loaded: install libgl1 and libglib2.0-0 ({error}).") from error

# OpenCV's wheel points Qt at its own plugins, with which PySide6 cannot start.
for _name, _value in _before.items():
    os.environ.pop(_name, None)
    if _value is not None and f"{os.sep}cv2{os.sep}" not in _value:
        os.environ[_name] = _value

# A camera that cannot be opened is tried again and again, and told as a status: not on stderr too.
if "OPENCV_LOG_LEVEL" not in os.environ:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

# Several threads call OpenCV; each of them keeps to its own core.
cv2.setNumThreads(1)

__all__ = ["cv2"]
