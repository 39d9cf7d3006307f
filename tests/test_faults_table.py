"""The tables of docs/faults.md name tests that exist, forty faults and ten kinds."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]] for line in TEXT.splitlines() if line.startswith("| ")
]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def names_of_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_named_test_exists():
    named = NAMED.findall(TEXT)
    assert len(named) > 80
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (TESTS / file).is_file() or test not in names_of_tests(TESTS / file)
    ]
    assert not missing


def test_there_are_forty_faults_and_ten_kinds_each_with_a_test():
    numbered = [row for row in ROWS if row[0].isdigit()]
    assert [int(row[0]) for row in numbered] == [*range(1, 41), *range(1, 11)]
    assert all(len(row) == 4 and NAMED.search(row[3]) for row in numbered)
