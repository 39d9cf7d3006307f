"""Files are complete or absent."""

from __future__ import annotations

import pytest

from emolive.atomic_io import atomic_text_file, ensure_writable, remove_stale_parts
from emolive.errors import EmoliveError, OutputError


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with atomic_text_file(path) as out:
        out.write("new ü\n")
        assert path.read_text() == "old"
    assert path.read_text(encoding="utf-8") == "new ü\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt(), EmoliveError("no")])
def test_nothing_half_written_is_left_behind(tmp_path, error):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail() -> None:
        with atomic_text_file(path) as out:
            out.write("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_replaces_nothing(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("old")
    for path in (old, new):
        with atomic_text_file(path):
            pass
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("name", [".", "missing/out.csv", "file.txt/out.csv", "x" * 300, "a\0b"])
def test_an_unwritable_path_is_an_output_error(tmp_path, name):
    (tmp_path / "file.txt").write_text("a file")

    def write() -> None:
        with atomic_text_file(tmp_path / name) as out:
            out.write("x")

    with pytest.raises(OutputError) as error:
        write()
    assert "\n" not in str(error.value)
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_path_is_detected_before_the_work(tmp_path):
    ensure_writable(tmp_path / "new.csv")
    for path in (tmp_path, tmp_path / "missing" / "new.csv"):
        with pytest.raises(OutputError, match="name a file in a folder that exists"):
            ensure_writable(path)


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".out.csv.abc.part", "out.csv", "notes.part"):
        (tmp_path / name).write_text("x")
    remove_stale_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.part", "out.csv"]
