"""Implementations of the commands of `emolive-preprocess`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from emolive.errors import ConfigError
from preprocessing import output as names
from preprocessing.annotation_tables import apply_split, write_tables
from preprocessing.annotations import ClipEntry, escapes_root, read, relocate, write
from preprocessing.archives import split_path
from preprocessing.cli import (
    TABLE_SUFFIXES,
    AnnotationsOptions,
    CheckOptions,
    MergeOptions,
    PreprocessOptions,
    SplitOptions,
)
from preprocessing.contact_sheet import write_contact_sheets
from preprocessing.datasets.base import Dataset
from preprocessing.datasets.index import base_folder, index_dataset
from preprocessing.media_scan import is_media
from preprocessing.merge import merge
from preprocessing.output import OutputFolder
from preprocessing.records import DatasetIndex
from preprocessing.report import build_report
from preprocessing.report_view import print_index, print_report
from preprocessing.run import estimate, run, unfinished


def preprocess(name: str, dataset: Dataset, options: PreprocessOptions) -> int:
    """Extract faces and audio of a data set, or list its clips.

    Returns:
        1 for issues with `options.strict`, else 0.

    Raises:
        EmoliveError: the clips or the output folder cannot be used.
        Stopped: the run was interrupted.
    """
    console = Console()
    index = index_dataset(name, dataset, options.root)
    clips, split = _apply_split(options, index.clips)
    if options.lists_only:
        return _list_clips(options, index, clips, split, console)
    _check_folders(options, clips)
    output = OutputFolder(options.out)
    if options.dry_run:
        remaining = unfinished(options.root, output, index, options.steps)
        print_report(build_report(output, index), console)
        steps = " and ".join(options.steps)
        console.print(f"Clips to process: {len(remaining)} ({steps}). Nothing was written.")
        if remaining:
            with console.status("Measuring a few clips"):
                measured = estimate(options.root, remaining, options.config, options.steps)
            console.print(measured.sentence(options.workers), markup=False, highlight=False, soft_wrap=True)
        return 0
    summary = run(
        options.root,
        output,
        index,
        options.config,
        options.steps,
        workers=options.workers,
        console=Console(stderr=True),
    )
    if summary.processed:
        console.print(
            f"Clips: {summary.processed} in {summary.elapsed_s:.1f} s ({summary.clips_per_s:.2f} clips/s)."
        )
    sheets = write_contact_sheets(output, index) if "faces" in options.steps else 0
    written = write_tables(output, options.config, index, clips)
    code = _report(output, index, console, strict=options.strict)
    for table, n in written.items():
        console.print(_table_line(table, n, split))
    if sheets:
        path = escape(str(output.root / names.CONTACT_SHEETS))
        console.print(f"Contact sheets of the crops: {path}", soft_wrap=True)
    return code


def check(options: CheckOptions) -> int:
    """Compare all files of an output folder with their records.

    Returns:
        1 for issues with `options.strict`, else 0.
    """
    output = OutputFolder(options.out)
    _, index = output.plan()
    return _report(output, index, Console(), strict=options.strict, thorough=True)


def rewrite_annotations(options: AnnotationsOptions) -> int:
    """Rewrite annotation files."""
    console = Console()
    source, out = options.source, options.out
    if out is not None:
        path = source if source.suffix in TABLE_SUFFIXES else source / names.ANNOTATIONS
        # Rewritten files may refer to clips outside of the folder.
        table = read(path, allow_outside=True)
        items, split = _apply_split(options, table.items)
        _write_list(out, relocate(items, table.root, out.parent), split, console)
        return 0
    output = OutputFolder(source)
    config, index = output.plan()
    clips, split = _apply_split(options, index.clips)
    for name, n in write_tables(output, config, index, clips).items():
        console.print(_table_line(name, n, split))
    return 0


def merge_annotations(options: MergeOptions) -> int:
    """Merge annotation files."""
    console = Console()
    merged = merge(options.sources, options.out, options.labels, options.corpora)
    items, split = _apply_split(options, merged.items)
    print_index(DatasetIndex("merge", tuple(items), ()), console)
    if merged.left_out:
        text = ", ".join(f"{label} {n}" for label, n in merged.left_out.items())
        console.print(f"Left out: {text}.", markup=False, highlight=False, soft_wrap=True)
    _write_list(options.out, items, split, console)
    return 0


def _apply_split(options: SplitOptions, items: Sequence[ClipEntry]) -> tuple[list[ClipEntry], str]:
    return apply_split(items, options.splits, options.test_actors, options.validation_actors)


def _check_folders(options: PreprocessOptions, clips: Sequence[ClipEntry]) -> None:
    if options.out.resolve() == options.root.resolve():
        raise ConfigError("OUT must be another folder than ROOT.")
    if computed := next((clip for clip in clips if not is_media(clip, options.root)), None):
        raise ConfigError(
            f"The clip {computed.id} is not a media file ({computed.video}): give a .csv file as OUT, which "
            f"lists the clips in place."
        )


def _list_clips(
    options: PreprocessOptions, index: DatasetIndex, clips: list[ClipEntry], split: str, console: Console
) -> int:
    """Write annotations of the clips in place."""
    base = base_folder(options.root)
    if packed := next((clip for clip in clips if split_path(base / (clip.video or clip.audio))), None):
        raise ConfigError(
            f"The clip {packed.id} is in an archive, and training reads no archives: give a folder as OUT to "
            f"extract the clips to, or unpack the archive."
        )
    print_index(index, console)
    if options.dry_run:
        console.print(f"Clips to list: {len(clips)}. Nothing was written.")
    else:
        _write_list(options.out, relocate(clips, base, options.out.parent), split, console)
    return 1 if options.strict and index.issues else 0


def _write_list(path: Path, items: list[ClipEntry], split: str, console: Console) -> None:
    write(path, items)
    console.print(_table_line(path.name, len(items), split))
    if escapes_root(items):
        console.print("Some clips are outside its folder: train on it with --allow-outside.")


def _report(
    output: OutputFolder, index: DatasetIndex, console: Console, *, strict: bool, thorough: bool = False
) -> int:
    report = build_report(output, index, thorough=thorough)
    if not thorough:
        output.write_json(names.REPORT, report.to_dict())
    print_report(report, console)
    return 1 if strict and (report.issues or report.done < report.clips) else 0


def _table_line(name: str, clips: int, split: str) -> str:
    return escape(f"{name}: {split}, clips: {clips}.")
