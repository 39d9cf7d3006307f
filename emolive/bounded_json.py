"""JSON of files that may be damaged or made to harm: bounded in size and depth, with one kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MAX_BYTES = 16 << 20
MAX_DEPTH = 64


def parse(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """The values in a JSON text.

    Args:
        text: of at most `max_bytes` characters or bytes.
        max_bytes: more are refused before they are read.

    Raises:
        ValueError: it is too long, nested deeper than MAX_DEPTH, no UTF-8 or no JSON.
    """
    if len(text) > max_bytes:
        raise ValueError(f"it is longer than {max_bytes} bytes")
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_depth(values)
    return values


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """The values in a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: as for `parse`.
    """
    with path.open("rb") as file:
        return parse(file.read(max_bytes + 1), max_bytes=max_bytes)


def _check_depth(values: Any) -> None:
    level = [values]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")
