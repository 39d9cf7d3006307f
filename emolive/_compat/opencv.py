"""The only module that imports OpenCV: `from emolive._compat.opencv import cv2`.

Importing it raises MissingDependencyError if a system library that OpenCV needs is not installed.
"""

from __future__ import annotations

import os

from emolive.errors import MissingDependencyError

_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
_before = {name: os.environ.get(name) for name in _QT_VARIABLES}

# FFmpeg inside OpenCV writes to the terminal whatever it thinks of a stream; what matters is a status.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

try:
    import cv2
except ImportError as error:
    raise MissingDependencyError(
        f"OpenCV cannot be loaded: install libgl1 and libglib2.0-0 ({error})."
    ) from error

# OpenCV's wheel sets Qt's plugin path to its own plugins, with which PySide6 cannot start.
for _name, _value in _before.items():
    os.environ.pop(_name, None)
    if _value is not None and f"{os.sep}cv2{os.sep}" not in _value:
        os.environ[_name] = _value

# A camera that cannot be opened is retried and reported as a status; stderr would repeat it each time.
if "OPENCV_LOG_LEVEL" not in os.environ:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

# Several of our threads call OpenCV; each call uses one core.
cv2.setNumThreads(1)

__all__ = ["cv2"]
