"""Images that carry a number, which survives scaling and lossy codecs."""

from __future__ import annotations

import numpy as np

from emolive.types import Image


def numbered_image(number: int, width: int = 320, height: int = 240) -> Image:
    """An image with a number (mod 256) as eight black or white columns."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(8):
        image[:, bit * width // 8 : (bit + 1) * width // 8] = 255 if number >> bit & 1 else 0
    return image


def number_of(image: Image) -> int:
    """The number (0..255) of a `numbered_image` at any size."""
    width = image.shape[1]
    middles = [image[:, (2 * bit + 1) * width // 16].mean() > 128 for bit in range(8)]
    return sum(bright << bit for bit, bright in enumerate(middles))
