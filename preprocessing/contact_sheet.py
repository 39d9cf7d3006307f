"""A picture per actor to look at: a row for each label, three crops of each clip."""

from __future__ import annotations

import io
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.errors import EmoliveError
from emolive.models.spec import EMOTIONS
from emolive.types import Image
from preprocessing import output as names
from preprocessing.annotations import ClipEntry
from preprocessing.face_extractor import FILLED, MEASURED
from preprocessing.output import Output
from preprocessing.records import DatasetIndex

CELL_PX = 80
PER_CLIP = 3
"""Crops shown of each clip: first, middle and last that were measured."""
PER_ROW = 8
"""Clips in a row."""
_MARGIN_PX = 96
_GAP_PX = 6
_HEAD_PX = 24
_INK, _PAPER, _FAULT, _NOTE = (40, 40, 40), (255, 255, 255), (60, 60, 220), (0, 160, 255)


def write_contact_sheets(output: Output, scan: DatasetIndex) -> int:
    """Write `grids/ACTOR.png` for every actor; their number."""

    def actor(clip: ClipEntry) -> str:
        return clip.actor

    written = 0
    for name, clips in groupby(sorted(scan.clips, key=actor), key=actor):
        ok, data = cv2.imencode(".png", draw(output, name, list(clips)))
        if ok:
            plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "unknown"
            output.write(f"{names.GRIDS}/actor_{plain}.png", data.tobytes())
            written += 1
    return written


def draw(output: Output, actor: str, clips: list[ClipEntry]) -> Image:
    """(height, width, 3) BGR: one actor's crops.

    A clip without crops is a crossed cell; an orange edge marks a crop that repeats its neighbour.
    """
    labels = {clip.label for clip in clips}
    order = [label for label in EMOTIONS if label in labels] + sorted(labels - set(EMOTIONS))
    rows: list[tuple[str, list[ClipEntry]]] = []
    for label in order:
        of_label = [clip for clip in clips if clip.label == label]
        rows += [(label, of_label[i : i + PER_ROW]) for i in range(0, len(of_label), PER_ROW)]
    longest = max(len(row) for _, row in rows)
    width = _MARGIN_PX + longest * (PER_CLIP * CELL_PX + _GAP_PX)
    picture: Image = np.full((_HEAD_PX + len(rows) * (CELL_PX + _GAP_PX), width, 3), _PAPER, np.uint8)
    _write(picture, f"actor {actor or 'unknown'}: {len(clips)} clips", 4, 17)
    for i, (label, row) in enumerate(rows):
        top = _HEAD_PX + i * (CELL_PX + _GAP_PX)
        _write(picture, label[:12], 4, top + CELL_PX // 2)
        for j, clip in enumerate(row):
            left = _MARGIN_PX + j * (PER_CLIP * CELL_PX + _GAP_PX)
            picture[top : top + CELL_PX, left : left + PER_CLIP * CELL_PX] = _strip(output, clip)
    return picture


def _strip(output: Output, clip: ClipEntry) -> Image:
    """(CELL_PX, PER_CLIP * CELL_PX, 3): one clip."""
    strip: Image = np.full((CELL_PX, PER_CLIP * CELL_PX, 3), 225, np.uint8)
    loaded = load_crops(output, clip.id)
    if loaded is None:
        cv2.line(strip, (0, 0), (strip.shape[1], CELL_PX), _FAULT, 2)
        cv2.line(strip, (0, CELL_PX), (strip.shape[1], 0), _FAULT, 2)
        return strip
    crops, mask = loaded
    inside = np.flatnonzero(mask)
    shown = [int(inside[0]), int(inside[len(inside) // 2]), int(inside[-1])]
    # A filled crop anywhere is worth a look more than the middle one.
    if MEASURED in mask[inside] and FILLED in mask[inside]:
        shown[1] = int(np.flatnonzero(mask == FILLED)[0])
    for k, i in enumerate(shown):
        cell = cv2.resize(crops[i], (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
        if mask[i] == FILLED:
            cv2.rectangle(cell, (1, 1), (CELL_PX - 2, CELL_PX - 2), _NOTE, 3)
        strip[:, k * CELL_PX : (k + 1) * CELL_PX] = cell
    return strip


def load_crops(output: Output, clip_id: str) -> tuple[Image, NDArray[np.uint8]] | None:
    """A clip's crops (frames, S, S, 3) and their mask; None if it has none.

    Raises:
        EmoliveError: they are damaged.
    """
    try:
        crops, mask = (
            np.load(
                io.BytesIO((output.root / names.CROPS / f"{clip_id}{end}").read_bytes()), allow_pickle=False
            )
            for end in (".npy", ".mask.npy")
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        raise EmoliveError(f"The crops of {clip_id} are damaged: run the same command again.") from error
    return crops, mask


def _write(picture: Image, text: str, x: int, y: int) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
