"""Annotation files and splits by actor."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from emolive.errors import EmoliveError
from preprocessing import annotations, splits
from preprocessing.annotations import ClipEntry

HEADER = "id,video,audio,label,actor,split\n"


def write(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_annotations_round_trip(tmp_path: Path) -> None:
    items = [
        ClipEntry("x", "f.npz#k/é", "", "calm", "01", "training"),
        ClipEntry("y", "", "s, t.wav", "happy", "2", ""),
    ]
    for name in ("f.npz", "s, t.wav"):
        (tmp_path / name).touch()
    annotations.write(tmp_path / "a.csv", items)
    table = annotations.read(tmp_path / "a.csv")
    assert list(table.items) == items
    assert table.locate("f.npz#k/é") == (tmp_path / "f.npz", "k/é")
    assert table.actors == ("01", "2")


def test_the_published_form_round_trips(tmp_path: Path) -> None:
    folder = tmp_path / "ACTOR07"
    folder.mkdir()
    for name in ("01-01-05-01-02-01-07_facecroppad.npy", "03-01-05-01-02-01-07_croppad.wav"):
        (folder / name).touch()
    line = "ACTOR07/01-01-05-01-02-01-07_facecroppad.npy;ACTOR07/03-01-05-01-02-01-07_croppad.wav;5;testing\n"
    table = annotations.read(write(tmp_path, line, "annotations.txt"))
    item = table.items[0]
    assert (item.id, item.label, item.actor, item.split) == ("01-01-05-01-02-01-07", "angry", "07", "testing")
    annotations.write(tmp_path / "again.txt", table.items)
    assert (tmp_path / "again.txt").read_text() == line


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,../v.npy,,calm,1,", "outside the folder"),
        ("x,/etc/hostname,,calm,1,", "outside the folder"),
        ("x,link.npy,,calm,1,", "outside the folder"),
        ("x,,gone.wav,calm,1,", "does not exist"),
        ("x,,,calm,1,", r"a.csv, row 2 \(x\): it has neither video nor audio"),
        ("x,,s.wav,,1,", "no label"),
        (",,s.wav,calm,1,", "no id"),
        ("x,,s.wav,calm,1,dev", "no split named dev"),
        ("x,,s.wav,calm,1,\nx,,s.wav,calm,1,", "more than once"),
        ("", "has no clips"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "s.wav").touch()
    (tmp_path / "v.npy").touch()
    (inside / "link.npy").symlink_to(tmp_path / "v.npy")
    with pytest.raises(EmoliveError, match=message):
        annotations.read(write(inside, HEADER + row + "\n"))


def test_paths_may_leave_the_folder_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "v.npy").touch()
    inside = tmp_path / "in"
    inside.mkdir()
    path = write(inside, HEADER + "x,../v.npy,,calm,1,\n")
    assert annotations.read(path, allow_outside=True).items[0].video == "../v.npy"


def test_a_bad_row_of_the_published_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match=r"notes\.txt, row 1: it must be video;audio;label;split"):
        annotations.read(write(tmp_path, "hello\n", "notes.txt"))


def test_a_file_that_is_no_text_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\x00\xa7\xff")
    with pytest.raises(EmoliveError, match=r"clip\.mp4 cannot be read: it is not text in UTF-8\.$"):
        annotations.read(tmp_path / "clip.mp4")


@pytest.mark.parametrize("text", ["id,video\n", "\x00\x01", "a;b;9;training"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmoliveError):
        annotations.read(write(tmp_path, text, "a.txt" if ";" in text else "a.csv"))
    with pytest.raises(EmoliveError, match="no annotation file"):
        annotations.read(tmp_path / "gone.csv")


def test_folds_do_not_depend_on_the_order_of_actors() -> None:
    actors = [f"{n:02d}" for n in range(1, 25)]
    shuffled = random.Random(0).sample(actors, 24)
    for scheme in ("5fold", "6fold", "loao", "rotation", "reference"):
        assert splits.folds(scheme, actors) == splits.folds(scheme, shuffled)


@pytest.mark.parametrize("scheme", ["5fold", "6fold", "loao", "rotation"])
def test_everybody_is_tested_once(scheme: str) -> None:
    folds = splits.folds(scheme, [str(n) for n in range(1, 25)])
    tested = [actor for fold in folds for actor in fold.testing]
    assert sorted(tested, key=int) == [str(n) for n in range(1, 25)]
    assert all(not set(fold.testing) & set(fold.validation) for fold in folds)
    if scheme == "6fold":
        assert all(sum(int(a) % 2 for a in fold.testing) == 2 for fold in folds)
    if scheme == "rotation":
        assert all(len(fold.testing) == len(fold.validation) == 4 for fold in folds)


def test_the_published_split() -> None:
    fold = splits.folds("reference", [f"{n:02d}" for n in range(1, 25)])[0]
    assert [fold.split_of(a) for a in ("05", "5", "11", "01")] == [
        "testing",
        "testing",
        "validation",
        "training",
    ]


def test_lists_of_actors_are_checked() -> None:
    with pytest.raises(EmoliveError, match="no actor 9"):
        splits.custom_split(["9"], [], ["1", "2"])
    with pytest.raises(EmoliveError, match="both"):
        splits.custom_split(["1"], ["1"], ["1", "2"])
    with pytest.raises(EmoliveError, match="No actor is left to train on"):
        splits.custom_split(["1"], ["2"], ["1", "2"])
    with pytest.raises(EmoliveError, match="no split named"):
        splits.folds("sevenfold", ["1", "2"])


def test_corpora_with_people_in_common_are_held_out_together() -> None:
    corpora = {"speech": ["01", "02"], "song": ["2", "3"], "emodb": ["e1"], "bursts": ["b1", "b2"]}
    folds = splits.folds("corpus", [], corpora)
    assert [(fold.name, fold.testing) for fold in folds] == [
        ("corpus bursts", ("b1", "b2")),
        ("corpus emodb", ("e1",)),
        ("corpus song and speech", ("1", "2", "3")),
    ]
    assert splits.fold_of("corpus:2", [], corpora) == folds[1]
    bridge = {**corpora, "both": ["e1", "03"]}
    assert len(splits.folds("corpus", [], bridge)) == 2
    for unfit, message in (
        ({"a": ["1"]}, "of one corpus"),
        ({"a": ["1"], "b": ["01"]}, "the same people"),
        ({"a": ["1"], "b": ["", "2"]}, "Clips of the corpus b have no actor"),
        (None, "of one corpus"),
    ):
        with pytest.raises(EmoliveError, match=message):
            splits.folds("corpus", [], unfit)
