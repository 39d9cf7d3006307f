"""emolive reads expressed emotion from webcam and microphone together, live.

import emolive

for row in emolive.analyze("clip.mp4", fusion="ia"):
    print(row["t_s"], row["label"])

with emolive.Session(emolive.SessionConfig(source="0")) as session:
    session.subscribe(lambda estimate: print(estimate.label))
    ...
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emolive.errors import EmoliveError
    from emolive.file_analyzer import analyze
    from emolive.session.config import SessionConfig
    from emolive.session.session import Session
    from emolive.types import Estimate, Snapshot

__all__ = ["EmoliveError", "Estimate", "Session", "SessionConfig", "Snapshot", "analyze"]

# The window must be there before torch is: nothing is imported until somebody asks for it.
_HOMES = {
    "EmoliveError": "emolive.errors",
    "Estimate": "emolive.types",
    "Session": "emolive.session.session",
    "SessionConfig": "emolive.session.config",
    "Snapshot": "emolive.types",
    "analyze": "emolive.file_analyzer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
