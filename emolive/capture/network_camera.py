"""A network camera through FFmpeg, with the calls of OpenCV's VideoCapture.

OpenCV scales every picture to the size of the first one, so that a camera that changes its shape would be
squashed; it follows redirects without a word and prints FFmpeg's lines to the terminal.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

import numpy as np

from emolive.capture.decoded import check_video
from emolive.capture.source_spec import redact_url
from emolive.errors import MediaError, RefusedError
from emolive.types import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

PROTOCOLS = "http,https,tcp,tls,udp,rtp,rtsp,rtmp,crypto,data,httpproxy"
"""What an address may lead to; not to files of this computer."""
_OPTIONS = {
    "protocol_whitelist": PROTOCOLS,
    "max_redirects": "0",
    "rtsp_transport": "tcp",
    "fflags": "nobuffer",
}
_DECODERS = 2


class NetworkCamera:
    """An open stream. Not thread-safe.

    Args:
        url: its address.
        open_timeout_s: how long opening may take.
        read_timeout_s: how long a frame may take.

    Raises:
        MediaError: it cannot be opened; the sentence says why, without the password. A RefusedError if it
            answers.
    """

    def __init__(self, url: str, open_timeout_s: float, read_timeout_s: float) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        name = redact_url(url)
        try:
            self._container = av.open(
                url, metadata_errors="ignore", options=_OPTIONS, timeout=(open_timeout_s, read_timeout_s)
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            refusals = av.HTTPUnauthorizedError, av.HTTPForbiddenError, av.HTTPNotFoundError
            kind = RefusedError if isinstance(error, refusals) else MediaError
            raise kind(explain_failure(url, name, error, open_timeout_s)) from None
        if not self._container.streams.video:
            self._container.close()
            raise MediaError(f"{name} has no picture: check the address.")
        self.has_sound = bool(self._container.streams.audio)
        """Whether there is sound beside the picture."""
        stream = self._container.streams.video[0]
        # Frame threads would hold pictures back.
        stream.thread_type = "SLICE"
        stream.codec_context.thread_count = _DECODERS
        self._reformatter: Any = VideoReformatter()
        self._frames = self._decode(stream)
        self._frame: VideoFrame | None = None

    def grab(self) -> bool:
        """Wait for the next frame; False if there are no more, or none in time."""
        self._frame = next(self._frames, None)
        return self._frame is not None

    def retrieve(self) -> tuple[bool, Image | None]:
        """The frame that was grabbed: (height, width, 3) BGR of its own size, which may change."""
        if self._frame is None:
            return False, None
        return True, np.asarray(
            self._reformatter.reformat(self._frame, format="bgr24", threads=1).to_ndarray()
        )

    def release(self) -> None:
        """Close the connection."""
        self._frame = None
        self._frames.close()
        self._container.close()

    def _decode(self, stream: Any) -> Any:
        """Frames that can be converted; ends with the connection."""
        import av

        packets: Iterator[Any] = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError, IndexError):
                return
            if packet is None:
                return
            # A damaged picture is left out; the next one may be whole.
            with suppress(av.FFmpegError, MediaError):
                for frame in packet.decode():
                    check_video(frame)
                    yield frame


def explain_failure(url: str, name: str, error: BaseException, timeout_s: float) -> str:
    """A sentence about why an address cannot be opened, without its password."""
    import av

    causes: tuple[tuple[Any, str], ...] = (
        (av.HTTPUnauthorizedError, "asks for a user name and password, or refuses those in its address"),
        (av.HTTPForbiddenError, "forbids access: check the user name and password"),
        (av.HTTPNotFoundError, "does not exist: check the address"),
        (av.InvalidDataError, "is no video or sound that can be read"),
        (
            av.ConnectionRefusedError,
            "cannot be opened: nothing answers there, check the address and the port",
        ),
    )
    for kind, text in causes:
        if isinstance(error, kind):
            return f"{name} {text}."
    if target := redirect_target(url, timeout_s):
        return f"{name} sends on to {redact_url(target)}: if you trust that address, open it itself."
    return f"{name} cannot be opened: check that it is connected and not in use."


def redirect_target(url: str, timeout_s: float) -> str | None:
    """Where an http address redirects to; None if it does not, or does not answer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    try:
        connection = connect(parts, timeout_s)
        try:
            connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
            answer = connection.getresponse()
            location = answer.getheader("Location")
            return urljoin(url, location) if 300 <= answer.status < 400 and location else None
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return None


def connect(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to an http or https address, not open yet."""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_s)
