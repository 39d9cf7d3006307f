"""A webcam for computers without one: an MJPEG stream on 127.0.0.1 that can be cut, frozen and held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import numpy as np

from emolive.cv import cv2
from emolive.types import Image


def numbered(number: int, width: int = 320, height: int = 240) -> Image:
    """A picture that carries its number (mod 256) as eight black or white columns."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(8):
        image[:, bit * width // 8 : (bit + 1) * width // 8] = 255 if number >> bit & 1 else 0
    return image


def number_of(image: Image) -> int:
    """The number (0..255) that a picture made by `numbered` carries, whatever its size."""
    width = image.shape[1]
    middles = [image[:, (2 * bit + 1) * width // 16].mean() > 128 for bit in range(8)]
    return sum(bright << bit for bit, bright in enumerate(middles))


class Webcam:
    """Serves `picture(number)` at `rate_hz` on `url`, with `with` or between `start` and `stop`."""

    def __init__(self, picture: Callable[[int], Image] = numbered, rate_hz: float = 30) -> None:
        self._picture = picture
        self._period_s = 1 / rate_hz
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self._cut = threading.Event()
        self._moving = threading.Event()
        self._moving.set()
        self._held = False
        self._number = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/webcam.mjpg"

    def start(self) -> Webcam:
        """Listen; after `cut`, on the same port again."""
        self._cut = threading.Event()
        self._server = _Server(("127.0.0.1", self._port), _handler(self, self._cut))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def cut(self) -> None:
        """Pull the plug: every connection is closed and none accepted."""
        self._cut.set()
        self._moving.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    stop = cut

    def freeze(self) -> None:
        """Stay connected, but send nothing."""
        self._moving.clear()

    def thaw(self) -> None:
        self._moving.set()

    def hold(self, held: bool = True) -> None:
        """Send the same picture again and again, or go on."""
        self._held = held

    def __enter__(self) -> Webcam:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _next(self) -> bytes:
        if not self._held:
            self._number += 1
        return cv2.imencode(".jpg", self._picture(self._number))[1].tobytes()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def _handler(webcam: Webcam, cut: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                self._stream()
            except (BrokenPipeError, ConnectionResetError):
                return

        def _stream(self) -> None:
            webcam._moving.wait()
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            while not cut.wait(webcam._period_s):
                webcam._moving.wait()
                if cut.is_set():
                    return
                jpeg = webcam._next()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler
