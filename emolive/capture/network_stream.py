"""What a network address names: a camera, which is live, or a file or playlist, which has its own time."""

from __future__ import annotations

import base64
import logging
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from emolive.capture.base import Source
from emolive.capture.container import NetworkFile, open_address, open_media
from emolive.capture.source_spec import SourceSpec
from emolive.errors import MediaError

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
_PLAYLISTS = {"hls", "dash"}
_USER_AGENT = "emolive"


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

    Raises:
        OSError: it does not answer, or with an error (`urllib.error.HTTPError`).
    """
    with urlopen(_request(url), timeout=TIMEOUT_S) as answer:
        return str(answer.headers.get_content_type())


def explain_failure(url: str) -> str | None:
    """A sentence about why a stream cannot be opened, without its password; None if it can be."""
    media = NetworkFile(url)
    if urlsplit(url).scheme.lower() in ("http", "https"):
        try:
            content_type(url)
        except HTTPError as error:
            return f"{media} {_HTTP.get(error.code, f'answers with the error {error.code}')}."
        except (OSError, HTTPException, ValueError):
            return f"{media} cannot be opened: nothing answers there, check address and port."
    try:
        open_address(media).close()
    except MediaError as error:
        return str(error)
    return None


_HTTP = {
    401: "asks for a user name and password, or refuses those in its address",
    403: "forbids access: check the user name and password",
    404: "does not exist: check the address",
}


def _request(url: str) -> Request:
    """A request with the user name and password of the address in its header."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    headers = {"User-Agent": _USER_AGENT}
    if at:
        token = base64.b64encode(unquote(user).encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    return Request(urlunsplit(parts._replace(netloc=host, fragment="")), headers=headers)
