"""Each leak is planted in data without any, and found: it alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.clip_digests import DIGEST_BYTES, clip_digests, name_digest, pack, unpack
from preprocessing.data_check import (
    CheckedData,
    check_crossval,
    check_evaluation,
    check_training,
    training_record,
)

LABELS = ("neutral", "happy", "angry")
SPLIT_OF = {"1": "training", "2": "training", "3": "validation", "4": "testing", "5": "testing"}
Clips = list[ClipEntry]


def clean() -> Clips:
    """Five people, three clips of each label; the first two neutral ones of each calibrate."""
    return [
        ClipEntry(f"{actor}_{label}_{n}", "", f"{actor}_{label}_{n}.wav", label, actor, split)
        for actor, split in SPLIT_OF.items()
        for label in LABELS
        for n in range(3)
    ]


def checked(clips: Clips, files: dict[str, bytes] | None = None) -> CheckedData:
    """Every file has a content of its own, unless `files` gives the content of a clip's."""
    return CheckedData(
        {split: [c for c in clips if c.split == split] for split in ("training", "validation", "testing")},
        {clip.id: frozenset([digest((files or {}).get(clip.id, clip.id.encode()))]) for clip in clips},
        {clip.id for clip in clips if clip.label == "neutral" and clip.id[-1] in "01"},
    )


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:DIGEST_BYTES]


def of(clips: Clips, **values: str) -> Clips:
    return [clip for clip in clips if all(getattr(clip, name) == value for name, value in values.items())]


def without(clips: Clips, **values: str) -> Clips:
    return [clip for clip in clips if clip not in of(clips, **values)]


def changed(clips: Clips, clip_id: str, **values: str) -> Clips:
    return [replace(clip, **values) if clip.id == clip_id else clip for clip in clips]  # type: ignore[arg-type]


def test_clean_data_has_no_findings() -> None:
    assert check_training(checked(clean())) == []
    assert check_training(checked(clean()), "validation")[0].kind == "one_actor"


TRAINING: dict[str, tuple[Callable[[Clips], Clips], dict[str, bytes], str]] = {
    "shared_actors": (
        lambda clips: changed(clips, "4_happy_0", actor="1"),
        {},
        r"Actor 1 is in both training and testing",
    ),
    "shared_actors of another spelling": (
        lambda clips: changed(clips, "3_happy_0", actor="02"),
        {},
        r"Actor 2 is in both training and validation",
    ),
    "shared_files": (
        lambda clips: clips,
        {"4_happy_0": b"same", "1_happy_1": b"same"},
        r"1 clip in testing has the same content as a clip in training \(1_happy_1 and 4_happy_0\)",
    ),
    "two_labels": (
        lambda clips: clips,
        {"1_happy_0": b"same", "1_angry_1": b"same"},
        r"different labels: 1_happy_0 is happy and 1_angry_1 angry",
    ),
    "unknown_actors": (
        lambda clips: changed(clips, "4_happy_0", actor=""),
        {},
        r"1 of the 45 clips name no actor \(4_happy_0\)",
    ),
    "untrained_class": (
        lambda clips: changed(clips, "4_happy_0", label="bored"),
        {},
        r"No training clip is bored, but clips in testing are",
    ),
    "untested_class": (
        lambda clips: [c for c in clips if not (c.split == "testing" and c.label == "angry")],
        {},
        r"No clip in testing is angry",
    ),
    "calibration_only": (
        lambda clips: [
            c for c in clips if not (c.label == "neutral" and c.split == "testing" and c.id[-1] == "2")
        ],
        {},
        r"No clip that is neutral is scored, since each person's first ones calibrate",
    ),
    "calibration_only of a side": (
        lambda clips: [
            c for c in clips if c.split != "validation" or (c.label == "neutral" and c.id[-1] in "01")
        ],
        {},
        r"All 2 clips of the split validation are neutral ones that calibrate .* so no epoch is chosen",
    ),
    "one_actor": (
        lambda clips: without(clips, actor="5"),
        {},
        r"are of one person \(4\), so there is no interval over people",
    ),
    "nothing_tested": (
        lambda clips: without(clips, split="testing"),
        {},
        r"No clip is in the split testing, so nothing says how good",
    ),
}


@pytest.mark.parametrize("plant", TRAINING)
def test_a_leak_between_splits_is_found(plant: str) -> None:
    change, files, message = TRAINING[plant]
    (finding,) = check_training(checked(change(clean()), files))
    assert finding.kind == plant.partition(" ")[0]
    assert re.search(message, finding.text), finding.text
    assert finding.text.endswith(".")


def test_a_cross_validation_scores_its_folds_together() -> None:
    def folds(clips: Clips, files: dict[str, bytes] | None = None) -> list[CheckedData]:
        return [
            checked([replace(c, split="testing" if c.actor == actor else "training") for c in clips], files)
            for actor in SPLIT_OF
        ]

    assert check_crossval(folds(clean())) == []
    found = check_crossval(folds(clean(), {"2_happy_0": b"same", "1_happy_1": b"same"}))
    assert {finding.kind for finding in found} == {"shared_files"}
    (finding,) = check_crossval(folds([c for c in clean() if c.label != "neutral" or c.id[-1] in "01"]))
    assert finding.kind == "calibration_only"


def evaluated(clips: Clips, record: dict[str, object], files: dict[str, bytes] | None = None) -> list[str]:
    data = checked([replace(clip, split="testing") for clip in clips], files)
    return [finding.text for finding in check_evaluation(data, LABELS, record)]


def test_a_checkpoint_knows_the_clips_that_it_learned_from() -> None:
    clips = clean()
    learned, others = of(clips, split="training"), of(clips, split="testing")
    digests = checked(clips).digests
    record: dict[str, object] = {"data": {"actors": ["1", "2"], **training_record(learned, digests)}}
    assert evaluated(others, record) == []
    (text,) = evaluated([*others, of(clips, id="1_happy_0")[0]], record)
    assert "learned from 1 of the 15 clips that are scored (1_happy_0)" in text
    moved = [*others, ClipEntry("new name", "", "x.wav", "happy", "9")]
    assert evaluated(moved, record) == []
    (text,) = evaluated(moved, record, {"new name": b"1_happy_0"})
    assert "(new name)" in text, "the content is the same"
    (text,) = evaluated([*others, ClipEntry("another", "", "y.wav", "happy", "01")], record)
    assert "learned from clips of actor 1, as are 1 of the 15 clips" in text
    (text,) = evaluated(others, {"data": {"actors": ["1"], "validation_actors": ["4"]}})
    assert "was chosen by clips of actor 4" in text


def test_a_checkpoint_that_says_nothing_of_its_data_is_named() -> None:
    (text,) = evaluated(of(clean(), split="testing"), {})
    assert "does not say from which clips it learned" in text
    assert evaluated(of(clean(), split="testing"), {"data": {"clip_digests": 7, "actors": ["1"]}}) == []


def test_classes_and_people_that_are_not_scored_are_named() -> None:
    record: dict[str, object] = {"data": {"actors": ["1"]}}
    clips = of(clean(), split="testing")
    (text,) = evaluated(without(clips, label="angry"), record)
    assert text == "No clip is angry: nothing is said about this class."
    (text,) = evaluated([c for c in clips if c.id[-1] in "01"], record)
    assert "No clip that is neutral is scored" in text
    (text,) = evaluated(without(clips, actor="5"), record)
    assert "one person (4)" in text


def test_the_record_holds_no_names() -> None:
    record = training_record(clean(), checked(clean()).digests)
    assert all(set(value.lower()).isdisjoint("_ ") for value in record.values())
    assert name_digest(clean()[0]) in unpack(record["clip_digests"])
    assert unpack(pack([])) == unpack("no base 64!") == unpack(None) == frozenset()


def test_content_counts_and_not_names_or_folders(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, 9000), 16_000)
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    points = rng.integers(0, 99, (5, 68, 2)).astype(np.int16)
    np.savez(tmp_path / "m.npz", **{"k/xy": points, "k/frame": np.arange(5), "l/xy": points + 1})  # type: ignore[arg-type]
    np.savez_compressed(tmp_path / "n.npz", **{"z/xy": points})  # type: ignore[arg-type]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.jpg").write_bytes(b"picture")
    entries = {
        "a": ("", "a.wav"),
        "copy": ("", "copy.wav"),
        "b": ("", "b.wav"),
        "k": ("m.npz#k", ""),
        "z": ("n.npz#z", ""),
        "l": ("m.npz#l", ""),
        "one": ("one", ""),
        "two": ("two", ""),
        "gone": ("gone.mp4", "a.wav"),
        "damaged": ("a.wav", "a.wav"),
        "lacking": ("m.npz#nothing", ""),
    }
    items = tuple(ClipEntry(name, *files, "happy", "1", "") for name, files in entries.items())
    digests = clip_digests(Annotations(items, tmp_path))
    assert digests["a"] == digests["copy"] == digests["gone"] == digests["damaged"]
    assert digests["k"] == digests["z"]
    assert digests["one"] == digests["two"]
    assert digests["lacking"] == frozenset()
    assert len({*map(frozenset, digests.values())}) == 6


def test_large_files_are_told_apart_by_their_ends_and_middle(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(3 << 20)
    for i, at in enumerate((None, 5, 3 << 19, (3 << 20) - 1)):
        changed = bytearray(content)
        if at is not None:
            changed[at] ^= 1
        (tmp_path / f"{i}.bin").write_bytes(changed)
    items = tuple(ClipEntry(str(i), f"{i}.bin", "", "x", "1") for i in range(4))
    assert len(set(clip_digests(Annotations(items, tmp_path)).values())) == 4
