"""What a network address names: a camera, which is live, or a file or playlist, which has its own time."""

from __future__ import annotations

import base64
import logging
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import unquote, urlsplit, urlunsplit

from emolive.capture.base import Source
from emolive.capture.container import NetworkFile, open_media
from emolive.capture.network_camera import connect
from emolive.capture.source_spec import SourceSpec
from emolive.errors import MediaError

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
_PLAYLISTS = {"hls", "dash"}


class NetworkStream:
    """Makes the source for a network address, registered as "stream".

    A file (mp4) or a playlist (HLS, DASH) is played by its own time stamps, with its sound: however fast the
    network, a second of it lasts a second. Anything else is a camera, whose frames are stamped when they
    arrive.
    """

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Source:
        """As `Source.from_spec`; asks the address what it is, which may take some seconds."""
        if has_own_time(spec.value):
            from emolive.capture.media_file import MediaFileSource

            try:
                return MediaFileSource.from_spec(spec, paced=paced, loop=loop)
            except MediaError as error:
                # A camera is tried again and again, and says what is wrong.
                log.debug("%s", error)
        from emolive.capture.camera import CameraSource

        return CameraSource.from_spec(spec, paced=paced, loop=loop)


def has_own_time(url: str) -> bool:
    """Whether an address names a recording or a playlist; False for a camera, and if nothing answers."""
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        # What RTSP and its kin send, they send at its time.
        return False
    try:
        kind = content_type(url)
    except (OSError, HTTPException, ValueError):
        return False
    if kind.startswith(("multipart/", "image/")):
        return False
    try:
        with open_media(NetworkFile(url)) as container:
            formats = set(container.format.name.split(","))
            return bool(container.duration) or bool(formats & _PLAYLISTS)
    except MediaError:
        return False


def content_type(url: str) -> str:
    """The media type that an http(s) address answers with, such as "multipart/x-mixed-replace".

    Redirects are not followed.

    Raises:
        OSError: it does not answer, or with an error.
    """
    parts = urlsplit(url)
    headers = {"User-Agent": "emolive"}
    user, at, _ = parts.netloc.rpartition("@")
    if at:
        headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
    connection = connect(parts, TIMEOUT_S)
    try:
        connection.request("GET", urlunsplit(("", "", parts.path or "/", parts.query, "")), headers=headers)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise OSError(answer.status, "the address answers with an error")
        return str(answer.headers.get_content_type())
    finally:
        connection.close()
