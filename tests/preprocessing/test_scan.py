"""Which clips are found, what belongs together, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.errors import EmoliveError
from preprocessing.datasets import scan
from preprocessing.folder import Folder
from preprocessing.output import PLAN
from preprocessing.ravdess import Channel, Ravdess, trials
from preprocessing.records import DatasetIndex, Issue


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def scan_ravdess(root: Path, channel: Channel = "speech") -> DatasetIndex:
    return scan("ravdess", Ravdess(channel), root)


def scan_folder(root: Path, labels: Path | None = None) -> DatasetIndex:
    return scan("folder", Folder(labels), root)


def faults_of(scan: DatasetIndex, kind: str) -> list[Issue]:
    return [fault for fault in scan.faults if fault.kind == kind]


def test_ravdess_has_60_speech_and_44_song_trials_an_actor() -> None:
    assert len(trials("01", "05")) == 60
    assert len(trials("02", "05")) == 44
    assert trials("02", "18") == []


@pytest.mark.parametrize("folder", ["Actor_01/", "ACTOR01/", "", "Video_Speech_Actor_01/Actor_01/"])
@pytest.mark.parametrize("suffix", [".mp4", ".AVI", ".mov"])
def test_a_clip_is_found_in_any_layout(tmp_path: Path, folder: str, suffix: str) -> None:
    touch(
        tmp_path,
        f"{folder}01-01-06-02-01-02-01{suffix}",
        f"{folder}02-01-06-02-01-02-01{suffix}",
        "sound/Actor_01/03-01-06-02-01-02-01.flac",
        f"{folder}._01-01-06-02-01-02-01{suffix}",
    )
    scan = scan_ravdess(tmp_path)
    (clip,) = scan.clips
    assert (clip.id, clip.label, clip.actor) == ("01-01-06-02-01-02-01", "fearful", "01")
    assert clip.video == f"{folder}01-01-06-02-01-02-01{suffix}"
    assert clip.audio == "sound/Actor_01/03-01-06-02-01-02-01.flac"
    assert scan.left_out == {"silent twins": 1}


def test_speech_and_song_are_kept_apart(tmp_path: Path) -> None:
    touch(tmp_path, "01-01-03-01-01-01-01.mp4", "01-02-03-01-01-01-01.mp4")
    assert [clip.id for clip in scan_ravdess(tmp_path, channel="song").clips] == ["01-02-03-01-01-01-01"]
    assert scan_ravdess(tmp_path).left_out == {"song": 1}
    assert len(scan_ravdess(tmp_path, channel="both").clips) == 2


def test_sound_alone_is_a_clip_and_its_picture_is_missing(tmp_path: Path) -> None:
    scan = scan_ravdess(touch(tmp_path, "03-01-03-01-01-01-01.wav"))
    (clip,) = scan.clips
    assert (clip.id, clip.video) == ("03-01-03-01-01-01-01", "")
    assert Issue("missing", "01-01-03-01-01-01-01", "The clip is not there, only its sound.") in scan.faults


def test_what_is_missing_is_listed_by_trial_and_by_actor(tmp_path: Path) -> None:
    missing = faults_of(scan_ravdess(touch(tmp_path, "01-01-03-01-01-01-01.mp4")), "missing")
    assert len(missing) == 59 + 23
    assert Issue("missing", "actor 24", "There is no clip of this actor.") in missing


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("holiday.mp4", "Is not named as RAVDESS"),
        ("01-01-01-02-01-01-01.mp4", "a trial that RAVDESS does not have"),
        ("01-01-03-01-01-01-25.mp4", "RAVDESS has 24"),
        ("03-01-03-01-01-01-01.mp4", "modality 03"),
        ("01-01-03-01-01-01-01.wav", "modality 01"),
        ("Actor_02/01-01-03-01-01-01-01.mp4", "folder of actor 02"),
    ],
)
def test_a_wrong_name_is_left_out_and_said(tmp_path: Path, name: str, says: str) -> None:
    scan = scan_ravdess(touch(tmp_path, "01-01-05-01-01-01-01.mp4", name))
    assert [clip.label for clip in scan.clips] == ["angry"]
    (fault,) = faults_of(scan, "misnamed")
    assert fault.clip == name
    assert says in fault.text


def test_of_two_clips_of_one_name_the_first_is_used(tmp_path: Path) -> None:
    scan = scan_ravdess(touch(tmp_path, "a/01-01-03-01-01-01-01.mp4", "b/01-01-03-01-01-01-01.mp4"))
    assert [clip.video for clip in scan.clips] == ["a/01-01-03-01-01-01-01.mp4"]
    assert [fault.clip for fault in faults_of(scan, "duplicated")] == ["b/01-01-03-01-01-01-01.mp4"]


def test_the_output_folder_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path, "01-01-03-01-01-01-01.mp4", "out/audio/01-01-03-01-01-01-01.flac", f"out/{PLAN}")
    assert not faults_of(scan_ravdess(tmp_path), "misnamed")


def test_an_empty_or_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="emolive-preprocess folder"):
        scan_ravdess(tmp_path)
    with pytest.raises(EmoliveError, match="nothing at"):
        scan_ravdess(tmp_path / "nowhere")


def test_labels_and_actors_come_from_folders(tmp_path: Path) -> None:
    touch(tmp_path, "anna/bored/a 1.mp4", "anna/bored/a 1.wav", "keen/b.mov", "c.mp4", "keen/b.mp4")
    scan = scan_folder(tmp_path)
    assert [(c.id, c.label, c.actor, c.video, c.audio) for c in scan.clips] == [
        ("anna__bored__a_1", "bored", "anna", "anna/bored/a 1.mp4", "anna/bored/a 1.wav"),
        ("keen__b", "keen", "", "keen/b.mov", "keen/b.mov"),
    ]
    assert [(fault.kind, fault.clip) for fault in scan.faults] == [
        ("duplicated", "keen/b.mp4"),
        ("misnamed", "c.mp4"),
    ]


def test_ids_differ_where_names_look_alike(tmp_path: Path) -> None:
    touch(tmp_path, "x/a b.mp4", "x/a_b.mp4", "x/A_B.mp4")
    assert len({clip.id.casefold() for clip in scan_folder(tmp_path).clips}) == 3


def test_labels_come_from_a_csv(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.wav", "c.mp4")
    table = tmp_path / "labels.csv"
    table.write_text("file,label,actor\na.mp4,bored,7\nb.wav,keen,\ngone.mp4,keen,8\n")
    scan = scan_folder(tmp_path, labels=table)
    assert [(clip.label, clip.actor) for clip in scan.clips] == [("bored", "7"), ("keen", "")]
    assert [(fault.kind, fault.clip) for fault in scan.faults] == [("missing", "gone.mp4")]
    assert scan.left_out == {"not in the CSV": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,label\na.mp4,x\n", "columns file,label"),
        ("file,label\n../a.mp4,x\n", "row 2 leaves the folder"),
        ("file,label\n/a.mp4,x\n", "leaves the folder"),
        ("file,label\na.mp4,\n", "names no label"),
        ("file,label\na.mp4,x\na.mp4,y\n", "second time"),
        ("", "columns file,label"),
    ],
)
def test_a_bad_csv_is_refused(tmp_path: Path, text: str, says: str) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(EmoliveError, match=says):
        scan_folder(tmp_path, labels=tmp_path / "labels.csv")


def test_a_scan_comes_back_from_json(tmp_path: Path) -> None:
    scan = scan_ravdess(touch(tmp_path, "01-01-03-01-01-01-01.mp4", "x.mp4"))
    assert DatasetIndex.from_dict(scan.to_dict()) == scan
