"""Rows, the files they go to, and where things lie."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from emolive import paths as settings
from emolive.errors import EmoliveError
from emolive.sinks.rows import FORMATS, atomic_text_file, live_row, row, writer
from emolive.types import Estimate, Timestamps

LABELS = ("neutral", "happy")


def a_row(file="a.mp4", t_s=0.24, probs=(0.25, 0.75), label="happy", **more):
    made = row(file, t_s, fusion="ia", modality="av", labels=LABELS, probs=probs, label=label)
    return {**made, **more}


def written(form: str, *rows) -> str:
    out = io.StringIO()
    write = writer(form, out)
    for one in rows:
        write.write(one)
    return out.getvalue()


def test_a_row_has_these_columns_in_this_order():
    assert a_row(t_s=1.2000001) == {
        "file": "a.mp4",
        "t_s": 1.2,
        "fusion": "ia",
        "modality": "av",
        "probs": {"neutral": 0.25, "happy": 0.75},
        "label": "happy",
        "confidence": 0.75,
    }
    assert list(a_row()) == ["file", "t_s", "fusion", "modality", "probs", "label", "confidence"]


def test_labels_and_probabilities_that_do_not_match_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        a_row(probs=(1.0,))


def test_a_live_row_has_the_same_and_its_stamps():
    estimate = Estimate(
        5, 1.44, LABELS, (0.5, 0.5), (0.25, 0.75), "unsure", 0.75, "v", "lt", "none", Timestamps(1, 2, 3)
    )
    live = live_row(estimate, "0")
    assert list(live)[:7] == list(a_row())
    assert (live["label"], live["probs"]["happy"], live["modality"]) == ("unsure", 0.75, "v")
    assert (live["capture_ns"], live["start_ns"], live["end_ns"]) == (1, 2, 3)


def test_jsonl_is_one_object_a_line():
    rows = [a_row(), a_row(file="zoë \n.mp4", summary=True)]
    lines = written("jsonl", *rows).splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_csv_has_one_column_a_label_and_says_which_rows_sum_up():
    rows = list(csv.DictReader(io.StringIO(written("csv", a_row(), a_row(file='q"u,o.mp4', summary=True)))))
    assert [r["file"] for r in rows] == ["a.mp4", 'q"u,o.mp4']
    assert [r["summary"] for r in rows] == ["False", "True"]
    assert {"t_s", "fusion", "modality", "label", "confidence", "p_neutral", "p_happy"} <= rows[0].keys()
    assert float(rows[0]["p_happy"]) == 0.75


def test_a_table_is_for_people():
    text = written("table", a_row(), a_row(t_s=0.48), a_row(summary=True), a_row(file="b.mp4"))
    assert text.count("a.mp4 · ia") == 1
    assert text.count("b.mp4 · ia") == 1
    assert "0.48 s" in text
    assert "whole" in text
    assert "happy" in text
    assert "75%" in text


def test_an_unknown_format_is_refused():
    with pytest.raises(EmoliveError, match=f"no format xml.*{', '.join(FORMATS)}"):
        writer("xml", io.StringIO())


# --- whole_file


def test_a_file_is_there_when_it_is_whole(tmp_path):
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
def test_where_no_file_can_be_is_said_in_a_sentence(tmp_path, name):
    (tmp_path / "file.txt").write_text("a file")

    def write() -> None:
        with atomic_text_file(tmp_path / name) as out:
            out.write("x")

    with pytest.raises(EmoliveError) as error:
        write()
    assert "\n" not in str(error.value)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_name_that_is_no_text_can_be_written(tmp_path, form):
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    path = tmp_path / "out"
    with atomic_text_file(path) as out:
        writer(form, out).write(a_row(file=name))
    text = path.read_text(encoding="utf-8")
    if form == "jsonl":
        assert json.loads(text)["file"] == name


# --- settings


def test_folders_can_be_chosen(monkeypatch, tmp_path):
    for variable, folder in (
        ("EMOLIVE_ASSETS", settings.assets_dir),
        ("EMOLIVE_HOME", settings.user_dir),
        ("EMOLIVE_DATA", settings.data_dir),
    ):
        monkeypatch.delenv(variable, raising=False)
        before = folder()
        monkeypatch.setenv(variable, str(tmp_path))
        assert folder() == tmp_path != before


def test_a_shipped_file_is_there_or_named(monkeypatch, tmp_path):
    assert settings.asset("face", "mean_shape.json").is_file()
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match=r"missing: .*mean_shape\.json"):
        settings.asset("face", "mean_shape.json")


def test_the_user_s_folder_is_not_in_the_project(monkeypatch):
    monkeypatch.delenv("EMOLIVE_HOME")
    assert Path(__file__).resolve().parents[2] not in settings.user_dir().parents
