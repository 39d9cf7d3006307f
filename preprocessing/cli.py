"""`emolive-preprocess`: from clips to crops, sound, landmarks and annotations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from emolive.errors import EmoliveError
from preprocessing import grid, report, splits, tables
from preprocessing import output as names
from preprocessing.annotations import actor_order, write
from preprocessing.folder import scan_folder
from preprocessing.landmarks_npz import annotate
from preprocessing.output import Output
from preprocessing.ravdess import scan_ravdess
from preprocessing.records import STEPS, Cut, Scan, Step
from preprocessing.run import Stopped, default_workers, run, unfinished

MAX_SIZE = 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Exit codes: 1 faults under --strict, 2 bad input, 130 stopped."""
    console, errors = Console(), Console(stderr=True)
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args([_hyphenated(argument) for argument in given])
    try:
        found: int = options.run(options, console, errors)
    except EmoliveError as error:
        errors.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt as stop:
        text = str(stop) if isinstance(stop, Stopped) else "Stopped."
        errors.print(text, highlight=False, soft_wrap=True)
        return 130
    return found


def _hyphenated(argument: str) -> str:
    """--dry_run is --dry-run."""
    name, equals, value = argument.partition("=")
    return (name.replace("_", "-") if name.startswith("--") else name) + equals + value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emolive-preprocess",
        description="Cut clips into what training reads: face crops and sound of the same 3.6 seconds, "
        "landmarks and sound of whole clips, and annotations with splits by actor.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    ravdess = add("ravdess", "RAVDESS clips in any of their usual layouts: faces, sound and annotations")
    folder = add("folder", "any clips: LABEL/clip.mp4, ACTOR/LABEL/clip.mp4, or a CSV of labels")
    faces = add("faces", "face crops and landmarks alone")
    audio = add("audio", "sound alone")
    for command in (ravdess, folder, faces, audio):
        command.add_argument("root", type=Path, metavar="ROOT", help="folder with the clips, at any depth")
        command.add_argument("out", type=Path, metavar="OUT", help="folder to fill")
    for command in (faces, audio):
        command.add_argument("--layout", choices=("ravdess", "folder"), default="ravdess")
    for command in (ravdess, faces, audio):
        command.add_argument("--channel", choices=("speech", "song", "both"), default="speech")
    for command in (folder, faces, audio):
        command.add_argument(
            "--labels", type=Path, metavar="CSV", help="columns file,label and, if known, actor"
        )
    for command in (ravdess, folder, faces, audio):
        _add_cut(command)
    ravdess.set_defaults(run=_preprocess, layout="ravdess", labels=None, steps=STEPS)
    folder.set_defaults(run=_preprocess, layout="folder", channel="speech", steps=STEPS)
    faces.set_defaults(run=_preprocess, steps=("faces",))
    audio.set_defaults(run=_preprocess, steps=("audio",))

    table = add("annotations", "write the annotations again, with other splits")
    table.add_argument("out", type=Path, metavar="OUT", help="folder that was filled")
    table.set_defaults(run=_annotations)

    check = add("check", "read all that was written, and report what is wrong")
    check.add_argument("out", type=Path, metavar="OUT", help="folder that was filled")
    check.set_defaults(run=_check)

    landmarks = add("landmarks", "annotations for landmarks in one .npz and the sound of the same trials")
    landmarks.add_argument("npz", type=Path, metavar="NPZ", help="holds KEY/xy and KEY/frame by trial")
    landmarks.add_argument("audio_root", type=Path, metavar="AUDIO_ROOT")
    landmarks.add_argument("out", type=Path, metavar="OUT.csv")
    landmarks.add_argument(
        "--leave-out", nargs="+", default=[], metavar="TRIAL", help="ends of trial names, or actor:NN"
    )
    landmarks.set_defaults(run=_landmarks)

    for command in (ravdess, folder, faces, audio, table, landmarks):
        _add_splits(command)
    for command in (ravdess, folder, faces, audio, check, landmarks):
        command.add_argument("--strict", action="store_true", help="exit with 1 if anything is wrong")
    return parser


def _add_cut(command: argparse.ArgumentParser) -> None:
    cut = Cut()
    command.add_argument("--size", type=int, default=cut.size, help="side of a crop in pixels (%(default)s)")
    command.add_argument("--audio-format", choices=("flac", "wav"), default=cut.audio_format)
    command.add_argument(
        "--sound", choices=("own", "file"), default=cut.sound,
        help="which sound, where a clip has a track and a file beside it (%(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--workers", type=int, default=default_workers(), metavar="N",
        help="processes (%(default)s); 0 works in this one",
    )  # fmt: skip
    command.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")


def _add_splits(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--splits", default=tables.AUTO, metavar="SCHEME",
        help=f"none, own, {', '.join(splits.SCHEMES)}, with :2 for the second fold; auto (the default) is "
        "reference where its actors are there, else none",
    )  # fmt: skip
    for name in ("--test-actors", "--validation-actors"):
        command.add_argument(name, nargs="+", default=[], metavar="ACTOR", help="for --splits own")


def _scan(options: argparse.Namespace) -> Scan:
    if options.layout == "folder":
        return scan_folder(options.root, labels=options.labels, skip=options.out)
    if options.labels is not None:
        raise EmoliveError("--labels goes with --layout folder: RAVDESS names its labels itself.")
    return scan_ravdess(options.root, channel=options.channel, skip=options.out)


def _fold(options: argparse.Namespace, actors: set[str]) -> splits.Fold | None:
    return tables.choose_fold(
        options.splits, sorted(actors, key=actor_order), options.test_actors,
        options.validation_actors,
    )  # fmt: skip


def _preprocess(options: argparse.Namespace, console: Console, errors: Console) -> int:
    if not 16 <= options.size <= MAX_SIZE:
        raise EmoliveError(f"--size must lie between 16 and {MAX_SIZE}, not {options.size}.")
    if options.workers < 0:
        raise EmoliveError(f"--workers must be 0 or more, not {options.workers}.")
    scan = _scan(options)
    fold = _fold(options, {clip.actor for clip in scan.clips})
    output = Output(options.out)
    cut = Cut(size=options.size, audio_format=options.audio_format, sound=options.sound)
    steps: tuple[Step, ...] = options.steps
    if options.dry_run:
        left = unfinished(options.root, output, scan, steps)
        report.show(report.build(output, scan), console)
        console.print(f"Clips to be cut: {len(left)} ({', '.join(steps)}). Nothing was written.")
        return 0
    outcome = run(options.root, output, scan, cut, steps, workers=options.workers, console=errors)
    if outcome.done:
        console.print(f"Clips: {outcome.done} in {outcome.elapsed_s:.1f} s, {outcome.rate_hz:.2f} a second.")
    grids = grid.write_grids(output, scan) if "faces" in steps else 0
    written = tables.write_tables(output, cut, scan, fold)
    code = _show(output, scan, console, options.strict)
    for name, n in written.items():
        console.print(_table_line(name, n, fold))
    if grids:
        console.print(f"Look at the crops: {escape(str(output.root / names.GRIDS))}", soft_wrap=True)
    return code


def _show(output: Output, scan: Scan, console: Console, strict: bool, thorough: bool = False) -> int:
    found = report.build(output, scan, thorough=thorough)
    if not thorough:
        output.write_json(names.REPORT, found.to_dict())
    report.show(found, console)
    return 1 if strict and (found.faults or found.done < found.clips) else 0


def _table_line(name: str, clips: int, fold: splits.Fold | None) -> str:
    split = f"split {fold.name}" if fold else "without a split"
    return escape(f"{name}: {split}, clips: {clips}.")


def _annotations(options: argparse.Namespace, console: Console, errors: Console) -> int:
    output = Output(options.out)
    cut, scan = output.plan()
    fold = _fold(options, {clip.actor for clip in scan.clips})
    for name, n in tables.write_tables(output, cut, scan, fold).items():
        console.print(_table_line(name, n, fold))
    return 0


def _check(options: argparse.Namespace, console: Console, errors: Console) -> int:
    output = Output(options.out)
    _, scan = output.plan()
    return _show(output, scan, console, options.strict, thorough=True)


def _landmarks(options: argparse.Namespace, console: Console, errors: Console) -> int:
    items, left = annotate(
        options.npz, options.audio_root, relative_to=options.out.parent, leave_out=options.leave_out
    )
    fold = _fold(options, {item.actor for item in items})
    write(options.out, splits.assign(items, fold) if fold else items)
    for sentence in left[: report.SHOWN]:
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    if len(left) > report.SHOWN:
        console.print(f"and {len(left) - report.SHOWN} more were left out.")
    console.print(_table_line(options.out.name, len(items), fold))
    if any(entry.startswith("../") for item in items for entry in (item.video, item.audio)):
        console.print("Its paths leave its folder: training reads them with --allow-outside.")
    return 1 if options.strict and left else 0


if __name__ == "__main__":
    sys.exit(main())
