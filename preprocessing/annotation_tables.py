"""The annotation files of an output folder, and which actor is in which split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emolive.errors import ConfigError
from preprocessing import output as names
from preprocessing import splits
from preprocessing.annotations import ClipEntry, actor_order, write
from preprocessing.clip_parts import part_name
from preprocessing.output import OutputFolder
from preprocessing.records import DatasetIndex, PreprocessConfig

AUTO, CUSTOM, NONE = "auto", "custom", "none"


def apply_split(
    items: Sequence[ClipEntry], scheme: str, testing: Sequence[str] = (), validation: Sequence[str] = ()
) -> tuple[list[ClipEntry], str]:
    """Assign clips to splits.

    Args:
        items: all clips.
        scheme: "none"; "auto" for the splits that the clips have already, else the published split if its
            actors are there, else none; "custom" for the lists; or a scheme of `preprocessing.splits`, with
            ":2" for its second fold.
        testing: test actors, for "custom".
        validation: validation actors, for "custom".

    Returns:
        The clips, and a description of the split for a report.

    Raises:
        ConfigError: there is no such scheme or fold, or there are too few actors for it.
    """
    actors = sorted({item.actor for item in items}, key=actor_order)
    has_lists = bool(testing or validation)
    if has_lists and scheme not in (AUTO, CUSTOM):
        raise ConfigError(f"Use lists of actors with --splits custom, not with {scheme}.")
    if scheme == CUSTOM and not has_lists:
        raise ConfigError("--splits custom needs --test-actors and --validation-actors.")
    if scheme == AUTO and not has_lists:
        if any(item.split for item in items):
            return list(items), "split of the data set"
        scheme = "reference" if _has_published_actors(actors) else NONE
    if scheme == NONE:
        return [replace(item, split="") for item in items], "without a split"
    if "" in actors:
        raise ConfigError("Some clips have no actor and cannot be split: give a CSV file with actors.")
    if has_lists:
        fold = splits.custom_split(testing, validation, actors)
    else:
        fold = splits.fold_of(scheme, actors, splits.actors_by_corpus(items))
    return splits.assign(items, fold), f"split {fold.name}"


def _has_published_actors(actors: Sequence[str]) -> bool:
    try:
        return "" not in actors and bool(splits.published_split(actors))
    except ConfigError:
        return False


def write_tables(
    output: OutputFolder, config: PreprocessConfig, index: DatasetIndex, clips: Sequence[ClipEntry]
) -> dict[str, int]:
    """Write `annotations.csv` (crops and their audio) and `annotations-landmarks.csv` (full clips).

    Clips without faces and audio are left out. A long clip has a row in `annotations.csv` for each window.

    Args:
        output: the folder.
        config: the configuration of the extraction.
        index: the clips of the folder.
        clips: the same clips with their splits.

    Returns:
        The number of clips by file name.

    Raises:
        ConfigError: no clip can be used.
        OutputError: a file cannot be written.
    """
    records = list(output.records(index))
    split_of = {clip.id: clip.split for clip in clips}
    written = {}
    for table, video_path, key, audio_folder in (
        (names.ANNOTATIONS, f"{names.CROPS}/{{}}.npy", "", names.AUDIO),
        (names.LANDMARK_ANNOTATIONS, f"{names.LANDMARKS}/{{}}.npz", "#{}", names.FULL_AUDIO),
    ):
        items = []
        for record in records:
            clip = record.clip
            files = {name for step in record.steps.values() for name in step.files}
            windows = max((step.stats.get("windows", 1) for step in record.steps.values()), default=1)
            for name in (part_name(clip.id, i) for i in range(1 if key else windows)):
                video = video_path.format(name)
                audio = f"{audio_folder}/{name}.{config.audio_format}"
                item = replace(
                    clip,
                    id=name,
                    video=video + key.format(name) if video in files else "",
                    audio=audio if audio in files else "",
                    split=split_of[clip.id],
                )
                if item.video or item.audio:
                    items.append(item)
        if not items:
            raise ConfigError(f"No clip can be used for {output.root / table}: see the report.")
        write(output.root / table, items)
        written[table] = len(items)
    return written
