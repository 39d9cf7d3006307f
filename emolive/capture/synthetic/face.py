"""Draws the demo's face from action units and pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.capture.synthetic import facts
from emolive.capture.synthetic.anatomy import STILL, Points
from emolive.capture.synthetic.details import Canvas, draw_details
from emolive.capture.synthetic.expression import ActionUnits
from emolive.capture.synthetic.motion import Pose
from emolive.capture.synthetic.portrait import HEAD_BOX, HEIGHT, ORIGIN_PX, UNIT_PX, paint
from emolive.types import Image

LABEL = "drawn demo"
_MARGIN_PX = 14
_PATCH = (-112, -104, 112, 172)
"""The part of the head with moving features, in pixels from the origin."""
_DETAIL = 2
"""Features are drawn this much larger and then reduced."""
JAW_UNITS = 0.17
"""How far a fully dropped jaw lowers the chin."""
# Where the face is nearest to the viewer, and how fast it falls back, in units.
_NEAREST = np.array([0.0, 0.35])
_SPREAD = np.array([0.62, 0.75])
# The skin follows the landmarks of the jaw, the brows, the nose and the outline of the mouth.
_PULLING = np.array([*range(36), 48, 51, 54, 57])
_PULL_REACH = 0.16

Floats = NDArray[np.float32]


class FaceRenderer:
    """Paints the static layers once, then draws any expression in a few milliseconds."""

    def __init__(self, seed: int = 0) -> None:
        portrait = paint(seed)
        self._background = portrait.background.copy()
        _write_label(self._background)
        self._head = portrait.head
        self._left = round(ORIGIN_PX[0]) + HEAD_BOX[0] - _MARGIN_PX
        self._top = round(ORIGIN_PX[1]) + HEAD_BOX[1] - _MARGIN_PX
        self._left, self._top = max(self._left, 0), max(self._top, 0)
        right = round(ORIGIN_PX[0]) + HEAD_BOX[2] + _MARGIN_PX
        bottom = min(round(ORIGIN_PX[1]) + HEAD_BOX[3] + _MARGIN_PX, HEIGHT)
        self._size = right - self._left, bottom - self._top
        # The fields are smooth: half the resolution is enough to compute them.
        rows, columns = self._size[1] // 2, self._size[0] // 2
        y, x = np.mgrid[:rows, :columns].astype(np.float32) * 2 + 0.5
        y, x = y + self._top, x + self._left
        self._x, self._y = x - ORIGIN_PX[0], y - ORIGIN_PX[1]
        units_x, units_y = self._x / UNIT_PX, self._y / UNIT_PX
        self._depth = _depth(units_x, units_y)
        self._jaw = _jaw(units_x, units_y)
        self._nose = np.exp(-((units_x / 0.17) ** 2) - ((units_y - 0.46) / 0.10) ** 2).astype(np.float32)
        self._brows = np.exp(-((units_x / 0.75) ** 4) - ((units_y + 0.2) / 0.14) ** 2).astype(np.float32)
        self._pull = _pull(units_x, units_y)
        self._cheeks = np.exp(
            -(((np.abs(units_x) - 0.45) / 0.2) ** 2) - ((units_y - 0.38) / 0.2) ** 2
        ).astype(np.float32)

    def draw(
        self,
        units: ActionUnits,
        pose: Pose | None = None,
        motion: Points = STILL,
        folds: ActionUnits | None = None,
    ) -> Image:
        """Draw one picture.

        Args:
            units: which muscles act.
            pose: of the head.
            motion: (68, 2) symmetric shift of the iBUG landmarks, in units, on top of what `units` move.
            folds: which muscles crease the skin; by default `units`.

        Returns:
            (480, 640, 3) uint8 BGR, a new array.
        """
        pose = pose or Pose()
        picture: Image = self._background.copy()
        self._draw_head(picture, units, pose, motion)
        left = round(ORIGIN_PX[0] + pose.x_px) + _PATCH[0]
        top = round(ORIGIN_PX[1] + pose.y_px) + _PATCH[1]
        width, height = _PATCH[2] - _PATCH[0], _PATCH[3] - _PATCH[1]
        part = picture[top : top + height, left : left + width]
        large: Image = np.empty((height * _DETAIL, width * _DETAIL, 3), np.uint8)
        cv2.resize(part, (width * _DETAIL, height * _DETAIL), dst=large, interpolation=cv2.INTER_LINEAR)

        def place(points: Points) -> Points:
            return (_to_picture(points, pose) - (left, top) + 0.5) * _DETAIL - 0.5

        draw_details(Canvas(large, place, UNIT_PX * _DETAIL), units, pose.gaze_x, motion, folds or units)
        cv2.resize(large, (width, height), dst=part, interpolation=cv2.INTER_AREA)
        return picture

    def _draw_head(self, picture: Image, units: ActionUnits, pose: Pose, motion: Points) -> None:
        cos, sin = np.float32(np.cos(pose.roll_rad)), np.float32(np.sin(pose.roll_rad))
        x, y = self._x - np.float32(pose.x_px), self._y - np.float32(pose.y_px)
        down = self._depth * np.float32(pose.pitch)
        down += self._jaw * np.float32(units.jaw_drop * JAW_UNITS * UNIT_PX)
        down -= self._nose * np.float32(
            (0.030 * units.nose_wrinkler + 0.012 * units.upper_lip_raiser) * UNIT_PX
        )
        down -= self._cheeks * np.float32(0.05 * max(units.cheek_raiser, units.lip_corner_puller) * UNIT_PX)
        lift = 0.07 * units.inner_brow_raiser + 0.05 * units.outer_brow_raiser - 0.06 * units.brow_lowerer
        down -= self._brows * np.float32(0.8 * lift * UNIT_PX)
        shift = (self._pull @ (motion[_PULLING] * UNIT_PX).astype(np.float32)).reshape(*x.shape, 2)
        down += shift[..., 1]
        across = self._depth * np.float32(pose.yaw) + shift[..., 0]
        from_x = x * cos + y * sin - across - np.float32(HEAD_BOX[0])
        from_y = y * cos - x * sin - down - np.float32(HEAD_BOX[1])
        from_x = cv2.resize(from_x, self._size, interpolation=cv2.INTER_LINEAR)
        from_y = cv2.resize(from_y, self._size, interpolation=cv2.INTER_LINEAR)
        layer = cv2.remap(
            self._head, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        )
        columns, rows = self._size
        part = picture[self._top : self._top + rows, self._left : self._left + columns]
        clear = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2BGR)
        cv2.multiply(part, clear, dst=part, scale=1 / 255)
        cv2.add(part, layer[..., :3], dst=part)


def _to_picture(points: Points, pose: Pose) -> Points:
    """Units of the face to pixels of the picture, (..., 2)."""
    offset = (points - _NEAREST) / _SPREAD
    depth = np.exp(-(offset * offset).sum(axis=-1, keepdims=True))
    cos, sin = np.cos(pose.roll_rad), np.sin(pose.roll_rad)
    turn = np.array([[cos, sin], [-sin, cos]])
    placed: Points = (points * UNIT_PX + depth * (pose.yaw, pose.pitch)) @ turn
    placed += (pose.x_px + ORIGIN_PX[0], pose.y_px + ORIGIN_PX[1])
    return placed


def _depth(x: Floats, y: Floats) -> Floats:
    """How near a point is to the viewer, 0..1: what is near moves more when the head turns."""
    across, down = (x - _NEAREST[0]) / _SPREAD[0], (y - _NEAREST[1]) / _SPREAD[1]
    depth: Floats = np.exp(-(across**2) - down**2).astype(np.float32)
    return depth


def _pull(x: Floats, y: Floats) -> Floats:
    """(pixels, landmarks) share of each landmark's shift with which the skin at a point moves."""
    places = facts.POINTS[_PULLING].astype(np.float32)
    far = (x.reshape(-1, 1) - places[:, 0]) ** 2 + (y.reshape(-1, 1) - places[:, 1]) ** 2
    near = np.exp(-far / np.float32(2 * _PULL_REACH**2))
    share: Floats = near / (near.sum(axis=1, keepdims=True) + np.float32(0.15))
    return share


def _jaw(x: Floats, y: Floats) -> Floats:
    """Share of the jaw's movement, 0..1."""
    t = np.clip((y - 0.62) / (1.20 - 0.62), 0, 1)
    share: Floats = (t * t * (3 - 2 * t)).astype(np.float32)
    return share


def _write_label(picture: Image) -> None:
    at, font = (12, HEIGHT - 14), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, LABEL, at, font, 0.5, (40, 36, 30), 3, cv2.LINE_AA)
    cv2.putText(picture, LABEL, at, font, 0.5, (240, 240, 240), 1, cv2.LINE_AA)
