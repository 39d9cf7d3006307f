"""A camera or a network stream as a source, through OpenCV."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from emolive.capture.base import Listener, ReconnectingSource, SourceInfo
from emolive.capture.devices import camera_backend, find_camera, find_camera_again
from emolive.capture.network_camera import NetworkCamera
from emolive.capture.source_spec import SourceSpec, listening_notice, parse_source
from emolive.clock import NS_PER_S, Watchdog, now_ns
from emolive.errors import DeviceError
from emolive.plausibility import image_problem
from emolive.types import Frame, Image

if TYPE_CHECKING:
    from cv2 import VideoCapture

OPEN_TIMEOUT_MS = 3000
READ_TIMEOUT_MS = 2000
OPEN_STALL_S = 6.0
"""A driver that takes longer to open a camera does not answer."""
STALL_S = 1.0
"""After this long without a frame the video counts as stalled."""
ONLY_PICTURE = ", of which only the picture is used"
"""Said of a live stream with sound: pictures are stamped on arrival, and no sound could be kept in step."""
IDENTICAL_S = 2.0
"""After this long of identical images the camera counts as stalled: a sensor has noise, an unplugged camera
has not."""


class CameraSource(ReconnectingSource):
    """Opens a camera or stream, delivers its frames stamped on arrival, and opens it again when it is lost.

    Statuses of "camera", in addition to those of `ReconnectingSource`: stalled (no frame, or always the same
    one), unusable (frames without size or colours).

    Args:
        camera: an index, a name, a device path or a stream's address.
        size: (width, height) in pixels that a camera is asked for; it may deliver another one.
        rate_hz: frames a second that a camera is asked for; it may deliver another rate.

    Raises:
        DeviceError: no camera has that name, or several.
        MissingDependencyError: a library that OpenCV needs is not installed.
    """

    _remark = ""
    """What is to be said of a stream, behind its name."""

    def __init__(
        self, camera: str | SourceSpec, size: tuple[int, int] = (640, 480), rate_hz: float = 30
    ) -> None:
        import emolive._compat.opencv  # noqa: F401 (its absence is reported here, not in the thread)

        spec = camera if isinstance(camera, SourceSpec) else parse_source(camera)
        self._is_stream = spec.kind == "stream"
        self._address = spec.value
        self._camera = None if self._is_stream else find_camera(spec.value)
        name = spec.redacted if self._camera is None else self._camera.name
        super().__init__(SourceInfo(name=name, has_video=True, has_audio=False, live=True))
        self._size = size
        self._rate_hz = rate_hz
        self._opening = Watchdog(STALL_S / 4)
        self._frames = Watchdog(STALL_S / 4)
        self._is_opening = self._live = False
        self._checksum = 0
        self._identical_since_ns = 0
        self._reopened_for: int | None = None

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        del paced, loop
        return cls(spec)

    @property
    def lasting_text(self) -> str:
        """A source string for the same camera, whatever its index is by then; "" for a stream."""
        return "" if self._camera is None else f"camera:{self._camera.lasting_text}"

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        super().start(listener, start_ns)
        # A driver may block in a read for seconds; this is detected from another thread.
        self._start_watch(self._watch, "emolive-camera-watch")

    def _deliver(self, listener: Listener) -> bool:
        self._live = False
        self._opening.feed()
        self._is_opening = True
        try:
            capture = self._open()
        finally:
            self._is_opening = False
        if isinstance(capture, NetworkCamera):
            self._remark = ONLY_PICTURE if capture.has_sound else ""
        try:
            return self._read_frames(capture, listener)
        finally:
            capture.release()

    def _open(self) -> VideoCapture | NetworkCamera:
        from emolive._compat.opencv import cv2

        if self._camera is None:
            if notice := listening_notice(self._address):
                self._report("info", "listening", notice)
            return NetworkCamera(self._address, OPEN_TIMEOUT_MS / 1000, READ_TIMEOUT_MS / 1000)
        camera = find_camera_again(self._camera)
        capture = cv2.VideoCapture(camera.index, camera_backend())
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        capture.set(cv2.CAP_PROP_FPS, self._rate_hz)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        try:
            if not capture.isOpened():
                raise DeviceError(
                    f"{camera.name} cannot be opened: check that it is connected and not in use."
                )
            # Another device may have taken its place in the list meanwhile.
            if find_camera_again(camera).index != camera.index:
                raise DeviceError(f"{camera.name} was connected anew while it was opened.")
        except DeviceError:
            capture.release()
            raise
        return capture

    def _read_frames(self, capture: VideoCapture | NetworkCamera, listener: Listener) -> bool:
        """Deliver until there are no more frames (True) or the images have long been identical (False)."""
        name = self._info.name
        while not self._stopping.is_set():
            grabbed = capture.grab()
            t_ns = now_ns()
            decoded, array = capture.retrieve() if grabbed else (False, None)
            if not decoded or array is None:
                self._live = False
                return True
            self._frames.feed()
            self._live = True
            array = _as_color(array)
            if problem := image_problem(array):
                self._report("warning", "unusable", f"{name} sends pictures that cannot be used: {problem}.")
                continue
            image: Image = np.ascontiguousarray(array)
            if self._identical_ns(image, t_ns) < IDENTICAL_S * NS_PER_S:
                self._report("ok", "live", f"{name}{self._remark}{',' * bool(self._remark)} is live.")
            else:
                text = f"The picture of {name} does not change: check whether it is covered or unplugged."
                self._report("warning", "stalled", text)
                if self._reopened_for != self._checksum:
                    self._reopened_for = self._checksum
                    return False
            if not self._stopping.is_set():
                listener.on_frame(Frame(t_ns, image, self._delivered))
                self._delivered += 1
        return False

    def _identical_ns(self, image: Image, t_ns: int) -> int:
        """For how long the images have been identical."""
        checksum = zlib.crc32(image[::4, ::4].tobytes())
        if checksum != self._checksum:
            self._checksum, self._identical_since_ns = checksum, t_ns
        return t_ns - self._identical_since_ns

    def _watch(self) -> None:
        while not self._stopping.wait(STALL_S / 4):
            quiet_s, opening_s = self._frames.tick(), self._opening.tick()
            if self._live and quiet_s > STALL_S:
                self._report("warning", "stalled", f"{self._info.name} sends no new frames.")
            elif self._is_opening and opening_s > OPEN_STALL_S:
                text = f"{self._info.name} does not answer: check the connection."
                self._report("warning", "stalled", text)


def _as_color(array: NDArray[Any]) -> NDArray[Any]:
    """A grey image (height, width) or (height, width, 1) with three channels; any other as it is."""
    grey = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else array
