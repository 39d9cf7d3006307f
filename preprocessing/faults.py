"""The one place that turns a fault of a file into a sentence.

A damaged file may raise anything in the library that reads it: `zlib.error`, a `KeyError` from an index that
was flipped, a `MemoryError` from a length that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.capture.media_reader import OnCorruption
from emolive.errors import EmoliveError, MediaError


@contextmanager
def reading(path: Path, kind: str = "a file") -> Iterator[None]:
    """Raise what goes wrong while `path` is read as a MediaError of one sentence.

    Args:
        path: the file or folder that the body reads, and nothing else.
        kind: what it should be, with its article: "an .npz file".

    Raises:
        MediaError: the file is missing, cannot be opened, or is damaged. An EmoliveError of the body passes.
    """
    try:
        yield
    except EmoliveError:
        raise
    except FileNotFoundError as error:
        raise MediaError(f"There is no file {path}: check the path.") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder, not {kind}: check the path.") from error
    except PermissionError as error:
        raise MediaError(f"{path} cannot be read: you have no permission to open it.") from error
    except Exception as error:
        raise MediaError(f"{path} cannot be read: it is damaged or not {kind}.") from error


@contextmanager
def whole_file() -> Iterator[OnCorruption]:
    """A context for reading a clip that may not be used in part, as if it were whole.

    Yields:
        What `emolive.capture.decode.iter_media` calls for corrupt data, perhaps from another thread.

    Raises:
        MediaError: it was called.
    """
    sentences: list[str] = []
    yield sentences.append
    if sentences:
        # The remark on how a player goes on does not hold here.
        raise MediaError(f"{sentences[0].partition(':')[0].removesuffix('.')}.")
