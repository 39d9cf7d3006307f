"""The built-in data sets: which clips they have, and which issues they report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.errors import EmoliveError
from emolive.plugins import DATASETS
from preprocessing.datasets.folder import Folder
from preprocessing.datasets.index import index_dataset
from preprocessing.datasets.mead import Mead
from preprocessing.datasets.ravdess import Channel, Ravdess, trials
from preprocessing.output import PLAN
from preprocessing.records import DatasetIndex, Issue
from tests.helpers.small_clips import write_clip


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


def clips_of(name: str, root: Path) -> list[tuple[str, str, str, str, str]]:
    index = index_dataset(name, DATASETS.get(name)(), root)
    return [(clip.id, clip.video, clip.audio, clip.label, clip.actor) for clip in index.clips]


def test_crema_d_as_downloaded(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "VideoFlash/1001_DFA_ANG_XX.flv",
        "AudioMP3/1001_DFA_ANG_XX.mp3",
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "AudioWAV/1040_ITH_SAD_X.wav",
        "AudioWAV/1001_DFA_JOY_XX.wav",
        "processedResults/summaryTable.csv",
    )
    assert clips_of("crema-d", tmp_path) == [
        (
            "1001_DFA_ANG_XX",
            "VideoFlash/1001_DFA_ANG_XX.flv",
            "AudioWAV/1001_DFA_ANG_XX.wav",
            "angry",
            "1001",
        ),
        ("1040_ITH_SAD_X", "", "AudioWAV/1040_ITH_SAD_X.wav", "sad", "1040"),
    ]
    index = index_dataset("crema-d", DATASETS.get("crema-d")(), tmp_path)
    assert index.skipped == {".csv files": 1, "files of a clip in a second format": 1}
    assert [issue.clip for issue in index.issues] == ["AudioWAV/1001_DFA_JOY_XX.wav"]


def test_savee_as_downloaded_and_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path / "a", "AudioVisualClip/DC/sa3.avi", "AudioData/DC/sa03.wav", "AudioData/KL/n30.wav")
    assert clips_of("savee", tmp_path / "a") == [
        ("DC_sa03", "AudioVisualClip/DC/sa3.avi", "AudioData/DC/sa03.wav", "sad", "DC"),
        ("KL_n30", "", "AudioData/KL/n30.wav", "neutral", "KL"),
    ]
    touch(tmp_path / "b", "JE_su01.wav", "a01.wav")
    assert [clip[3:] for clip in clips_of("savee", tmp_path / "b")] == [("surprised", "JE")]
    assert [clip[3:] for clip in clips_of("savee", tmp_path / "a/AudioData/DC")] == [("sad", "DC")]


def test_emodb_as_downloaded(tmp_path: Path) -> None:
    touch(tmp_path, "wav/03a01Fa.wav", "wav/16b10Lb.wav", "wav/17a01Fa.wav")
    labels = [(clip[0], *clip[3:]) for clip in clips_of("emodb", tmp_path)]
    assert labels == [("03a01Fa", "happy", "03"), ("16b10Lb", "bored", "16")]


def test_mead_has_one_view_and_its_sound(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "M003/video/front/disgusted/level_1/001.mp4",
        "M003/video/left_30/disgusted/level_1/001.mp4",
        "M003/audio/disgusted/level_1/001.m4a",
        "W009/video/front/fear/level_3/012.mp4",
        "flat/M005_front_happy_level_2_004.mp4",
    )
    assert clips_of("mead", tmp_path) == [
        (
            "M003_disgusted_1_001",
            "M003/video/front/disgusted/level_1/001.mp4",
            "M003/audio/disgusted/level_1/001.m4a",
            "disgust",
            "M003",
        ),
        ("M005_happy_2_004", *["flat/M005_front_happy_level_2_004.mp4"] * 2, "happy", "M005"),
        ("W009_fear_3_012", *["W009/video/front/fear/level_3/012.mp4"] * 2, "fearful", "W009"),
    ]
    assert index_dataset("mead", Mead(), tmp_path).skipped == {"other views": 1}
    (side,) = index_dataset("mead", Mead(view="left_30"), tmp_path).clips[:1]
    assert side.video == "M003/video/left_30/disgusted/level_1/001.mp4"
    assert [clip[4] for clip in clips_of("mead", tmp_path / "M003")] == ["M003"]


def test_folders_of_splits_are_splits(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "train/happy/a.mp4",
        "Valid/happy/b.mp4",
        "test/sad/c.mp4",
        "train/anna/sad/d.mp4",
        "train/e.mp4",
    )
    index = index_folder(tmp_path)
    assert [(clip.label, clip.actor, clip.split) for clip in index.clips] == [
        ("happy", "", "validation"),
        ("sad", "", "testing"),
        ("sad", "anna", "training"),
        ("happy", "", "training"),
    ]
    assert [issue.clip for issue in issues_of(index, "misnamed")] == ["train/e.mp4"]


@pytest.mark.parametrize(
    ("names", "command"),
    [
        (["Actor_01/01-01-03-01-01-01-01.mp4", "ACTOR02/01-01-03-01-01-01-02.mp4"], "ravdess"),
        (
            [
                "ACTOR01/01-01-03-01-01-01-01.mp4",
                "ACTOR01/01-01-05-01-01-01-01.mp4",
                "x/01-01-03-01-01-01-02.mp4",
            ],
            "ravdess",
        ),
        (["01-01-03-01-01-01-01.mp4", "01-01-05-01-01-01-01.mp4"], "ravdess"),
        (["wav/03a01Fa.wav", "wav/03a01Wa.wav"], "emodb"),
        (["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_DFA_SAD_XX.wav", "notes.txt"], "crema-d"),
        (["AudioData/DC/a01.wav", "AudioData/DC/su01.wav", "AudioData/JE/a01.wav"], "savee"),
        (["M003/video/front/angry/level_1/001.mp4", "M003/video/front/angry/level_2/001.mp4"], "mead"),
    ],
)
def test_a_known_data_set_is_recognised(tmp_path: Path, names: list[str], command: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(EmoliveError, match=f"use emolive-preprocess {command}\\."):
        index_folder(tmp_path)


@pytest.mark.parametrize("folders", [("happy", "sad"), ("positive", "negative"), ("train/happy", "test/sad")])
def test_own_labels_of_a_known_data_set_stay_and_its_names_give_the_actors(
    tmp_path: Path, folders: tuple[str, str]
) -> None:
    names = [f"{folders[0]}/01-01-03-01-01-01-{actor}.mp4" for actor in ("01", "02")]
    names += [f"{folders[1]}/01-01-04-01-01-01-{actor}.mp4" for actor in ("01", "02")]
    index = index_folder(touch(tmp_path, *names))
    assert {clip.label for clip in index.clips} == {folder.rpartition("/")[2] for folder in folders}
    assert sorted(clip.actor for clip in index.clips) == ["01", "01", "02", "02"]


def test_any_suffix_that_can_be_decoded_is_read(tmp_path: Path) -> None:
    suffixes = [
        ".flv",
        ".ts",
        ".wmv",
        ".3gp",
        ".opus",
        ".aiff",
        ".MTS",
        ".mpeg",
        ".au",
        ".caf",
        ".w64",
        ".wma",
    ]
    touch(tmp_path, *(f"happy/{i}{suffix}" for i, suffix in enumerate(suffixes)))
    chirp = np.sin(np.arange(8000) / 9)
    soundfile.write(tmp_path / "happy/sound.unknown", chirp, 8000, format="WAV")
    write_clip(tmp_path / "happy/video", 0.5)
    index = index_folder(tmp_path)
    assert len(index.clips) == len(suffixes) + 2
    videos = {Path(clip.video).suffix for clip in index.clips if clip.video}
    assert videos == {".flv", ".ts", ".wmv", ".3gp", ".MTS", ".mpeg", ""}
    assert not index.issues


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "happy/a.mp4",
        "happy/notes.txt",
        "happy/b.jpg",
        "happy/c.jpg",
        "happy/README",
        ".hidden/x.mp4",
    )
    touch(tmp_path, "Video_Speech_Actor_01.rar", "broken.zip", "__MACOSX/happy/a.mp4")
    index = index_folder(tmp_path)
    assert [clip.id for clip in index.clips] == ["happy__a"]
    assert index.skipped == {".jpg files": 2, ".txt files": 1, "files without a suffix": 1}
    assert [(issue.kind, issue.clip) for issue in index.issues] == [
        ("packed", "Video_Speech_Actor_01.rar"),
        ("corrupt", "broken.zip"),
    ]
    (tmp_path / "happy/a.mp4").unlink()
    with pytest.raises(
        EmoliveError,
        match=r"Passed over: \.jpg files 2, .*emolive-train backbone\. 2 files are packed, .*rar.*: unpack",
    ):
        index_folder(tmp_path)
    with pytest.raises(EmoliveError, match="2 files are packed, such as Video"):
        index_ravdess(tmp_path)
    with pytest.raises(EmoliveError, match=r"is a \.rar file: unpack it"):
        index_folder(tmp_path / "Video_Speech_Actor_01.rar")
    with pytest.raises(EmoliveError, match=r"broken\.zip: It is damaged, a part of a larger one, or no zip"):
        index_folder(tmp_path / "broken.zip")


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "happy/a.mp4", "b.mp4")
    root = tmp_path / "root"
    (root / "sad").mkdir(parents=True)
    (root / "linked").symlink_to(tmp_path / "elsewhere/happy", target_is_directory=True)
    (root / "again").symlink_to(root, target_is_directory=True)
    (root / "sad/b.mp4").symlink_to(tmp_path / "elsewhere/b.mp4")
    (root / "sad/gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    index = index_folder(root)
    assert [(clip.label, clip.video) for clip in index.clips] == [
        ("linked", "linked/a.mp4"),
        ("sad", "sad/b.mp4"),
    ]
    assert [(issue.kind, issue.clip) for issue in index.issues] == [("missing", "sad/gone.mp4")]


def test_a_csv_names_files_of_any_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "a.flv", "b.txt", "c.mp4", "c.avi")
    table = tmp_path / "labels.csv"
    table.write_text("file,label,actor,split\na.flv,bored,7,train\nb.txt,keen,7,\nc.mp4,keen,8,test\n")
    index = index_folder(tmp_path, labels=table)
    assert [(clip.video, clip.label, clip.split) for clip in index.clips] == [
        ("a.flv", "bored", "training"),
        ("c.mp4", "keen", "testing"),
    ]
    (issue,) = index.issues
    assert (issue.clip, issue.text) == ("b.txt", "It is in the CSV file, but is no video or sound file.")
    assert index.skipped == {".txt files": 1}
    table.write_text("file,label\na.flv,bored,7\n")
    with pytest.raises(EmoliveError, match=r"labels\.csv, row 2: it has 3 columns, and row 1 has 2"):
        index_folder(tmp_path, labels=table)
