"""Damages the bytes of a file in the ways that downloads, disks and editors do."""

from __future__ import annotations

import random
from collections.abc import Iterator


def damaged(content: bytes, n: int, seed: int = 0) -> Iterator[bytes]:
    """Nothing; `n` damaged copies: cut, with flipped bytes, with a block of zeros, doubled in the middle."""
    rng = random.Random(seed)
    yield b""
    for i in range(n):
        at = rng.randrange(len(content)) if i % 2 else min(len(content) - 1, int(rng.expovariate(1 / 60)))
        if i % 4 == 0:
            yield content[:at]
        elif i % 4 == 1:
            changed = bytearray(content)
            for _ in range(rng.choice((1, 1, 8))):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            yield bytes(changed)
        elif i % 4 == 2:
            changed = bytearray(content)
            changed[at] ^= 1 << rng.randrange(8)
            changed[-1 - at] ^= 1 << rng.randrange(8)
            yield bytes(changed)
        else:
            size = rng.choice((4, 64, 512))
            yield content[:at] + bytes(len(content[at : at + size])) + content[at + size :]
