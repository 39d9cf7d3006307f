"""Reads NumPy's `.npz` and `.npy` files that come from elsewhere: they may be cut, empty or changed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from emolive.errors import MediaError
from preprocessing.faults import reading

_MAX_EXPANSION = 1100
"""Deflate compresses by 1032 at most; an entry that claims more is damaged, and would fill the memory."""


class ArrayArchive:
    """The arrays in an `.npz` file; a context manager.

    Args:
        path: the file.

    Raises:
        MediaError: it is missing, damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path, "an .npz file"):
            self._size = path.stat().st_size
            self._zip = zipfile.ZipFile(path)
            self.names = tuple(
                name.removesuffix(".npy") for name in self._zip.namelist() if name.endswith(".npy")
            )
            """Of all arrays, in the order of the file."""
        self._known = frozenset(self.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def read(self, name: str) -> NDArray[Any]:
        """An array.

        Raises:
            MediaError: there is no such array, or it is damaged.
        """
        if name not in self._known:
            raise MediaError(f"{self.path.name} lacks {name}: check how the file was made.")
        with reading(self.path, "an .npz file"):
            entry = self._zip.getinfo(f"{name}.npy")
            if entry.file_size > _MAX_EXPANSION * min(entry.compress_size, self._size):
                raise ValueError(f"{name} claims {entry.file_size} bytes")
            with self._zip.open(entry) as file:
                array = _read_array(file, entry.file_size)
                # The checksum is compared when the end of the entry has been reached.
                if file.read(1):
                    raise ValueError(f"{name} is followed by more bytes")
            return array

    def numbers(self, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """An array of integers or floats.

        Args:
            name: of the array.
            shape: that it must have; None for a side of any length.

        Raises:
            MediaError: there is no such array, or it is damaged or of another shape or kind.
        """
        values = self.read(name)
        fits = values.ndim == len(shape) and all(
            want in (None, have) for have, want in zip(values.shape, shape, strict=True)
        )
        if values.dtype.kind not in "iuf" or not fits:
            form = ", ".join("T" if side is None else str(side) for side in shape)
            raise MediaError(
                f"{self.path.name}: {name} must hold numbers ({form}), not {values.dtype} {values.shape}."
            )
        return values


def read_array(path: Path) -> NDArray[Any]:
    """The array in an `.npy` file.

    Raises:
        MediaError: it is missing, damaged or of another kind.
    """
    with reading(path, "an .npy file"), path.open("rb") as file:
        return _read_array(file, path.stat().st_size)


def _read_array(file: IO[bytes], size: int) -> NDArray[Any]:
    """An array of `size` bytes with its header. ValueError if the header does not fit the size."""
    version = npy.read_magic(file)
    shape, fortran_order, dtype = (
        npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    )
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError("Python objects are not read")
    if any(n < 0 for n in shape):
        raise ValueError("negative shape")
    n_bytes = dtype.itemsize
    for n in shape:
        n_bytes *= n
    if n_bytes > size:
        # A header that was changed must not reserve memory that the file cannot fill.
        raise ValueError(f"{n_bytes} bytes in {size}")
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError(f"{len(data)} bytes of {n_bytes}")
    array = np.frombuffer(bytearray(data), dtype)
    return array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)
