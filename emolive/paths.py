"""Locations of files on this computer."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import platformdirs

from emolive.errors import EmoliveError

MANIFEST = "SHA256SUMS"
"""The file with the digests of all shipped files."""


def assets_dir() -> Path:
    """The folder of shipped models; the environment variable EMOLIVE_ASSETS overrides it."""
    if override := os.environ.get("EMOLIVE_ASSETS"):
        return Path(override)
    package = Path(__file__).resolve().parent
    # Inside the package in a wheel, next to it in a checkout.
    candidates = (package / "assets", package.parent / "assets")
    return next((path for path in candidates if path.is_dir()), candidates[0])


def asset(*parts: str) -> Path:
    """The path of a shipped file whose content is what was shipped.

    The digests are in the manifest MANIFEST of the assets' folder. A folder that EMOLIVE_ASSETS names may be
    without one; then only the files that it lists are checked.

    Raises:
        EmoliveError: the file is missing, or was changed.
    """
    path = assets_dir().joinpath(*parts)
    if not path.is_file():
        raise EmoliveError(f"A file that ships with emolive is missing: {path}. Install emolive again.")
    expected = _expected_digest("/".join(parts))
    if expected is not None and file_digest(path) != expected:
        raise EmoliveError(
            f"A file that ships with emolive was changed or is damaged: {path}. Install emolive again."
        )
    return path


def read_asset(*parts: str) -> bytes:
    """The content of a shipped file. EmoliveError as for `asset`."""
    return asset(*parts).read_bytes()


def file_digest(path: Path) -> str:
    """The SHA-256 digest of a file in hexadecimal, computed once while its size and time do not change."""
    status = path.stat()
    return _sha256(path, status.st_mtime_ns, status.st_size)


def _expected_digest(name: str) -> str | None:
    """The digest of a shipped file, as the manifest has it; None if it is not checked."""
    folder = assets_dir()
    digests = shipped_digests()
    if name not in digests and not os.environ.get("EMOLIVE_ASSETS"):
        raise EmoliveError(f"{folder / name} does not belong to this version of emolive: install it again.")
    return digests.get(name)


def shipped_digests() -> dict[str, str]:
    """The digest of each shipped file by its name with "/"; empty without a manifest."""
    path = assets_dir() / MANIFEST
    if not path.is_file():
        return {}
    status = path.stat()
    return _manifest(path, status.st_mtime_ns, status.st_size)


def asset_files(folder: Path) -> list[Path]:
    """The files of an assets folder that a program reads: all but licences and descriptions.

    An export beside a checkpoint is the user's.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".md"
        and not path.name.startswith((".", "LICENSE", MANIFEST))
        and not (path.suffix == ".onnx" and path.parent.name == "models")
    )


def write_manifest(folder: Path) -> Path:
    """Write the digests of all files in an assets folder, as `sha256sum -c` reads them."""
    lines = [f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in asset_files(folder)]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder / MANIFEST


@lru_cache(maxsize=8)
def _manifest(path: Path, _mtime_ns: int, _size: int) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


@lru_cache(maxsize=64)
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def window_cache_dir() -> Path:
    """The folder of the windows that training and evaluation extract from clips."""
    return user_dir() / "windows"


def data_dir() -> Path:
    """The optional folder of real clips for tests and training, absolute; EMOLIVE_DATA overrides it."""
    return Path(os.environ.get("EMOLIVE_DATA", "../shared/data")).resolve()
