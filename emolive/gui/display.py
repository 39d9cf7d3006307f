"""Whether a window can open at all, asked before Qt, which ends the whole process where it cannot."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from contextlib import closing
from pathlib import Path

from emolive.errors import EmoliveError


def has_display() -> bool:
    """Whether anybody named a screen, or a platform of Qt's, to open a window on."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))


def check_display() -> None:
    """Raise EmoliveError, in one sentence, if the screen that was named does not answer."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    x, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if (wayland and _wayland_answers(wayland)) or (x and _x_answers()):
        return
    named = " and ".join(
        f"{name}={value}" for name, value in (("DISPLAY", x), ("WAYLAND_DISPLAY", wayland)) if value
    )
    if named:
        raise EmoliveError(f"No screen answers at {named}: check it, or run with --headless.")


def _x_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        raise EmoliveError(f"The window needs libxcb1 and its companions: install them ({error}).") from error
    # The whole greeting: a socket alone would not tell of a screen that lets only others in.
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    answers = not xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return answers


def _wayland_answers(name: str) -> bool:
    # An absolute name stands alone: joining leaves the folder out.
    path = Path(os.environ.get("XDG_RUNTIME_DIR", "")) / name
    with closing(socket.socket(socket.AF_UNIX)) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
