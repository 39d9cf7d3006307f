"""Results of worker processes: their order, errors, early ends, and plug-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from emolive.errors import EmoliveError, MediaError
from emolive.plugins import isolated_plugins, load_plugin
from preprocessing.worker_pool import ITEMS_PER_WORKER, map_ordered


@dataclass(frozen=True)
class Square:
    """Builds a worker that squares numbers, fails at 7 and exits at 8."""

    log: Path

    def build(self) -> Callable[[int], int]:
        return self._square

    def _square(self, n: int) -> int:
        with self.log.open("a") as file:
            file.write(f"{n}\n")
        if n == 7:
            raise MediaError("Seven cannot be squared.")
        if n == 8:
            os._exit(1)
        return n * n


@pytest.mark.parametrize("workers", [0, 2])
def test_results_are_in_the_order_of_the_items(tmp_path: Path, workers: int) -> None:
    assert list(map_ordered(Square(tmp_path / "log"), range(6), workers)) == [0, 1, 4, 9, 16, 25]
    assert list(map_ordered(Square(tmp_path / "log"), [], workers)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_ends_the_run(tmp_path: Path, workers: int) -> None:
    with pytest.raises(MediaError, match="Seven cannot be squared"):
        list(map_ordered(Square(tmp_path / "log"), [1, 7, 2], workers))


def test_a_worker_that_dies_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="A worker process died"):
        list(map_ordered(Square(tmp_path / "log"), [1, 8, 2], 1))


@pytest.mark.parametrize("workers", [0, 1])
def test_items_are_not_started_after_the_end(tmp_path: Path, workers: int) -> None:
    with closing(map_ordered(Square(tmp_path / "log"), range(100, 200), workers)) as results:
        assert next(results) == 10_000
    started = (tmp_path / "log").read_text().split()
    assert 1 <= len(started) <= 1 + ITEMS_PER_WORKER


PLUGIN = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Factory:
    offset: int

    def build(self):
        return lambda n: n + self.offset
"""


def test_workers_load_the_plugins(tmp_path: Path) -> None:
    path = tmp_path / "offsets.py"
    path.write_text(PLUGIN)
    with isolated_plugins():
        load_plugin(path)
        (module,) = (m for name, m in sys.modules.items() if name.endswith("_offsets"))
        assert list(map_ordered(module.Factory(10), [1, 2], 1)) == [11, 12]
