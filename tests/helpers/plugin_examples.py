"""Registers the plug-ins of examples/ for the duration of a test."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.registry import Registry

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def registered_example(file: str, registry: Registry, name: str) -> Iterator[None]:
    """Run an example, which registers `name`, and remove the entry afterwards."""
    runpy.run_path(str(EXAMPLES / file))
    try:
        yield
    finally:
        registry.unregister(name)
