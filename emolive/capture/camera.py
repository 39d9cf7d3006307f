"""A camera or a network stream as a source, through OpenCV."""

from __future__ import annotations

import re
import threading
import zlib
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from emolive.capture.base import Listener, SourceInfo
from emolive.capture.devices import camera_backend, find_camera
from emolive.clock import NS_PER_S, now_ns, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.types import Frame, Image, Severity, Status

if TYPE_CHECKING:
    from cv2 import VideoCapture

OPEN_TIMEOUT_MS = 3000
READ_TIMEOUT_MS = 2000
STALL_S = 1.0
"""So long without a frame, and the picture counts as stalled."""
SAME_S = 2.0
"""So long exactly the same picture: no sensor does that, but an unplugged camera may."""
_BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)


class CameraSource:
    """Opens a camera, delivers its frames stamped on arrival, and opens it again when it is lost.

    Statuses of "camera": opening, live, missing (cannot be opened), stalled (no new picture),
    lost (was live; being tried again).
    """

    def __init__(self, spec: str, size: tuple[int, int] = (640, 480), rate_hz: float = 30) -> None:
        """`spec`: an index, a name or an address. EmoliveError if no camera has that name, or without OpenCV.

        `size` (width, height) and `rate_hz` are asked of a camera, which may give others.
        """
        import_module("emolive._compat.opencv")
        self._spec = spec
        self._is_stream = "://" in spec
        name = re.sub(r"//[^/@]*@", "//", spec) if self._is_stream else find_camera(spec).name
        self._info = SourceInfo(name=name, has_video=True, has_audio=False, live=True)
        self._size = size
        self._rate_hz = rate_hz
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._told = threading.Lock()
        self._code = ""
        self._frames = 0
        self._newest_ns = 0
        self._live = False
        self._picture = 0
        self._same_since_ns = 0
        self._reopened_for: int | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Begin to open and deliver; a source is started once."""
        if self._threads:
            raise RuntimeError("a source can be started only once")
        # A driver may block for seconds in a read: somebody else has to notice.
        self._threads = [
            threading.Thread(target=target, args=(listener,), name=name, daemon=True)
            for target, name in ((self._run, "emolive-camera"), (self._watch, "emolive-camera-watch"))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop delivering at once; False if the driver blocks so long that its thread is left behind."""
        self._stop.set()
        deadline_ns = now_ns() + to_ns(timeout_s)
        for thread in self._threads:
            thread.join(max(0.0, to_s(deadline_ns - now_ns())))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, listener: Listener) -> None:
        self._tell(listener, "info", "opening", f"Opening {self._info.name}.")
        failures = 0
        while not self._stop.is_set():
            capture = self._open()
            before = self._frames
            if capture is None:
                self._live = False
            else:
                self._drain(capture, listener)
                capture.release()
            failures = 0 if self._frames > before else failures + 1
            if self._frames == 0:
                self._tell(
                    listener,
                    "error",
                    "missing",
                    f"{self._info.name} cannot be opened: check that it is connected and not in use.",
                )
            elif not self._live:
                self._tell(listener, "error", "lost", f"{self._info.name} was lost and is being tried again.")
            self._stop.wait(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    def _open(self) -> VideoCapture | None:
        from emolive._compat.opencv import cv2

        if self._is_stream:
            timeouts = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                READ_TIMEOUT_MS,
            ]
            capture = cv2.VideoCapture(self._spec, cv2.CAP_FFMPEG, timeouts)
        else:
            try:
                index = find_camera(self._spec).index
            except EmoliveError:
                return None
            capture = cv2.VideoCapture(index, camera_backend())
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            capture.set(cv2.CAP_PROP_FPS, self._rate_hz)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if capture.isOpened():
            return capture
        capture.release()
        return None

    def _drain(self, capture: VideoCapture, listener: Listener) -> None:
        """Deliver frames until the camera gives none any more, or the same one for ever."""
        self._newest_ns = now_ns()
        while not self._stop.is_set():
            grabbed = capture.grab()
            t_ns = now_ns()
            found, picture = capture.retrieve() if grabbed else (False, None)
            if not found or picture is None:
                self._live = False
                return
            image: Image = np.ascontiguousarray(picture, dtype=np.uint8)
            self._newest_ns = t_ns
            self._live = True
            same_ns = self._same_ns(image, t_ns)
            if same_ns < SAME_S * NS_PER_S:
                self._tell(listener, "ok", "live", f"{self._info.name} is live.")
            else:
                self._tell(
                    listener,
                    "warning",
                    "stalled",
                    f"The picture of {self._info.name} does not change: is it covered or unplugged?",
                )
                if self._reopened_for != self._picture:
                    self._reopened_for = self._picture
                    return
            if not self._stop.is_set():
                listener.on_frame(Frame(t_ns, image, self._frames))
                self._frames += 1

    def _same_ns(self, image: Image, t_ns: int) -> int:
        """For how long the picture has been exactly the same."""
        picture = zlib.crc32(image[::4, ::4].tobytes())
        if picture != self._picture:
            self._picture, self._same_since_ns = picture, t_ns
        return t_ns - self._same_since_ns

    def _watch(self, listener: Listener) -> None:
        while not self._stop.wait(STALL_S / 4):
            if self._live and to_s(now_ns() - self._newest_ns) > STALL_S:
                self._tell(listener, "warning", "stalled", f"{self._info.name} sends no new picture.")

    def _tell(self, listener: Listener, level: Severity, code: str, text: str) -> None:
        with self._told:
            if code == self._code or self._stop.is_set():
                return
            self._code = code
            listener.on_status(Status("camera", level, code, text))
