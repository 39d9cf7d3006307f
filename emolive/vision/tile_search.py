"""Search for a face that is small in a large picture, a few tiles in each frame."""

from __future__ import annotations

from emolive.types import BoundingBox, Image
from emolive.vision.detector import Detection, FaceDetector

MIN_TILE_PX = 480
"""The detector finds faces from about an eighth of the tile's side on: 60 px, from which landmarks hold."""
TILES_PER_FRAME = 4
MIN_SCORE = 0.6
"""Of a face in a tile, above that of a whole picture: there are many tiles, and one error in any is an
error."""
_CONFIRM_SCALE = 2.5
"""A face in a tile is looked for again in a square this many times its size."""


class TileSearch:
    """Searches tiles of pictures in which nothing was found as a whole. Not thread-safe.

    Args:
        detector: finds the faces of one tile.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self.reset()

    def reset(self) -> None:
        """Begin with the first tile again."""
        self._next = 0

    def search(self, image: Image) -> Detection | None:
        """The largest face in the next few tiles of a picture (height, width, 3), if there is one."""
        tiles = tiles_of(image.shape[1], image.shape[0])
        found: list[Detection] = []
        for _ in range(min(TILES_PER_FRAME, len(tiles))):
            tile = tiles[self._next % len(tiles)]
            self._next += 1
            for face in self._detector.detect(image, tile):
                if face.score >= MIN_SCORE and (confirmed := self._confirm(image, face)) is not None:
                    found.append(confirmed)
            if found:
                # The same tile first, if the face is lost again.
                self._next -= 1
                break
        return max(found, key=lambda face: face.box_px.area_px, default=None)

    def _confirm(self, image: Image, face: Detection) -> Detection | None:
        """The same face in a region of its own."""
        side = _CONFIRM_SCALE * max(face.box_px.width_px, face.box_px.height_px)
        x, y = face.box_px.center_px
        near = self._detector.detect(image, BoundingBox(x - side / 2, y - side / 2, side, side))
        for again in near:
            across, down = again.box_px.center_px[0] - x, again.box_px.center_px[1] - y
            if again.score >= MIN_SCORE and max(abs(across), abs(down)) < side / 5:
                return again
        return None


def tiles_of(width: int, height: int) -> list[BoundingBox]:
    """Overlapping squares over a picture, of two sizes, those in the middle first; none for a small picture.

    The sides are a half and a quarter of the picture's longer side, as far as they are MIN_TILE_PX and more.
    """
    tiles: list[BoundingBox] = []
    longer = max(width, height)
    for side in (longer // 2, longer // 4):
        if side < MIN_TILE_PX:
            continue
        layer = [BoundingBox(x, y, side, side) for y in _starts(height, side) for x in _starts(width, side)]
        middle = width / 2, height / 2
        layer.sort(key=lambda tile: _distance(tile.center_px, middle))
        tiles += layer
    return tiles


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` begin that cover `length` and overlap by a half at least."""
    if length <= side:
        return [(length - side) // 2]
    count = -(-2 * (length - side) // side) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])
