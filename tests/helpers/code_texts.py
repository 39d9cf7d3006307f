"""Texts that an expression of the code can have: read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from pathlib import Path

import emolive

ROOT = Path(emolive.__file__).parent
_in_progress: set[int] = set()
_MAX_TEXTS = 64
"""Of one expression; more are no sentences."""


@lru_cache(maxsize=1024)
def module_tree(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def literal(node: ast.expr) -> str | None:
    """The text of a literal; None for any other expression."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def templates(node: ast.expr, *scopes: ast.AST) -> Iterator[str]:
    """The texts that an expression can have, with {} for values that only running code knows.

    Args:
        node: an expression.
        scopes: where names are looked up: the function, then the module.
    """
    if id(node) in _in_progress:
        # A name that is assigned from itself, or a function that calls itself.
        return
    _in_progress.add(id(node))
    try:
        yield from filter(None, _templates(node, scopes))
    finally:
        _in_progress.discard(id(node))


def _templates(node: ast.expr, scopes: tuple[ast.AST, ...]) -> Iterator[str]:
    if (text := literal(node)) is not None:
        yield text
    elif isinstance(node, ast.JoinedStr):
        yield from _joined(node, scopes)
    elif isinstance(node, ast.IfExp):
        yield from templates(node.body, *scopes)
        yield from templates(node.orelse, *scopes)
    elif isinstance(node, ast.NamedExpr):
        yield from templates(node.value, *scopes)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        for value in _assigned(node.value.id, scopes):
            if isinstance(value, ast.Dict):
                for each in value.values:
                    yield from templates(each, *scopes)
    elif isinstance(node, ast.Name):
        for value in _assigned(node.id, scopes):
            yield from templates(value, *scopes)
        yield from _imported(node.id, scopes)
    elif isinstance(node, ast.Call):
        yield from _called(node, scopes)


def _joined(node: ast.JoinedStr, scopes: tuple[ast.AST, ...]) -> Iterator[str]:
    """Of an f-string; a name in it that the same function assigns texts to is filled with these."""
    parts: list[list[str]] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append([str(part.value)])
            continue
        assert isinstance(part, ast.FormattedValue)
        known: list[str] = []
        if isinstance(part.value, ast.Name):
            for value in _assigned(part.value.id, scopes[:1]):
                if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp):
                    known += templates(value, *scopes)
        parts.append(known or ["{}"])
    yield from sorted({"".join(texts) for texts in product(*parts)})[:_MAX_TEXTS]


def _called(node: ast.Call, scopes: tuple[ast.AST, ...]) -> Iterator[str]:
    """Of `text.format(...)`, and of a function of the module that returns a text."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        for text in templates(node.func.value, *scopes):
            yield _without_names(text)
    elif isinstance(node.func, ast.Name) and node.func.id != "tr":
        for scope in scopes[-1:]:
            for function in ast.walk(scope):
                if isinstance(function, ast.FunctionDef) and function.name == node.func.id:
                    for each in ast.walk(function):
                        if isinstance(each, ast.Return) and each.value is not None:
                            yield from templates(each.value, function, *scopes[-1:])
        yield from _imported(node.func.id, scopes)


def _without_names(text: str) -> str:
    while (start := text.find("{")) >= 0 and text[start : start + 2] != "{}":
        text = f"{text[:start]}\0{text[text.index('}', start) + 1 :]}"
    return text.replace("\0", "{}")


def _imported(name: str, scopes: tuple[ast.AST, ...]) -> Iterator[str]:
    """The texts of a constant or function that is imported from another module of emolive."""
    for node in ast.walk(scopes[-1]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emolive."):
            for alias in node.names:
                path = ROOT.parent.joinpath(*str(node.module).split(".")).with_suffix(".py")
                if (alias.asname or alias.name) == name and path.is_file():
                    module = module_tree(path)
                    for value in _assigned(alias.name, (module,)):
                        yield from templates(value, module)
                    call = ast.Call(ast.Name(alias.name), [], [])
                    if any(isinstance(f, ast.FunctionDef) and f.name == alias.name for f in module.body):
                        yield from _called(call, (module,))


def _assigned(name: str, scopes: tuple[ast.AST, ...]) -> Iterator[ast.expr]:
    for scope in scopes:
        # What other functions of a module assign is another name.
        for node in scope.body if isinstance(scope, ast.Module) else ast.walk(scope):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                targets = (node.target,)
            if isinstance(node, ast.NamedExpr):
                targets = (node.target,)
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                assert isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
                assert node.value is not None
                yield node.value
