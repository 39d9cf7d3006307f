"""The moving features of the drawn face: brows, eyes, lips, folds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.capture.synthetic import anatomy
from emolive.capture.synthetic.anatomy import Points, mirror, moved, smooth
from emolive.capture.synthetic.expression import ActionUnits
from emolive.types import Image

Colour = tuple[int, int, int]

_SHADOW: Colour = (84, 104, 160)
_LINE: Colour = (62, 78, 128)
_LASH: Colour = (26, 28, 40)
_BROW: Colour = (28, 38, 60)
_WHITE: Colour = (236, 240, 242)
_IRIS: Colour = (92, 112, 70)
_UPPER_LIP: Colour = (100, 104, 174)
_LOWER_LIP: Colour = (124, 128, 204)
_MOUTH: Colour = (26, 22, 58)
_TONGUE: Colour = (92, 84, 172)
_TEETH: Colour = (226, 234, 238)


class Canvas:
    """Draws smooth shapes, given in units of the face, on a picture that it changes."""

    def __init__(self, picture: Image, place: Callable[[Points], Points], unit_px: float) -> None:
        self.picture = picture
        self._place = place
        self.unit_px = unit_px

    def fixed(self, points: Points) -> NDArray[np.int32]:
        """Pixels times 16, for OpenCV's `shift=4`."""
        return np.round(self._place(points) * 16).astype(np.int32)

    def fill(self, points: Points, colour: Colour) -> None:
        cv2.fillPoly(self.picture, [self.fixed(points)], colour, cv2.LINE_AA, 4)

    def line(self, points: Points, colour: Colour, width: float) -> None:
        """`width` in units of the face."""
        thickness = max(1, round(width * self.unit_px))
        cv2.polylines(self.picture, [self.fixed(points)], False, colour, thickness, cv2.LINE_AA, 4)

    def soft(self, points: Points, colour: Colour, opacity: float, blur: float) -> None:
        """A filled shape with a blurred edge; `blur` in units of the face."""
        self._blend([self.fixed(points)], colour, opacity, blur, 0)

    def soft_lines(
        self, lines: list[Points], colour: Colour, opacity: float, width: float, blur: float
    ) -> None:
        """Blurred strokes; `width` and `blur` in units of the face."""
        thickness = max(1, round(width * self.unit_px))
        self._blend([self.fixed(line) for line in lines], colour, opacity, blur, thickness)

    def _blend(
        self, shapes: list[NDArray[np.int32]], colour: Colour, opacity: float, blur: float, thickness: int
    ) -> None:
        if opacity < 0.02:
            return
        every = np.concatenate(shapes)
        size = max(1, round(blur * self.unit_px)) | 1
        margin = size * 2 + thickness
        low = np.maximum(every.min(axis=0) // 16 - margin, 0)
        high = np.minimum(every.max(axis=0) // 16 + margin, np.array(self.picture.shape[1::-1]) - 1)
        if (high <= low).any():
            return
        part = self.picture[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(part.shape[:2], np.uint8)
        moved = [shape - low * 16 for shape in shapes]
        amount = min(255, round(255 * opacity))
        if thickness:
            cv2.polylines(mask, moved, False, amount, thickness, cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(mask, moved, amount, cv2.LINE_AA, 4)
        blurred = cv2.blur(cv2.blur(mask, (size, size)), (size, size))
        paste(part, colour, np.asarray(blurred, np.uint8))


def paste(part: Image, colour: Colour | Image, mask: NDArray[np.uint8]) -> None:
    """Mix a colour or a picture into `part` by a mask of 0..255."""
    weight = cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR)
    if isinstance(colour, tuple):
        over = np.empty_like(part)
        over[:] = colour
    else:
        over = colour
    cv2.add(
        cv2.multiply(part, 255 - weight, scale=1 / 255), cv2.multiply(over, weight, scale=1 / 255), dst=part
    )


def draw_details(
    canvas: Canvas, units: ActionUnits, gaze_x: float, motion: Points, folds: ActionUnits
) -> None:
    """All that moves, from the deepest layer up; arguments as for `FaceRenderer.draw`."""
    _folds(canvas, folds, motion)
    for side in (False, True):
        _eye(canvas, units, side, -gaze_x if side else gaze_x, motion)
        _brow(canvas, units, side, motion)
    _mouth(canvas, units, motion)


def _turned(points: Points, side: bool) -> Points:
    return mirror(points) if side else points


def _both(points: Points) -> list[Points]:
    return [points, mirror(points)]


def _folds(canvas: Canvas, units: ActionUnits, motion: Points) -> None:
    smile = units.lip_corner_puller
    sneer = max(units.nose_wrinkler, units.upper_lip_raiser)
    fold = smooth(
        np.array(
            [
                (-0.165, 0.42 - 0.02 * sneer),
                (-0.235 - 0.02 * smile, 0.53),
                (-0.315 - 0.065 * smile, 0.68 - 0.03 * smile),
                (-0.345 - 0.075 * smile, 0.79 - 0.03 * smile),
            ]
        )
    )
    depth = (
        0.20 + 0.45 * smile + 0.45 * sneer + 0.15 * units.lip_stretcher + 0.15 * units.lip_corner_depressor
    )
    fold = fold + np.linspace(0, 1, len(fold))[:, None] * (motion[48] * [0.6, 0.5])
    canvas.soft_lines(_both(fold), _SHADOW, min(depth, 0.85), 0.030, 0.028)

    lift = 0.04 * max(units.cheek_raiser, smile)
    bag = smooth(np.array([(-0.46, 0.085 - 0.4 * lift), (-0.36, 0.115 - lift), (-0.25, 0.10 - lift)]))
    depth = 0.22 + 0.35 * units.cheek_raiser + 0.25 * units.lid_tightener
    canvas.soft_lines(_both(bag), _SHADOW, depth, 0.020, 0.022)
    if units.cheek_raiser > 0.3:
        feet = [
            np.array([(-0.545, y), (-0.61, y + dy)]) for y, dy in ((-0.01, -0.03), (0.02, 0.01), (0.05, 0.05))
        ]
        both = [side for foot in feet for side in _both(foot)]
        canvas.soft_lines(both, _SHADOW, 0.7 * (units.cheek_raiser - 0.3), 0.010, 0.008)

    raised = max(units.inner_brow_raiser, units.outer_brow_raiser)
    if raised > 0.2:
        half = 0.18 + 0.26 * units.outer_brow_raiser
        across = np.linspace(-half, half, 12)
        waves = [
            np.stack([across, y + 0.012 * np.cos(across * 9) - 0.03 * (1 - units.outer_brow_raiser)], axis=1)
            for y in (-0.42, -0.48)
        ]
        canvas.soft_lines(waves, _SHADOW, 0.42 * (raised - 0.2), 0.016, 0.012)
    frown = max(units.brow_lowerer, 0.8 * units.nose_wrinkler)
    if frown > 0.1:
        furrow = smooth(np.array([(-0.055, -0.29), (-0.045, -0.22), (-0.06, -0.13)]))
        canvas.soft_lines(_both(moved(furrow, 0.0, motion[21, 1])), _SHADOW, 0.75 * frown, 0.016, 0.012)
    if units.nose_wrinkler > 0.1:
        lines = [
            smooth(np.array([(-0.085, y + 0.02), (0.0, y), (0.085, y + 0.02)])) for y in (-0.03, 0.03)
        ] + _both(smooth(np.array([(-0.07, 0.10), (-0.10, 0.17), (-0.16, 0.21)])))
        canvas.soft_lines(lines, _SHADOW, 0.6 * units.nose_wrinkler, 0.014, 0.010)


def _brow(canvas: Canvas, units: ActionUnits, side: bool, motion: Points) -> None:
    spine, half = anatomy.brow(units, motion)
    along = np.gradient(spine, axis=0)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    offset = normal * half[:, None]
    outline = np.concatenate([spine + offset, (spine - offset)[::-1]])
    canvas.soft(_turned(outline, side), _BROW, 0.80, 0.014)
    # Single hairs: they lean outwards, and stand upright at the inner end.
    index = np.arange(1, len(spine) - 1)
    root = spine[index] - 0.85 * offset[index]
    tip = (
        spine[index]
        + 1.12 * offset[index]
        - 0.060 * along[index] / np.linalg.norm(along[index], axis=1, keepdims=True)
    )
    hairs = list(canvas.fixed(_turned(np.stack([root, tip], axis=1), side)))
    cv2.polylines(canvas.picture, hairs, False, (26, 34, 54), 1, cv2.LINE_AA, 4)


def _eye(canvas: Canvas, units: ActionUnits, side: bool, gaze_x: float, motion: Points) -> None:
    eye = anatomy.eye(units, gaze_x, motion)
    upper, lower = _turned(eye.upper, side), _turned(eye.lower, side)
    crease = _turned(eye.crease, side)
    canvas.soft(
        np.concatenate([crease, upper[::-1]]), _SHADOW, 0.30 * (1.0 - 0.6 * units.upper_lid_raiser), 0.026
    )
    canvas.soft_lines([crease], _LINE, 0.60 - 0.25 * units.upper_lid_raiser, 0.012, 0.010)

    opening = np.concatenate([upper, lower[::-1]])
    fixed = canvas.fixed(opening)
    low = np.maximum(fixed.min(axis=0) // 16 - 4, 0)
    high = fixed.max(axis=0) // 16 + 5
    part = canvas.picture[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [fixed - low * 16], 255, cv2.LINE_AA, 4)
    ball = np.empty_like(part)
    ball[:] = _WHITE
    self_pen = Canvas(ball, lambda points: canvas.fixed(points) / 16 - low, canvas.unit_px)
    _iris(self_pen, _turned(eye.iris[None], side), low)
    # The lid's shadow on the ball.
    self_pen.soft_lines([moved(upper, 0.0, 0.012)], (96, 100, 112), 0.75, 0.034, 0.014)
    paste(part, ball, mask)

    corner = _turned(moved(anatomy.EYE_INNER[None], -0.012, 0.0), side)
    if units.eyes_closed < 0.6:
        canvas.soft(
            corner + np.array([(0, -0.010), (0.012, 0), (0, 0.010), (-0.012, 0)]), (120, 122, 196), 0.8, 0.006
        )
    canvas.soft_lines([lower[1:-1]], _LINE, 0.60, 0.012, 0.007)
    s = np.linspace(0, 1, len(upper))[:, None]
    thick = (0.020 * np.sin(np.pi * (0.12 + 0.8 * (1 - s))) ** 0.8 + 0.003) * np.array([0.0, 1.0])
    lash = np.concatenate([upper - thick, (upper + 0.25 * thick)[::-1]])
    canvas.fill(lash, _LASH)
    out = 1.0 if side else -1.0
    wing = upper[0] + np.array([(0.0, -0.010), (out * 0.024, -0.014), (0.0, 0.006)])
    canvas.fill(wing, _LASH)


def _iris(canvas: Canvas, middle: Points, low: NDArray[np.int64]) -> None:
    centre = canvas.fixed(middle)[0]
    radius = anatomy.IRIS_RADIUS * canvas.unit_px * 16

    def disc(share: float, colour: Colour, shift: tuple[float, float] = (0.0, 0.0)) -> None:
        at = centre[0] + round(shift[0] * radius), centre[1] + round(shift[1] * radius)
        cv2.circle(
            canvas.picture, (int(at[0]), int(at[1])), round(radius * share), colour, -1, cv2.LINE_AA, 4
        )

    disc(1.0, (44, 50, 36))
    disc(0.88, _IRIS)
    disc(0.62, (118, 140, 96), (0.0, 0.16))
    disc(0.44, (16, 16, 16))
    disc(0.22, (250, 250, 250), (-0.34, -0.34))
    disc(0.10, (210, 210, 210), (0.36, 0.40))


def _mouth(canvas: Canvas, units: ActionUnits, motion: Points) -> None:
    mouth = anatomy.mouth(units, motion)
    middle = len(mouth.lower_outer) // 2
    bottom = mouth.lower_outer[middle]
    under = moved(smooth(np.array([(-0.15, 0.0), (0.0, 0.016), (0.15, 0.0)])), 0.0, bottom[1] + 0.028)
    canvas.soft_lines([under], _SHADOW, 0.55 + 0.25 * units.chin_raiser, 0.034, 0.030)
    if units.chin_raiser > 0.1:
        boss = smooth(np.array([(-0.13, 0.10), (-0.09, 0.055), (0.0, 0.045), (0.09, 0.055), (0.13, 0.10)]))
        canvas.soft_lines([moved(boss, 0.0, bottom[1])], _SHADOW, 0.5 * units.chin_raiser, 0.018, 0.014)

    if mouth.gap > 0.008:
        _inside(canvas, mouth)
    canvas.fill(np.concatenate([mouth.upper_outer, mouth.upper_inner[::-1]]), _UPPER_LIP)
    canvas.fill(np.concatenate([mouth.lower_inner, mouth.lower_outer[::-1]]), _LOWER_LIP)
    third = len(mouth.lower_outer) // 3
    shine = 0.55 * mouth.lower_inner[third:-third] + 0.45 * mouth.lower_outer[third:-third]
    canvas.soft_lines([shine], (170, 176, 236), 0.5, 0.028, 0.018)
    canvas.soft_lines([mouth.upper_outer], (108, 112, 190), 0.6, 0.010, 0.008)
    canvas.soft_lines([mouth.lower_outer], (96, 104, 176), 0.5, 0.012, 0.010)
    canvas.line(mouth.upper_inner, (40, 40, 92), 0.010)
    if mouth.gap > 0.008:
        canvas.line(mouth.lower_inner, (60, 58, 130), 0.006)
    ends = [mouth.upper_outer[:1] + np.array([(-0.006, 0.0), (0.018, 0.003)])]
    canvas.soft_lines([*ends, mirror(ends[0])], (56, 64, 116), 0.6, 0.018, 0.014)


def _inside(canvas: Canvas, mouth: anatomy.Mouth) -> None:
    """Teeth and tongue, seen between the lips."""
    hole = np.concatenate([mouth.upper_inner, mouth.lower_inner[::-1]])
    fixed = canvas.fixed(hole)
    low = np.maximum(fixed.min(axis=0) // 16 - 3, 0)
    high = fixed.max(axis=0) // 16 + 4
    part = canvas.picture[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [fixed - low * 16], 255, cv2.LINE_AA, 4)
    inner = np.empty_like(part)
    inner[:] = _MOUTH
    inside = Canvas(inner, lambda points: canvas.fixed(points) / 16 - low, canvas.unit_px)
    if mouth.gap > 0.07:
        floor = mouth.lower_inner[len(mouth.lower_inner) // 2]
        angle = np.linspace(0, 2 * np.pi, 24)
        tongue = floor + np.stack([0.15 * np.cos(angle), 0.05 * np.sin(angle) + 0.012], axis=1)
        inside.soft(tongue, _TONGUE, 0.9, 0.012)
    edge = mouth.upper_inner
    reach = min(0.052, 0.75 * mouth.gap)
    drop = reach * np.sqrt(np.clip(1 - (edge[:, :1] / (0.86 * abs(edge[0, 0]))) ** 2, 0, 1))
    inside.soft(np.concatenate([edge, (edge + drop * [0.0, 1.0])[::-1]]), _TEETH, 0.96, 0.004)
    inside.soft_lines([moved(edge, 0.0, 0.004)], _MOUTH, 0.55, 0.016, 0.012)
    paste(part, inner, mask)
