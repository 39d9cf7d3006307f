"""What the code can raise as an error for the user: read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from emolive import errors
from tests.helpers.code_texts import ROOT, module_tree, templates

NAMES = {name for name, value in vars(errors).items() if isinstance(value, type)}
OTHER_MAKERS = {"NativeThread": 1}
"""Calls that are given the sentence of an error, and which argument it is."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A place that makes an error."""

    where: str
    expression: str
    """The code of its sentence."""
    templates: tuple[str, ...]
    """Its possible sentences, values as {}; empty if only running code knows them."""


def raised(but: tuple[str, ...]) -> Iterator[Raised]:
    """Every place that makes an error.

    Args:
        but: folders and files of emolive that are left out.
    """
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(but):
            continue
        tree = module_tree(path)
        seen: set[int] = set()
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        # Outer functions first, because inner ones use their names.
        for scope in (*functions, tree):
            for call in ast.walk(scope):
                if not isinstance(call, ast.Call) or id(call) in seen:
                    continue
                maker = getattr(call.func, "id", "")
                index = 0 if maker in NAMES else OTHER_MAKERS.get(maker)
                if index is not None and len(call.args) > index:
                    seen.add(id(call))
                    text = call.args[index]
                    yield Raised(
                        f"{name}:{call.lineno}", ast.unparse(text), tuple(templates(text, scope, tree))
                    )
