"""Text from outside (names of files and devices, values in files) for terminals, windows and logs."""

from __future__ import annotations

import json
from typing import Any


def printable(text: str) -> str:
    """The text with control characters, line breaks and marks of direction escaped, as Python writes them.

    A name could otherwise move the cursor of a terminal, or show itself as another one.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_json(values: Any, indent: int | None = None) -> str:
    """JSON in which control characters within texts are escaped too; it reads as the same values."""
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]
