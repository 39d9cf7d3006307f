"""Changed copies of files: bytes, and values of JSON."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    3,
    2**16,
    2**30,
    2**63,
    10**400,
    -(2**31),
    0.5,
    1e308,
    -1e-320,
    float("nan"),
    float("inf"),
    "",
    " ",
    "x" * 5000,
    "\x1b[31mred\n",
    "\ud800",
    "../../etc/passwd",
    [],
    [[]],
    {},
    [1, 2, 3, 4, 5, 6, 7, 8],
    ["a", "a"],
    {"a": 1},
    [[1.0] * 3] * 3,
)


def deep(levels: int) -> Any:
    values: Any = []
    for _ in range(levels):
        values = [values]
    return values


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, cut, repeated or left out."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # Headers decide what is read: half of the changes are near the beginning.
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 400)
        if end == 0:
            break
        at = rng.randrange(end)
        match rng.randrange(6):
            case 0 | 1:
                changed[at] = rng.randrange(256)
            case 2:
                changed[at] ^= 1 << rng.randrange(8)
            case 3:
                del changed[at : at + rng.choice((1, 4, 100))]
            case 4:
                changed[at:at] = changed[at : at + rng.choice((1, 8, 64))]
            case 5:
                changed[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
    if rng.random() < 0.1:
        del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def change_values(values: Any, rng: random.Random) -> Any:
    """A copy of JSON values in which some are replaced, left out, doubled or renamed."""
    changed = copy.deepcopy(values)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(changed))
        if not places:
            return rng.choice(ODD_VALUES)
        # A table's few fields would be lost among the numbers of its lists.
        parent, key = rng.choice([p for p in places if isinstance(p[0], dict)] or places)
        if rng.random() < 0.3:
            parent, key = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[f"{key}x"] = parent.pop(key)
            case 2 if isinstance(parent, list):
                parent.append(parent[key])
            case 3:
                parent[key] = rng.choice([parent[p] for p in _keys(parent)])
            case _:
                parent[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    return changed


def change_json(values: Any, rng: random.Random) -> bytes:
    """JSON text of changed values, now and then nested deeply or with changed bytes."""
    kind = rng.random()
    if kind < 0.05:
        return b"[" * 100_000 + b"]" * 100_000
    text = json.dumps(change_values(values, rng)).encode()
    if kind < 0.15:
        inner = json.dumps(deep(500)).encode()
        return text.replace(b"]", b"," + inner + b"]", 1)
    return change_bytes(text, rng) if kind < 0.4 else text


def _keys(parent: Any) -> list[Any]:
    return list(parent) if isinstance(parent, dict) else list(range(len(parent)))


def _places(values: Any) -> Any:
    if isinstance(values, dict | list):
        for key in _keys(values):
            yield values, key
            yield from _places(values[key])
