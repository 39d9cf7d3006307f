"""The base classes of result sinks."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from emolive.atomic_io import atomic_text_file
from emolive.types import Estimate


class ResultSink(ABC):
    """Writes estimates. A context manager; `write` is called inside it, from one thread.

    A sink's constructor has one argument, the target: the output that the user named, or None.
    """

    def __enter__(self) -> Self:
        """Open the target.

        Raises:
            OutputError: it cannot be opened.
        """
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Close the target. After an error an unfinished file is discarded."""
        return None

    @abstractmethod
    def write(self, estimate: Estimate) -> None:
        """Write one estimate. `Estimate.to_dict` gives it as plain values.

        Raises:
            OSError: it cannot be written.
        """


class TextSink(ResultSink):
    """Base class of sinks that write text.

    Args:
        target: a file, which is replaced when it is complete; an open text stream, which stays open; or None
            for standard output.
    """

    def __init__(self, target: Path | TextIO | None = None) -> None:
        self._target = target
        self._stack = ExitStack()
        self.out: TextIO = sys.stdout if target is None or isinstance(target, Path) else target
        """Where to write."""

    def __enter__(self) -> Self:
        if isinstance(self._target, Path):
            self.out = self._stack.enter_context(atomic_text_file(self._target))
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._stack.__exit__(error_type, error, traceback)
