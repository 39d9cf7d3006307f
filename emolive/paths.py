"""Locations of files on this computer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

from emolive.errors import EmoliveError


def assets_dir() -> Path:
    """The folder of shipped models; the environment variable EMOLIVE_ASSETS overrides it."""
    if override := os.environ.get("EMOLIVE_ASSETS"):
        return Path(override)
    package = Path(__file__).resolve().parent
    # Inside the package in a wheel, next to it in a checkout.
    candidates = (package / "assets", package.parent / "assets")
    return next((path for path in candidates if path.is_dir()), candidates[0])


def asset(*parts: str) -> Path:
    """The path of a shipped file.

    Raises:
        EmoliveError: it is missing.
    """
    path = assets_dir().joinpath(*parts)
    if not path.is_file():
        raise EmoliveError(f"A file that ships with emolive is missing: {path}. Install emolive again.")
    return path


def read_asset(*parts: str) -> bytes:
    """The content of a shipped file that has a file with its SHA-256 digest beside it.

    Raises:
        EmoliveError: one of both is missing, or the content is not what was shipped.
    """
    path = asset(*parts)
    expected = asset(*parts[:-1], f"{parts[-1]}.sha256").read_text().split()
    content = path.read_bytes()
    if expected[:1] != [hashlib.sha256(content).hexdigest()]:
        raise EmoliveError(f"A file that ships with emolive is damaged: {path}. Install emolive again.")
    return content


def user_dir() -> Path:
    """The folder of speaker profiles and window settings; EMOLIVE_HOME overrides it."""
    if override := os.environ.get("EMOLIVE_HOME"):
        return Path(override)
    return Path(platformdirs.user_data_dir("emolive", appauthor=False))


def has_own_home() -> bool:
    """Whether EMOLIVE_HOME names the folder of everything that emolive saves."""
    return bool(os.environ.get("EMOLIVE_HOME"))


def cache_dir() -> Path:
    """The folder of files that can be made again; EMOLIVE_HOME/cache if EMOLIVE_HOME is set."""
    if override := os.environ.get("EMOLIVE_HOME"):
        return Path(override) / "cache"
    return Path(platformdirs.user_cache_dir("emolive", appauthor=False))


def data_dir() -> Path:
    """The optional folder of real clips for tests and training; EMOLIVE_DATA overrides it."""
    return Path(os.environ.get("EMOLIVE_DATA", "../shared/data"))
