"""What the code can report as a status: read from its source, so that nothing is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.code_texts import ROOT, literal, module_tree, templates

MAKERS = ("Status", "replace_good", "_report")
"""Called with source, level, code and text; the last one, of capture's sources, without the source."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A place that makes a status; None for what only running code knows."""

    where: str
    source: str | None
    code: str | None
    templates: tuple[str, ...]
    """Its possible sentences, values as {placeholders}; empty for those of errors."""


def reported() -> Iterator[Reported]:
    """Every place that makes a status, with what it can say."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = module_tree(path)
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef):
                yield from _in_function(path, tree, scope)


def _in_function(path: Path, module: ast.Module, function: ast.FunctionDef) -> Iterator[Reported]:
    for call in ast.walk(function):
        name = getattr(call.func, "id", getattr(call.func, "attr", "")) if isinstance(call, ast.Call) else ""
        if name not in MAKERS or not isinstance(call, ast.Call) or len(call.args) not in (3, 4):
            continue
        code, text = call.args[-2:]
        source = call.args[0] if len(call.args) == 4 else ast.Constant(None)
        yield Reported(
            f"{path.relative_to(ROOT)}:{call.lineno}",
            literal(source),
            literal(code),
            tuple(templates(text, function, module)),
        )
