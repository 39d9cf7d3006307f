"""The plug-ins of examples/, registered for as long as a test needs them."""

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
