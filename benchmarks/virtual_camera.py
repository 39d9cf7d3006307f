"""A webcam for computers without one: an MJPEG stream on 127.0.0.1.

As a program it plays the drawn face, drawn and compressed beforehand, until its input ends:
`python -m benchmarks.virtual_camera` prints the address of the stream.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

FILM_S = 4.0
QUALITY = 85
"""JPEG quality, similar to that of webcams."""


class VirtualCamera:
    """Serves the results of `jpeg` at `rate_hz`, inside `with` or between `start` and `stop`."""

    def __init__(self, jpeg: Callable[[], bytes], rate_hz: float = 30) -> None:
        self.jpeg = jpeg
        self.period_s = 1 / rate_hz
        self.ended = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/webcam.mjpg"

    def start(self) -> Self:
        """Listen; after `stop`, on the same port again."""
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", self._port), _handler(self, self.ended))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Pull the plug: every connection is closed and none accepted."""
        self.ended.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def _handler(webcam: VirtualCamera, ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                self._stream()
            except (BrokenPipeError, ConnectionResetError):
                return

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            due_s = time.monotonic()
            while not ended.wait(max(0.0, due_s - time.monotonic())):
                jpeg = webcam.jpeg()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                due_s = max(due_s + webcam.period_s, time.monotonic())

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def main() -> None:
    """Serve the frames until standard input is closed, which happens when the parent process ends."""
    from benchmarks.fixtures import pictures
    from emolive._compat.opencv import cv2

    quality = (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
    film = [cv2.imencode(".jpg", picture, quality)[1].tobytes() for picture in pictures(FILM_S)]
    # Forwards and backwards, so that the motion has no jump.
    film += film[::-1]
    count = iter(range(sys.maxsize))
    with VirtualCamera(lambda: film[next(count) % len(film)]) as webcam:
        sys.stdout.write(f"{webcam.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
