"""Where things lie on this computer."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from emolive.errors import EmoliveError


def assets_dir() -> Path:
    """The folder with the shipped models and the face detector; `EMOLIVE_ASSETS` overrides it."""
    if chosen := os.environ.get("EMOLIVE_ASSETS"):
        return Path(chosen)
    here = Path(__file__).resolve().parent
    # A wheel carries them inside the package, a checkout beside it.
    return next((p for p in (here / "assets", here.parent / "assets") if p.is_dir()), here / "assets")


def asset(*parts: str) -> Path:
    """Path of a shipped file; EmoliveError if it is not there."""
    path = assets_dir().joinpath(*parts)
    if not path.is_file():
        raise EmoliveError(f"A file that ships with emolive is missing: {path}. Install emolive again.")
    return path


def user_dir() -> Path:
    """Where a person's baselines and the window's choices are kept; `EMOLIVE_HOME` overrides it."""
    if chosen := os.environ.get("EMOLIVE_HOME"):
        return Path(chosen)
    return Path(platformdirs.user_data_dir("emolive", appauthor=False))


def cache_dir() -> Path:
    """Where is kept what can be made again; below `EMOLIVE_HOME` if that is set."""
    if chosen := os.environ.get("EMOLIVE_HOME"):
        return Path(chosen) / "cache"
    return Path(platformdirs.user_cache_dir("emolive", appauthor=False))


def data_dir() -> Path:
    """The optional folder of real clips that tests and training read (`EMOLIVE_DATA`)."""
    return Path(os.environ.get("EMOLIVE_DATA", "../shared/data"))
