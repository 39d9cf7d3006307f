"""A small face in a large picture is found by tiles."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.types import BoundingBox
from emolive.vision.detector import Detection
from emolive.vision.tile_search import MIN_TILE_PX, TILES_PER_FRAME, TileSearch, tiles_of


class FakeDetector:
    """Finds the faces that lie in the searched region and are at least an eighth of its side."""

    def __init__(self, *faces: BoundingBox, score: float = 0.9) -> None:
        self.faces, self.score, self.n_calls = faces, score, 0

    def detect(self, image: np.ndarray, within: BoundingBox | None = None) -> list[Detection]:
        self.n_calls += 1
        region = within or BoundingBox(0, 0, image.shape[1], image.shape[0])
        return [
            Detection(face, self.score)
            for face in self.faces
            if face.width_px >= max(region.width_px, region.height_px) / 8
            and region.x_px <= face.x_px
            and region.y_px <= face.y_px
            and face.x_px + face.width_px <= region.x_px + region.width_px
            and face.y_px + face.height_px <= region.y_px + region.height_px
        ]


def frames_until_found(search: TileSearch, image: np.ndarray, limit: int = 40) -> int | None:
    return next((i for i in range(limit) if search.search(image) is not None), None)


@pytest.mark.parametrize("size", [(2560, 1440), (1920, 1080), (1440, 2560), (3000, 3000), (2560, 600)])
def test_tiles_cover_the_picture_and_overlap_by_half(size):
    width, height = size
    tiles = tiles_of(width, height)
    assert tiles
    assert {tile.width_px for tile in tiles} <= {max(size) // 2, max(size) // 4}
    seen = np.zeros((height, width), np.uint8)
    side = max(size) // 2
    for tile in tiles:
        if tile.width_px == side:
            top, left = max(0, int(tile.y_px)), max(0, int(tile.x_px))
            seen[top : int(tile.y_px + side) + 1, left : int(tile.x_px + side) + 1] = 1
    assert seen.all()


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (64, 48), (2 * MIN_TILE_PX - 2, 400)])
def test_a_small_picture_has_no_tiles(size):
    assert tiles_of(*size) == []
    detector = FakeDetector()
    assert TileSearch(detector).search(np.zeros((size[1], size[0], 3), np.uint8)) is None
    assert detector.n_calls == 0


@pytest.mark.parametrize(("x", "y"), [(100, 80), (1200, 600), (2300, 1200), (1275, 715)])
@pytest.mark.parametrize("face_px", [90, 185])
def test_a_face_anywhere_is_found_within_a_few_frames(x, y, face_px):
    image = np.zeros((1440, 2560, 3), np.uint8)
    search = TileSearch(FakeDetector(BoundingBox(x, y, face_px, face_px)))
    assert frames_until_found(search, image) is not None


def test_the_cost_of_a_frame_is_bounded():
    detector = FakeDetector()
    TileSearch(detector).search(np.zeros((1440, 2560, 3), np.uint8))
    assert detector.n_calls == TILES_PER_FRAME


def test_what_a_tile_holds_but_its_own_region_does_not_is_no_face():
    class Unsure(FakeDetector):
        def detect(self, image, within=None):
            return super().detect(image, within) if within.width_px >= MIN_TILE_PX else []

    image = np.zeros((1440, 2560, 3), np.uint8)
    assert frames_until_found(TileSearch(Unsure(BoundingBox(1200, 600, 185, 185))), image) is None


def test_a_doubtful_face_is_none():
    search = TileSearch(FakeDetector(BoundingBox(1200, 600, 185, 185), score=0.52))
    assert frames_until_found(search, np.zeros((1440, 2560, 3), np.uint8)) is None
