"""The built-in data sets: which clips they have, and which issues they report."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.errors import EmoliveError
from preprocessing.datasets.folder import Folder
from preprocessing.datasets.index import index_dataset
from preprocessing.datasets.ravdess import Channel, Ravdess, trials
from preprocessing.output import PLAN
from preprocessing.records import DatasetIndex, Issue


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def index_ravdess(root: Path, channel: Channel = "speech") -> DatasetIndex:
    return index_dataset("ravdess", Ravdess(channel), root)


def index_folder(root: Path, labels: Path | None = None) -> DatasetIndex:
    return index_dataset("folder", Folder(labels), root)


def issues_of(index: DatasetIndex, kind: str) -> list[Issue]:
    return [issue for issue in index.issues if issue.kind == kind]


def test_ravdess_has_60_speech_and_44_song_trials_an_actor() -> None:
    assert len(trials("01", "05")) == 60
    assert len(trials("02", "05")) == 44
    assert trials("02", "18") == []


@pytest.mark.parametrize("folder", ["Actor_01/", "ACTOR01/", "", "Video_Speech_Actor_01/Actor_01/"])
@pytest.mark.parametrize("suffix", [".mp4", ".AVI", ".mov"])
def test_clips_are_listed_in_any_layout(tmp_path: Path, folder: str, suffix: str) -> None:
    touch(
        tmp_path,
        f"{folder}01-01-06-02-01-02-01{suffix}",
        f"{folder}02-01-06-02-01-02-01{suffix}",
        "sound/Actor_01/03-01-06-02-01-02-01.flac",
        f"{folder}._01-01-06-02-01-02-01{suffix}",
    )
    index = index_ravdess(tmp_path)
    (clip,) = index.clips
    assert (clip.id, clip.label, clip.actor) == ("01-01-06-02-01-02-01", "fearful", "01")
    assert clip.video == f"{folder}01-01-06-02-01-02-01{suffix}"
    assert clip.audio == "sound/Actor_01/03-01-06-02-01-02-01.flac"
    assert index.skipped == {"silent twins": 1}


def test_speech_and_song_are_separate(tmp_path: Path) -> None:
    touch(tmp_path, "01-01-03-01-01-01-01.mp4", "01-02-03-01-01-01-01.mp4")
    assert [clip.id for clip in index_ravdess(tmp_path, channel="song").clips] == ["01-02-03-01-01-01-01"]
    assert index_ravdess(tmp_path).skipped == {"song": 1}
    assert len(index_ravdess(tmp_path, channel="both").clips) == 2


def test_audio_alone_is_a_clip_without_video(tmp_path: Path) -> None:
    index = index_ravdess(touch(tmp_path, "03-01-03-01-01-01-01.wav"))
    (clip,) = index.clips
    assert (clip.id, clip.video) == ("03-01-03-01-01-01-01", "")
    assert Issue("missing", "01-01-03-01-01-01-01", "There is no clip, only its audio.") in index.issues


def test_missing_clips_are_listed_by_trial_and_by_actor(tmp_path: Path) -> None:
    missing = issues_of(index_ravdess(touch(tmp_path, "01-01-03-01-01-01-01.mp4")), "missing")
    assert len(missing) == 59 + 23
    assert Issue("missing", "actor 24", "There is no clip of this actor.") in missing


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("holiday.mp4", "not named like a RAVDESS clip"),
        ("01-01-01-02-01-01-01.mp4", "a trial that RAVDESS does not have"),
        ("01-01-03-01-01-01-25.mp4", "RAVDESS has 24"),
        ("03-01-03-01-01-01-01.mp4", "modality 03"),
        ("01-01-03-01-01-01-01.wav", "modality 01"),
        ("Actor_02/01-01-03-01-01-01-01.mp4", "folder of actor 02"),
    ],
)
def test_a_wrong_name_is_an_issue(tmp_path: Path, name: str, message: str) -> None:
    index = index_ravdess(touch(tmp_path, "01-01-05-01-01-01-01.mp4", name))
    assert [clip.label for clip in index.clips] == ["angry"]
    (issue,) = issues_of(index, "misnamed")
    assert issue.clip == name
    assert message in issue.text


def test_of_two_clips_of_one_name_the_first_is_used(tmp_path: Path) -> None:
    index = index_ravdess(touch(tmp_path, "a/01-01-03-01-01-01-01.mp4", "b/01-01-03-01-01-01-01.mp4"))
    assert [clip.video for clip in index.clips] == ["a/01-01-03-01-01-01-01.mp4"]
    assert [issue.clip for issue in issues_of(index, "duplicated")] == ["b/01-01-03-01-01-01-01.mp4"]


def test_the_output_folder_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path, "01-01-03-01-01-01-01.mp4", "out/audio/01-01-03-01-01-01-01.flac", f"out/{PLAN}")
    assert not issues_of(index_ravdess(tmp_path), "misnamed")


def test_an_empty_or_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="emolive-preprocess folder"):
        index_ravdess(tmp_path)
    with pytest.raises(EmoliveError, match="nothing at"):
        index_ravdess(tmp_path / "nowhere")


def test_labels_and_actors_come_from_folders(tmp_path: Path) -> None:
    touch(tmp_path, "anna/bored/a 1.mp4", "anna/bored/a 1.wav", "keen/b.mov", "c.mp4", "keen/b.mp4")
    index = index_folder(tmp_path)
    assert [(c.id, c.label, c.actor, c.video, c.audio) for c in index.clips] == [
        ("anna__bored__a_1", "bored", "anna", "anna/bored/a 1.mp4", "anna/bored/a 1.wav"),
        ("keen__b", "keen", "", "keen/b.mov", "keen/b.mov"),
    ]
    assert [(issue.kind, issue.clip) for issue in index.issues] == [
        ("duplicated", "keen/b.mp4"),
        ("misnamed", "c.mp4"),
    ]


def test_ids_differ_where_names_look_alike(tmp_path: Path) -> None:
    touch(tmp_path, "x/a b.mp4", "x/a_b.mp4", "x/A_B.mp4")
    assert len({clip.id.casefold() for clip in index_folder(tmp_path).clips}) == 3


def test_labels_come_from_a_csv(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.wav", "c.mp4")
    table = tmp_path / "labels.csv"
    table.write_text("file,label,actor\na.mp4,bored,7\nb.wav,keen,\ngone.mp4,keen,8\n")
    index = index_folder(tmp_path, labels=table)
    assert [(clip.label, clip.actor) for clip in index.clips] == [("bored", "7"), ("keen", "")]
    assert [(issue.kind, issue.clip) for issue in index.issues] == [("missing", "gone.mp4")]
    assert index.skipped == {"not in the CSV": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.mp4,x\n", "columns file,label"),
        ("file,label\n../a.mp4,x\n", "row 2 is outside the folder"),
        ("file,label\n/a.mp4,x\n", "outside the folder"),
        ("file,label\na.mp4,\n", "has no label"),
        ("file,label\na.mp4,x\na.mp4,y\n", "second time"),
        ("", "columns file,label"),
    ],
)
def test_a_bad_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(EmoliveError, match=message):
        index_folder(tmp_path, labels=tmp_path / "labels.csv")


def test_an_index_round_trips_through_json(tmp_path: Path) -> None:
    index = index_ravdess(touch(tmp_path, "01-01-03-01-01-01-01.mp4", "x.mp4"))
    assert DatasetIndex.from_dict(index.to_dict()) == index
