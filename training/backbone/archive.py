"""A folder or a zip file, read in the same way, and the images in it."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

import numpy as np

from emolive._compat.opencv import cv2
from emolive.errors import MediaError
from emolive.types import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


class Archive:
    """The files under a folder or in a zip file; a context manager.

    Args:
        path: the folder or zip file.

    Raises:
        MediaError: there is no such folder or zip file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            paths = (PurePosixPath(f.relative_to(path).as_posix()) for f in path.rglob("*") if f.is_file())
        elif path.is_file():
            try:
                self._zip = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as error:
                raise MediaError(f"{path} is neither a folder nor a readable zip file.") from error
            paths = (PurePosixPath(i.filename) for i in self._zip.infolist() if not i.is_dir())
        else:
            raise MediaError(f"There is no folder or zip file {path}.")
        self.names = sorted(n for n in paths if n.parts[0] != "__MACOSX" and not n.name.startswith("."))
        """Of all files, relative to the archive."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def read(self, name: PurePosixPath) -> bytes:
        """A file's bytes.

        Raises:
            MediaError: they cannot be read.
        """
        try:
            return (self.path / name).read_bytes() if self._zip is None else self._zip.read(str(name))
        except (OSError, zipfile.BadZipFile, KeyError, RuntimeError) as error:
            raise MediaError(f"{name} in {self.path} cannot be read: {error}.") from error

    def read_image(self, name: PurePosixPath) -> Image:
        """The central square of an image, (S, S, 3) BGR.

        Raises:
            MediaError: it is damaged.
        """
        content = np.frombuffer(self.read(name), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        if image is None:
            raise MediaError(f"{name} in {self.path} is not an image or is damaged.")
        height, width = image.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return np.asarray(image[top : top + side, left : left + side], np.uint8)
