"""What the code can report as a status: read from its source, so that nothing is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import emolive

MAKERS = ("Status", "replace_good", "_report")
"""Called with source, level, code and text; the last one, of capture's sources, without the source."""
ROOT = Path(emolive.__file__).parent


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
        tree = ast.parse(path.read_text(encoding="utf-8"))
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
            _literal(source),
            _literal(code),
            tuple(_templates(text, function, module)),
        )


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _templates(node: ast.expr, *scopes: ast.AST) -> Iterator[str]:
    """The texts that an expression can have; names are looked up in the function, then in the module."""
    if (text := _literal(node)) is not None:
        yield text
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        yield "".join(map(str, parts))
    elif isinstance(node, ast.IfExp):
        yield from _templates(node.body, *scopes)
        yield from _templates(node.orelse, *scopes)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        for value in _assigned(node.value.id, scopes):
            if isinstance(value, ast.Dict):
                for each in value.values:
                    yield from _templates(each, *scopes)
    elif isinstance(node, ast.Name):
        for value in _assigned(node.id, scopes):
            yield from _templates(value, *scopes)


def _assigned(name: str, scopes: tuple[ast.AST, ...]) -> Iterator[ast.expr]:
    for scope in scopes:
        for node in ast.walk(scope):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                targets = (node.target,)
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                assert node.value is not None
                yield node.value
