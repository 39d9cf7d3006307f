"""Checks that a window can open. Done before Qt is asked, because Qt ends the process where it cannot."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from contextlib import closing
from pathlib import Path

from emolive.errors import DeviceError, MissingDependencyError


def has_display() -> bool:
    """Whether the environment names a display, or a platform of Qt."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))


def check_display() -> None:
    """Connect to the display that the environment names.

    Raises:
        DeviceError: it does not answer.
        MissingDependencyError: the library that connects to it is not installed.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    x11, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if (wayland and _wayland_answers(wayland)) or (x11 and _x11_answers()):
        return
    names = " and ".join(
        f"{name}={value}" for name, value in (("DISPLAY", x11), ("WAYLAND_DISPLAY", wayland)) if value
    )
    if names:
        raise DeviceError(f"No display answers at {names}: check it, or run with --headless.")


def _x11_answers() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        raise MissingDependencyError(f"The window needs libxcb1: install it ({error}).") from error
    # An open socket is not enough: the server may refuse the client.
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    answers = not xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return answers


def _wayland_answers(name: str) -> bool:
    # Joining with an absolute name gives that name.
    path = Path(os.environ.get("XDG_RUNTIME_DIR", "")) / name
    with closing(socket.socket(socket.AF_UNIX)) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
