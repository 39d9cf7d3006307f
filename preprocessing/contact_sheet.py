"""Contact sheets: an image per actor with a row for each label and three crops of each clip."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.errors import MediaError
from emolive.models.spec import EMOTIONS
from emolive.types import Image
from preprocessing import output as names
from preprocessing.annotations import ClipEntry
from preprocessing.array_archive import read_array
from preprocessing.face_extractor import FILLED, MEASURED
from preprocessing.output import OutputFolder
from preprocessing.records import DatasetIndex

CELL_PX = 80
PER_CLIP = 3
"""Crops shown of each clip: the first, the middle and the last."""
PER_ROW = 8
"""Clips per row."""
_MARGIN_PX = 96
_GAP_PX = 6
_HEADER_PX = 24
_TEXT, _BACKGROUND, _ERROR, _WARNING = (40, 40, 40), (255, 255, 255), (60, 60, 220), (0, 160, 255)


def write_contact_sheets(output: OutputFolder, index: DatasetIndex) -> int:
    """Write `contact-sheets/actor_ID.png` for every actor.

    Returns:
        The number of files.

    Raises:
        OutputError: a file cannot be written.
        MediaError: the crops of a clip are damaged.
    """

    def actor_of(clip: ClipEntry) -> str:
        return clip.actor

    written = 0
    for actor, clips in groupby(sorted(index.clips, key=actor_of), key=actor_of):
        ok, data = cv2.imencode(".png", draw_contact_sheet(output, actor, list(clips)))
        if ok:
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in actor) or "unknown"
            output.write(f"{names.CONTACT_SHEETS}/actor_{name}.png", data.tobytes())
            written += 1
    return written


def draw_contact_sheet(output: OutputFolder, actor: str, clips: list[ClipEntry]) -> Image:
    """The crops of one actor.

    A clip without crops is a crossed cell; an orange border marks a crop that repeats its neighbour.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    labels = {clip.label for clip in clips}
    order = [label for label in EMOTIONS if label in labels] + sorted(labels - set(EMOTIONS))
    rows: list[tuple[str, list[ClipEntry]]] = []
    for label in order:
        of_label = [clip for clip in clips if clip.label == label]
        rows += [(label, of_label[i : i + PER_ROW]) for i in range(0, len(of_label), PER_ROW)]
    n_columns = max(len(row) for _, row in rows)
    width = _MARGIN_PX + n_columns * (PER_CLIP * CELL_PX + _GAP_PX)
    sheet: Image = np.full((_HEADER_PX + len(rows) * (CELL_PX + _GAP_PX), width, 3), _BACKGROUND, np.uint8)
    _draw_text(sheet, f"actor {actor or 'unknown'}: {len(clips)} clips", 4, 17)
    for i, (label, row) in enumerate(rows):
        top = _HEADER_PX + i * (CELL_PX + _GAP_PX)
        _draw_text(sheet, label[:12], 4, top + CELL_PX // 2)
        for j, clip in enumerate(row):
            left = _MARGIN_PX + j * (PER_CLIP * CELL_PX + _GAP_PX)
            sheet[top : top + CELL_PX, left : left + PER_CLIP * CELL_PX] = _strip(output, clip)
    return sheet


def _strip(output: OutputFolder, clip: ClipEntry) -> Image:
    """The crops of one clip, (CELL_PX, PER_CLIP * CELL_PX, 3)."""
    strip: Image = np.full((CELL_PX, PER_CLIP * CELL_PX, 3), 225, np.uint8)
    loaded = load_crops(output, clip.id)
    if loaded is None:
        cv2.line(strip, (0, 0), (strip.shape[1], CELL_PX), _ERROR, 2)
        cv2.line(strip, (0, CELL_PX), (strip.shape[1], 0), _ERROR, 2)
        return strip
    crops, mask = loaded
    inside = np.flatnonzero(mask)
    indices = [int(inside[0]), int(inside[len(inside) // 2]), int(inside[-1])]
    # A filled crop is more worth a look than the middle one.
    if MEASURED in mask[inside] and FILLED in mask[inside]:
        indices[1] = int(np.flatnonzero(mask == FILLED)[0])
    for k, i in enumerate(indices):
        cell = cv2.resize(crops[i], (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
        if mask[i] == FILLED:
            cv2.rectangle(cell, (1, 1), (CELL_PX - 2, CELL_PX - 2), _WARNING, 3)
        strip[:, k * CELL_PX : (k + 1) * CELL_PX] = cell
    return strip


def load_crops(output: OutputFolder, clip_id: str) -> tuple[Image, NDArray[np.uint8]] | None:
    """The crops (n_frames, S, S, 3) of a clip and their mask (n_frames,); None if it has none.

    Raises:
        MediaError: they are damaged.
    """
    paths = [output.root / names.CROPS / f"{clip_id}{end}" for end in (".npy", ".mask.npy")]
    if not all(path.is_file() for path in paths):
        return None
    crops, mask = map(read_array, paths)
    if crops.ndim != 4 or mask.shape != (len(crops),):
        raise MediaError(f"The crops of {clip_id} are damaged: run the same command again.")
    return crops, mask


def _draw_text(image: Image, text: str, x: int, y: int) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
