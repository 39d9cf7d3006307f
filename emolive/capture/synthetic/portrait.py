"""The parts of the drawn face that never change: background, body, head, painted once.

Skin is lit as a surface: a height over the picture gives normals, and these the shade.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.capture.synthetic.anatomy import Points, mirror, moved, smooth
from emolive.types import Image

WIDTH, HEIGHT = 640, 480
UNIT_PX = 128.0
"""Distance between the outer corners of the eyes."""
ORIGIN_PX = (320.0, 206.0)
"""The point between the eyes in the picture."""
HEAD_BOX = (-150, -196, 150, 214)
"""Left, top, right, bottom of the painted head, in pixels from the origin."""

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

SKIN: Colour = (158, 188, 232)
_HAIR: Colour = (38, 52, 82)
_SWEATER: Colour = (122, 104, 58)

_JAW = np.array(
    [(-0.80, -0.30), (-0.80, 0.03), (-0.785, 0.24), (-0.755, 0.45), (-0.71, 0.66), (-0.64, 0.86),
     (-0.52, 1.04), (-0.37, 1.19), (-0.20, 1.295)]
)  # fmt: skip
_CROWN = np.array([(0.0, -1.06), (-0.42, -0.98), (-0.70, -0.72)])
_HAIR_OUTER = np.array(
    [(-0.82, 0.00), (-0.90, -0.18), (-0.95, -0.50), (-0.90, -0.85), (-0.72, -1.16), (-0.40, -1.37),
     (0.0, -1.43), (0.42, -1.38), (0.74, -1.14), (0.91, -0.83), (0.95, -0.50), (0.90, -0.18), (0.82, 0.00)]
)  # fmt: skip
_HAIR_INNER = np.array(
    [(0.785, -0.08), (0.780, -0.30), (0.745, -0.52), (0.66, -0.70), (0.52, -0.80), (0.38, -0.80),
     (0.15, -0.74), (-0.15, -0.70), (-0.42, -0.69), (-0.62, -0.63), (-0.74, -0.46), (-0.785, -0.25),
     (-0.790, -0.08)]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Portrait:
    """Painted layers."""

    background: Image
    """(480, 640, 3) with neck and shoulders."""
    head: Image
    """(410, 300, 4) colour times coverage, and coverage; `HEAD_BOX` says where."""


def face_outline() -> Points:
    """The skin's closed contour, in units."""
    left = np.concatenate([_CROWN[:0:-1][::-1], _JAW])
    return smooth(np.concatenate([_CROWN[:1], left, [(0.0, 1.335)], mirror(left)[::-1], _CROWN[:1]]), 8)


@lru_cache(maxsize=2)
def paint(seed: int = 0) -> Portrait:
    """Paint the layers; takes a fraction of a second. The seed moves single hairs.

    Every caller gets the same arrays: copy before you draw on them.
    """
    rng = np.random.default_rng([seed, 20])
    return Portrait(_background(), _head(rng))


class _Canvas:
    """A picture in floats, in pixels from an origin, `scale` times as fine."""

    def __init__(self, left: float, top: float, right: float, bottom: float, scale: float = 1.0) -> None:
        self.scale = scale
        self.origin = np.array([left, top])
        shape = round((bottom - top) * self.scale), round((right - left) * self.scale)
        self.colour = np.zeros((*shape, 3), np.float32)
        self.alpha = np.zeros(shape, np.float32)
        rows, columns = np.indices(shape, dtype=np.float32)
        self.x = (columns + 0.5) / self.scale + left
        self.y = (rows + 0.5) / self.scale + top

    def mask(self, points: Points, blur_px: float = 0.0) -> Floats:
        """(rows, columns) 0..1 of a polygon in pixels from the origin."""
        mask = np.zeros(self.alpha.shape, np.uint8)
        fixed = np.round(((points - self.origin) * self.scale - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
        soft: Floats = (mask / 255.0).astype(np.float32)
        return blurred(soft, blur_px * self.scale) if blur_px else soft

    def lay(self, colour: Floats | Colour, mask: Floats, opaque: bool = True) -> None:
        """Paint over what is there; not `opaque`: only where something is."""
        self.colour += (np.asarray(colour, np.float32) - self.colour) * mask[..., None]
        if opaque:
            self.alpha += (1.0 - self.alpha) * mask


def blurred(mask: Floats, sigma: float) -> Floats:
    """Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.float32)


def _background() -> Image:
    canvas = _Canvas(0, 0, WIDTH, HEIGHT)
    x, y = canvas.x / WIDTH, canvas.y / HEIGHT
    glow = np.exp(-(((x - 0.36) / 0.55) ** 2 + ((y - 0.30) / 0.65) ** 2))[..., None]
    wall = np.array([150, 138, 124], np.float32) * (1 - glow) + np.array([214, 206, 196], np.float32) * glow
    canvas.lay(wall, np.ones_like(canvas.alpha))
    for cx, cy, radius, light in ((95, 110, 46, 12), (560, 92, 62, 10), (585, 330, 38, 8), (48, 330, 58, 7)):
        spot = np.clip(radius - np.hypot(canvas.x - cx, canvas.y - cy), 0, 6) / 6
        canvas.colour += (light * blurred(spot.astype(np.float32), 5.0))[..., None]

    origin = np.array(ORIGIN_PX)
    # The body throws a soft shadow on the wall; it lifts the head off the background.
    shadow = canvas.mask(moved(_body() * UNIT_PX + origin, 16, 10), 22) * 0.35
    canvas.lay((96, 84, 74), shadow)
    head_shadow = canvas.mask(moved(smooth(_HAIR_OUTER) * UNIT_PX + origin, 12, 22), 20) * 0.25
    canvas.lay((96, 84, 74), head_shadow)
    _paint_neck(canvas, origin)
    _paint_sweater(canvas, origin)
    return np.clip(canvas.colour, 0, 255).astype(np.uint8)


def _body() -> Points:
    left = np.array(
        [(-2.05, 2.40), (-1.95, 2.05), (-1.70, 1.86), (-1.20, 1.74), (-0.72, 1.62), (-0.47, 1.48)]
    )
    return smooth(np.concatenate([left, mirror(left)[::-1]]), 8)


def _paint_neck(canvas: _Canvas, origin: Points) -> None:
    left = np.array([(-0.62, 2.3), (-0.56, 1.66), (-0.49, 1.40), (-0.47, 1.10), (-0.47, 0.60)])
    neck = smooth(np.concatenate([left, mirror(left)[::-1]]), 8) * UNIT_PX + origin
    across = (canvas.x - origin[0]) / UNIT_PX
    down = (canvas.y - origin[1]) / UNIT_PX
    light = 0.86 - 0.16 * (across + 0.1) / 0.5 - 0.55 * np.clip(np.abs(across) - 0.25, 0, 1)
    # The chin's shadow: dark under the jaw, so that its line is seen.
    light -= 0.30 * np.exp(-(((down - 1.26) / 0.26) ** 2)) * np.exp(-(((across - 0.06) / 0.5) ** 2))
    canvas.lay(_lit(np.clip(light, 0.3, 1.1)), canvas.mask(neck, 0.4))


def _paint_sweater(canvas: _Canvas, origin: Points) -> None:
    across = (canvas.x - origin[0]) / UNIT_PX
    down = (canvas.y - origin[1]) / UNIT_PX
    body = canvas.mask(_body() * UNIT_PX + origin, 0.4)
    collar = np.array([(-0.60, 1.50), (-0.50, 1.66), (-0.28, 1.80), (0.0, 1.85)])
    hole = smooth(np.concatenate([collar, mirror(collar)[-2::-1], [(0.6, 1.0), (-0.6, 1.0), collar[0]]]), 8)
    opening = canvas.mask(hole * UNIT_PX + origin, 0.4)
    light = 1.0 - 0.16 * across - 0.20 * (down - 1.7) + 0.05 * np.sin(across * 90)
    light *= 1 - 0.30 * np.exp(-(((np.abs(across) - 0.95 - 0.25 * (down - 1.7)) / 0.10) ** 2)) * (down > 1.7)
    rib = canvas.mask(moved(hole * [1.16, 1.0] * UNIT_PX + origin, 0, 13), 0.4)
    light = np.where(rib > 0.5, light * (0.82 + 0.06 * np.sin(across * 150)), light)
    knit = light[..., None] * np.array(_SWEATER, np.float32)
    canvas.lay(knit.astype(np.float32), body * (1 - opening))
    edge = blurred(opening, 6) * (1 - opening) * body
    canvas.lay((60, 48, 26), (0.6 * edge).astype(np.float32))


def _lit(light: Floats | NDArray[np.float64]) -> Floats:
    """(rows, columns, 3) skin under `light` (1 is full); shadows turn warm, as skin's do."""
    shade = np.stack([light**1.30, light**1.12, light**0.88], axis=-1)
    colour: Floats = np.clip(shade * np.array(SKIN, np.float32), 0, 255).astype(np.float32)
    return colour


def _relief(x: Floats, y: Floats) -> Floats:
    """Height of the face over the picture, all in units."""

    def bump(cx: float, cy: float, wx: float, wy: float, height: float) -> Floats:
        side = np.abs(x) if cx else x
        return np.asarray(height * np.exp(-(((side - cx) / wx) ** 2) - ((y - cy) / wy) ** 2), np.float32)

    dome = 0.95 * np.sqrt(np.clip(1.0 - (x / 0.98) ** 2 - ((y - 0.12) / 1.50) ** 2, 0.02, 1))
    bridge = 1 / (1 + np.exp(-(y - 0.13) / 0.085)) / (1 + np.exp((y - 0.475) / 0.030))
    ridge = 0.140 * np.exp(-((x / 0.120) ** 2)) * bridge
    height: Floats = (
        dome
        + ridge
        + bump(0, 0.415, 0.085, 0.07, 0.055)
        + bump(0.118, 0.455, 0.050, 0.05, 0.042)
        + bump(0.36, -0.18, 0.26, 0.10, 0.026)
        - bump(0.345, 0.0, 0.20, 0.11, 0.068)
        + bump(0.47, 0.36, 0.22, 0.20, 0.050)
        + bump(0, 0.79, 0.27, 0.16, 0.050)
        - bump(0, 0.985, 0.18, 0.05, 0.020)
        + bump(0, 1.15, 0.17, 0.13, 0.055)
        - bump(0, 0.615, 0.030, 0.06, 0.010)
    )
    return height


def _head(rng: np.random.Generator) -> Image:
    canvas = _Canvas(*HEAD_BOX, scale=2.0)
    x, y = canvas.x / UNIT_PX, canvas.y / UNIT_PX
    back = smooth(_HAIR_OUTER) * UNIT_PX
    canvas.lay(tuple(0.55 * value for value in _HAIR), canvas.mask(back))  # type: ignore[arg-type]

    for side in (-1.0, 1.0):
        angle = np.linspace(0, 2 * np.pi, 40)
        ear = np.stack([side * (0.835 + 0.085 * np.cos(angle)), 0.12 + 0.20 * np.sin(angle)], axis=1)
        canvas.lay(_lit((0.80 - 0.08 * side) * np.ones_like(x)), canvas.mask(ear * UNIT_PX))
        inner = np.stack([side * (0.845 + 0.045 * np.cos(angle)), 0.11 + 0.13 * np.sin(angle)], axis=1)
        canvas.lay(_lit(0.58 * np.ones_like(x)), 0.8 * canvas.mask(inner * UNIT_PX, 1.6), opaque=False)

    height = blurred(_relief(x, y), 2.5) * UNIT_PX * canvas.scale
    slope_y, slope_x = np.gradient(height)
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    light = np.array([-0.38, -0.50, 0.78])
    lambert = (-slope_x * light[0] - slope_y * light[1] + light[2]) / length
    shade = 0.50 + 0.56 * np.clip(lambert, -0.2, 1.0)
    shine = 20.0 * np.clip(lambert, 0, 1) ** 14
    skin = _lit(shade) + shine[..., None].astype(np.float32)
    blush = np.exp(-(((np.abs(x) - 0.47) / 0.20) ** 2) - ((y - 0.42) / 0.17) ** 2)[..., None]
    skin += blush.astype(np.float32) * np.array([-8, -11, 3], np.float32)
    canvas.lay(np.clip(skin, 0, 255), canvas.mask(face_outline() * UNIT_PX, 0.5))

    _paint_nose(canvas)
    _paint_hair(canvas, rng)
    full = np.dstack([canvas.colour * canvas.alpha[..., None], canvas.alpha * 255])
    size = HEAD_BOX[2] - HEAD_BOX[0], HEAD_BOX[3] - HEAD_BOX[1]
    small = cv2.resize(np.clip(full, 0, 255), size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.astype(np.uint8))


def _paint_nose(canvas: _Canvas) -> None:
    for side in (-1.0, 1.0):
        nostril = np.array([(0.035, 0.505), (0.065, 0.488), (0.105, 0.492), (0.115, 0.508), (0.075, 0.520)])
        points = smooth(np.concatenate([nostril, nostril[:1]]), 5) * [side, 1.0] * UNIT_PX
        canvas.lay((36, 42, 88), 0.9 * canvas.mask(points, 1.0), opaque=False)
        wing = np.array(
            [(0.115, 0.400), (0.160, 0.440), (0.166, 0.485), (0.128, 0.515), (0.150, 0.480), (0.144, 0.440)]
        )
        points = smooth(np.concatenate([wing, wing[:1]]), 5) * [side, 1.0] * UNIT_PX
        canvas.lay((92, 112, 172), 0.55 * canvas.mask(points, 1.4), opaque=False)
    under = np.array([(-0.13, 0.52), (0.0, 0.535), (0.13, 0.52), (0.07, 0.575), (0.0, 0.59), (-0.07, 0.575)])
    canvas.lay((104, 126, 184), 0.30 * canvas.mask(under * UNIT_PX, 3.0), opaque=False)


def _paint_hair(canvas: _Canvas, rng: np.random.Generator) -> None:
    outline = np.concatenate([smooth(_HAIR_OUTER), smooth(_HAIR_INNER)]) * UNIT_PX
    solid = canvas.mask(outline)
    # The fringe's shadow on the forehead first, then the hair over it.
    shadow = canvas.mask(moved(outline, 2.0, 7.0), 4.0) * 0.42
    canvas.lay((84, 104, 156), shadow * (canvas.alpha > 0.5) * (1 - solid), opaque=False)
    x, y = canvas.x / UNIT_PX, canvas.y / UNIT_PX
    light = (
        0.95 + 0.75 * np.exp(-(((x + 0.30) / 0.38) ** 2) - ((y + 1.02) / 0.20) ** 2) - 0.25 * np.clip(x, 0, 1)
    )
    canvas.lay((light[..., None] * np.array(_HAIR, np.float32)).astype(np.float32), solid)

    strands = np.zeros((*canvas.alpha.shape, 3), np.float32)
    part = np.array([0.42, -1.10])
    for _ in range(420):
        end_x = rng.uniform(-0.92, 0.92)
        side = -1.0 if end_x < part[0] else 1.0
        end = np.array([end_x, rng.uniform(-0.75, 0.0) if abs(end_x) > 0.72 else rng.uniform(-0.86, -0.58)])
        start = part + rng.normal(0, (0.16, 0.05)) + (side * 0.05, -0.18 * rng.random())
        bulge = (start + end) / 2 + (side * 0.14, -0.20 + rng.normal(0, 0.05))
        t = np.linspace(0, 1, 16)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bulge + t**2 * end
        fixed = np.round((curve * UNIT_PX - canvas.origin) * canvas.scale * 16).astype(np.int32)
        tone = rng.normal(0, 1)
        colour = (14 * tone, 18 * tone, 26 * tone)
        cv2.polylines(strands, [fixed], False, colour, int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    canvas.colour += (
        cv2.GaussianBlur(strands, (0, 0), 0.8) * solid[..., None] * np.clip(light, 0.5, 1.6)[..., None]
    )
