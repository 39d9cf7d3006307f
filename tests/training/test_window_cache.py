"""Arrays that grow clip by clip, and the index that says which of them are valid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.errors import MediaError
from training.growing_array import GrowingArray
from training.window_cache import INDEX, Layout, WindowCache

SINGLE = np.dtype(np.float32)
LAYOUT = Layout({"video": ((2, 3), SINGLE)}, {"rows": ((4,), SINGLE)})
RNG = np.random.default_rng(0)
CLIPS = [
    (f"clip{i}", RNG.normal(size=(2, 3)).astype(SINGLE), RNG.normal(size=(i % 3, 4)).astype(SINGLE))
    for i in range(6)
]


def fill(cache: WindowCache, end: int = len(CLIPS), *, finish: bool = True) -> None:
    with cache.writing() as is_left:
        assert is_left
        for name, video, rows in CLIPS[cache.n_done : end]:
            cache.append(name, {"video": video}, {"rows": rows})
        if finish:
            cache.finish()
        else:
            cache.commit()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "lock"}


def test_a_growing_array_is_an_ordinary_npy_file(tmp_path: Path) -> None:
    rows = RNG.normal(size=(100_000, 3)).astype(SINGLE)
    array = GrowingArray(tmp_path / "a.npy", (3,), SINGLE)
    for start in range(0, 50_000, 777):
        array.append(rows[start : min(start + 777, 50_000)])
    array.append(rows[:10])
    array.close()
    again = GrowingArray(tmp_path / "a.npy", (3,), SINGLE, used=50_000)
    again.append(rows[50_000:])
    assert len(again) == len(rows)
    again.trim()
    again.close()
    np.save(tmp_path / "b.npy", rows)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_growing_array_without_enough_rows_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows"):
        GrowingArray(tmp_path / "a.npy", (3,), SINGLE, used=1)


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    cache = WindowCache(tmp_path, LAYOUT)
    fill(cache)
    stored = WindowCache(tmp_path, LAYOUT).load()
    assert stored.ids == tuple(name for name, _, _ in CLIPS)
    assert isinstance(stored.arrays["video"], np.memmap)
    for i, (_, video, rows) in enumerate(CLIPS):
        first, last = stored.offsets["rows"][i : i + 2]
        assert np.array_equal(stored.arrays["video"][i], video)
        assert np.array_equal(stored.ragged["rows"][first:last], rows)
    stored.ragged["rows"][:] = 0
    assert WindowCache(tmp_path, LAYOUT).load().ragged["rows"].any(), "changes stay in memory"


def test_an_interrupted_cache_is_continued_to_the_same_files(tmp_path: Path) -> None:
    fill(WindowCache(tmp_path / "uninterrupted", LAYOUT))
    fill(WindowCache(tmp_path / "resumed", LAYOUT), 2, finish=False)
    cut = WindowCache(tmp_path / "resumed", LAYOUT)
    assert not cut.is_complete
    with (tmp_path / "resumed" / "rows.npy").open("ab") as file:
        file.write(b"half a row")
    fill(cut)
    assert cut.is_complete
    assert contents(tmp_path / "resumed") == contents(tmp_path / "uninterrupted")


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"format": 99}', '{"format": 1, "complete": false, "clips": 5}']
)
def test_an_unusable_index_starts_over(tmp_path: Path, damage: str) -> None:
    fill(WindowCache(tmp_path / "uninterrupted", LAYOUT))
    fill(WindowCache(tmp_path / "resumed", LAYOUT), 4, finish=False)
    (tmp_path / "resumed" / INDEX).write_text(damage)
    cache = WindowCache(tmp_path / "resumed", LAYOUT)
    fill(cache)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "uninterrupted")


def test_arrays_that_are_too_short_start_over(tmp_path: Path) -> None:
    fill(WindowCache(tmp_path / "uninterrupted", LAYOUT))
    fill(WindowCache(tmp_path / "resumed", LAYOUT), 4, finish=False)
    (tmp_path / "resumed" / "video.npy").write_bytes(b"123")
    fill(WindowCache(tmp_path / "resumed", LAYOUT))
    assert contents(tmp_path / "resumed") == contents(tmp_path / "uninterrupted")


def test_a_finished_cache_has_no_work_left_and_damage_is_reported(tmp_path: Path) -> None:
    cache = WindowCache(tmp_path, LAYOUT)
    fill(cache)
    with WindowCache(tmp_path, LAYOUT).writing() as is_left:
        assert not is_left
    (tmp_path / "video.npy").write_bytes(b"")
    with pytest.raises(MediaError, match="is damaged: delete the folder"):
        cache.load()
    assert (tmp_path / INDEX).is_file()


def test_skipped_clips_have_a_reason_and_no_rows(tmp_path: Path) -> None:
    cache = WindowCache(tmp_path, LAYOUT)
    with cache.writing():
        cache.skip("The clip x cannot be used.")
        cache.append("y", {"video": CLIPS[0][1]}, {"rows": CLIPS[2][2]})
        cache.finish()
    stored = cache.load()
    assert (stored.ids, stored.failed) == (("y",), ("The clip x cannot be used.",))
    assert len(stored.arrays["video"]) == 1
