"""A `.npy` file that grows along its first axis."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

FIRST_BYTES = 1 << 16
"""Room for the first rows; it doubles whenever it is used up."""


class GrowingArray:
    """A memory-mapped array (n, *row_shape) in a `.npy` file, to which rows are appended.

    The file has room for more rows than are used; `trim` cuts it to its length. Numpy pads the header of a
    `.npy` file so that the length of the first axis can be changed in place.

    Args:
        path: the file; it is created if it does not exist.
        row_shape: shape of one row.
        dtype: of the values.
        used: rows of an existing file that are valid; the others are overwritten.

    Raises:
        ValueError: the file has fewer than `used` rows.
        OSError: the file cannot be opened, or the disk is full.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: np.dtype[Any], used: int = 0) -> None:
        self._path, self._row_shape, self._dtype = path, row_shape, dtype
        self._row_bytes = prod(row_shape) * dtype.itemsize
        self._used = used
        path.touch()
        self._file = path.open("r+b")
        self._map: NDArray[Any] | None = None
        self._header_bytes = self._write_header(0)
        room = (path.stat().st_size - self._header_bytes) // self._row_bytes
        if room < used:
            self._file.close()
            raise ValueError(f"{path.name} has {room} rows, not {used}")
        self._open(room)

    def __len__(self) -> int:
        return self._used

    def append(self, rows: NDArray[Any]) -> None:
        """Append (n, *row_shape) rows. Raises OSError if the disk is full."""
        end = self._used + len(rows)
        if self._map is None or end > len(self._map):
            room = 0 if self._map is None else len(self._map)
            self._open(max(end, 2 * room, FIRST_BYTES // self._row_bytes))
        assert self._map is not None
        self._map[self._used : end] = rows
        self._used = end

    def flush(self) -> None:
        """Write the rows to the disk. Raises OSError if that fails."""
        if isinstance(self._map, np.memmap):
            self._map.flush()

    def trim(self) -> None:
        """Cut the file to the rows that are used."""
        self.flush()
        self._map = None
        self._file.truncate(self._header_bytes + self._used * self._row_bytes)
        self._write_header(self._used)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; its rows are unchanged."""
        self._map = None
        self._file.close()

    def _open(self, room: int) -> None:
        self.flush()
        size = self._header_bytes + room * self._row_bytes
        # A page of a memory map that the disk has no room for ends the process, so that room is reserved
        # first.
        if size > self._path.stat().st_size:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file.fileno(), 0, size)
            else:
                self._file.truncate(size)
        self._write_header(room)
        self._map = npy.open_memmap(self._path, mode="r+")

    def _write_header(self, room: int) -> int:
        """Write the header for `room` rows; its length is the same for any number of rows."""
        header = {
            "descr": npy.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (room, *self._row_shape),
        }
        self._file.seek(0)
        npy.write_array_header_1_0(self._file, header)
        self._file.flush()
        return self._file.tell()
