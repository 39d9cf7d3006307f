"""`.npz` archives that may be damaged or made to harm: bounded in size, with one kind of error."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

MAX_ARRAY_BYTES = 1 << 30
MAX_ARRAYS = 1_000_000
_NUMBERS = "iuf"


class NpzArchive:
    """An open archive of arrays of numbers. A context manager.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no archive, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        with _as_value_error(path):
            self._path = path
            self._zip = zipfile.ZipFile(path)
            infos = self._zip.infolist()
            if len(infos) > MAX_ARRAYS:
                raise ValueError(f"it has more than {MAX_ARRAYS} arrays")
            self._sizes = {info.filename: info.file_size for info in infos}
        self.names = frozenset(n.removesuffix(".npy") for n in self._sizes if n.endswith(".npy"))
        """Names of the arrays."""

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def numbers(self, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """An array of integers or floats.

        Args:
            name: of the array.
            shape: that it must have; None for a side of any length.

        Raises:
            ValueError: there is none of this name, of another shape or kind, or damaged.
        """
        member = f"{name}.npy"
        with _as_value_error(self._path):
            if self._sizes[member] > MAX_ARRAY_BYTES:
                raise ValueError(f"{name} is larger than {MAX_ARRAY_BYTES} bytes")
            with self._zip.open(member) as file:
                values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        if values.dtype.kind not in _NUMBERS:
            raise ValueError(f"{name} holds no numbers")
        fits = values.ndim == len(shape) and all(
            want in (None, have) for have, want in zip(values.shape, shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} has the shape {values.shape}")
        return values


@contextmanager
def _as_value_error(path: Path) -> Iterator[None]:
    """ValueError for whatever zipfile, zlib and numpy raise for bytes that they did not write."""
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"{path.name} is damaged") from error
