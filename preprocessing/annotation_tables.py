"""The annotation files of a preprocessed folder, and which actor is on which side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emolive.errors import EmoliveError
from preprocessing import output as names
from preprocessing import splits
from preprocessing.annotations import ClipEntry, actor_order, write
from preprocessing.output import Output
from preprocessing.records import DatasetIndex, PreprocessConfig
from preprocessing.splits import Fold

AUTO = "auto"
OWN = "own"


def split(
    items: Sequence[ClipEntry], scheme: str, testing: Sequence[str] = (), validation: Sequence[str] = ()
) -> tuple[list[ClipEntry], str]:
    """Put clips on the sides of a split.

    Args:
        items: all clips.
        scheme: "none"; "auto" for the sides that the clips have already, else the published split where
            its actors are there, else none; "own" for the lists; or a scheme of `preprocessing.splits`,
            with ":2" for its second fold.
        testing: actors, for "own".
        validation: likewise.

    Returns:
        The clips, and what the split is in a few words.

    Raises:
        EmoliveError: there is no such scheme or fold, or the actors do not suffice for it.
    """
    actors = sorted({item.actor for item in items}, key=actor_order)
    listed = bool(testing or validation)
    if listed and scheme not in (AUTO, OWN):
        raise EmoliveError(f"Lists of actors go with --splits own, not with {scheme}.")
    if scheme == OWN and not listed:
        raise EmoliveError("--splits own wants --test-actors and --validation-actors.")
    if scheme == AUTO and not listed:
        if any(item.split for item in items):
            return list(items), "the data set's own split"
        scheme = "reference" if _published(actors) else "none"
    if scheme == "none":
        return [replace(item, split="") for item in items], "without a split"
    if "" in actors:
        raise EmoliveError(
            "Some clips name no actor, so they cannot be split: give a CSV with an actor column."
        )
    fold = splits.own(testing, validation, actors) if listed else _fold(scheme, actors)
    return splits.assign(items, fold), f"split {fold.name}"


def _fold(scheme: str, actors: Sequence[str]) -> Fold:
    name, colon, number = scheme.partition(":")
    folds = splits.folds(name, actors)
    if not colon:
        return folds[0]
    if not (number.isdecimal() and 1 <= int(number) <= len(folds)):
        raise EmoliveError(f"{name} has the folds 1 to {len(folds)}, not {number or 'none'}.")
    return folds[int(number) - 1]


def _published(actors: Sequence[str]) -> bool:
    """Whether these are actors of the published split."""
    try:
        return "" not in actors and bool(splits.released(actors))
    except EmoliveError:
        return False


def write_tables(
    output: Output, cut: PreprocessConfig, scan: DatasetIndex, clips: Sequence[ClipEntry]
) -> dict[str, int]:
    """Write `annotations.csv` (crops and their sound) and `annotations-landmarks.csv` (whole clips).

    A clip with neither picture nor sound is left out.

    Args:
        output: OUT.
        cut: what was cut out of each clip.
        scan: what OUT is to hold.
        clips: those of the scan on the sides of their split.

    Returns:
        Clips in each file.

    Raises:
        EmoliveError: no clip can be used, or a file cannot be written.
    """
    records = list(output.records(scan))
    sides = {clip.id: clip.split for clip in clips}
    written = {}
    for table, faces, mark, audio in (
        (names.ANNOTATIONS, f"{names.CROPS}/{{}}.npy", "", names.AUDIO),
        (names.LANDMARK_ANNOTATIONS, f"{names.LANDMARKS}/{{}}.npz", "#{}", names.WHOLE_AUDIO),
    ):
        items = []
        for record in records:
            clip = record.clip
            files = {name for step in record.steps.values() for name in step.files}
            face, sound = faces.format(clip.id), f"{audio}/{clip.id}.{cut.audio_format}"
            video = face + mark.format(clip.id) if face in files else ""
            heard = sound if sound in files else ""
            item = ClipEntry(clip.id, video, heard, clip.label, clip.actor, sides[clip.id])
            if item.video or item.audio:
                items.append(item)
        if not items:
            raise EmoliveError(f"No clip for {output.root / table} could be used: see the report.")
        write(output.root / table, items)
        written[table] = len(items)
    return written
