"""Annotations of several corpora in one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.paths import data_dir
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from preprocessing.cli import main

DATA = data_dir()
CORPORA = ("ravdess", "ravdess_song", "emodb", "nemo")


def corpus(folder: Path, name: str, *clips: tuple[str, str, str]) -> Path:
    """An annotation file of sound clips: id, label and actor."""
    (folder / name).mkdir(parents=True)
    for clip, _, _ in clips:
        (folder / name / f"{clip}.wav").touch()
    items = [ClipEntry(clip, "", f"{clip}.wav", label, actor) for clip, label, actor in clips]
    annotations.write(folder / name / "list.csv", items)
    return folder / name / "list.csv"


def test_ids_and_actors_get_the_name_and_clips_their_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speech = corpus(tmp_path, "speech", ("a", "calm", "03"), ("b", "happy", "04"))
    emodb = corpus(tmp_path, "emodb", ("a", "happy", "03"), ("c", "bored", "08"), ("d", "sad", ""))
    out = tmp_path / "all.csv"
    sources = [f"ravdess={speech}", f"emodb={emodb}"]
    assert main(["merge", str(out), *sources, "--labels", "calm", "happy", "sad"]) == 0
    assert [(i.id, i.audio, i.label, i.actor, i.corpus) for i in annotations.read(out).items] == [
        ("ravdess-a", "speech/a.wav", "calm", "ravdess03", "ravdess"),
        ("ravdess-b", "speech/b.wav", "happy", "ravdess04", "ravdess"),
        ("emodb-a", "emodb/a.wav", "happy", "emodb03", "emodb"),
        ("emodb-d", "emodb/d.wav", "sad", "", "emodb"),
    ]
    assert "Left out: bored 1." in capsys.readouterr().out
    again = tmp_path / "again.csv"
    assert main(["merge", str(again), str(out), "--splits", "none"]) == 0
    assert annotations.read(again).items == annotations.read(out).items


def test_what_cannot_be_merged_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = corpus(tmp_path, "one", ("a", "calm", "1")), corpus(tmp_path, "two", ("a", "calm", "1"))
    out = str(tmp_path / "all.csv")
    for arguments, message in (
        (
            [out, str(one), str(two)],
            "has a clip a, as another file has: give the file a name of its own",
        ),
        ([out, str(one), "--labels", "joy"], "No clip has one of joy: all are left out"),
        ([out, f"x={tmp_path}/none.csv"], "There is no annotation file"),
        ([str(tmp_path / "all.txt"), str(one)], "must end in .csv"),
        ([out], "NAME=FILE"),
    ):
        assert main(["merge", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not Path(out).exists()


def test_a_csv_of_labels_may_have_speakers_and_corpora(tmp_path: Path) -> None:
    for name in ("x/a.opus", "y/b.opus"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    table, out = tmp_path / "voices.csv", tmp_path / "list.csv"
    table.write_text("file,label,speaker,corpus,seconds\nx/a.opus,sad,x1,x,3\ny/b.opus,happy,y1,y,3\n")
    assert main(["folder", str(tmp_path), str(out), "--labels", str(table)]) == 0
    assert [(item.actor, item.corpus) for item in annotations.read(out).items] == [("x1", "x"), ("y1", "y")]


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "voices/voices.csv").is_file(), reason="the corpora of voices are not here")
def test_ravdess_with_its_song_emodb_and_nemo(tmp_path: Path) -> None:
    """The commands of docs/training.md."""
    speech, voices, out = (tmp_path / f"{name}.csv" for name in ("speech", "voices", "all"))
    marks, sound = DATA / "ravdess/landmarks/dlib68_every_2nd_frame.npz", DATA / "ravdess/audio_22050_flac"
    assert main(["landmarks", str(marks), str(speech), "--audio-root", str(sound), "--splits", "none"]) == 0
    labels = ["--labels", str(DATA / "voices/voices.csv")]
    assert main(["folder", str(DATA / "voices"), str(voices), *labels]) == 0
    keep = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
    assert (
        main(["merge", str(out), f"ravdess={speech}", str(voices), "--labels", *keep, "--corpora", *CORPORA])
        == 0
    )
    items = annotations.read(out, allow_outside=True).items
    labels_of: dict[str, set[str]] = {}
    for item in items:
        labels_of.setdefault(item.corpus, set()).add(item.label)
    assert {corpus: len(labels) for corpus, labels in labels_of.items()} == {
        "ravdess": 8,
        "ravdess_song": 6,
        "emodb": 6,
        "nemo": 6,
    }
    people = {item.actor for item in items if item.corpus == "ravdess"}
    assert {item.actor for item in items if item.corpus == "ravdess_song"} < people, "the same people sing"
