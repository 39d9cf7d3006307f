"""`emolive-preprocess`: from clips to crops, sound, landmarks and annotations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from emolive.errors import EmoliveError
from preprocessing import annotation_tables as tables
from preprocessing import contact_sheet as grid
from preprocessing import datasets, folder, landmarks_npz, ravdess, report, splits  # noqa: F401
from preprocessing import output as names
from preprocessing.annotations import ClipEntry, escapes_root, moved, read, write
from preprocessing.output import Output
from preprocessing.records import STEPS, DatasetIndex, PreprocessConfig, Step
from preprocessing.run import run, unfinished
from preprocessing.scan import media
from preprocessing.worker_pool import Stopped, default_workers

MAX_SIZE = 1024
TABLES = (".csv", ".txt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Exit codes: 1 faults under --strict, 2 bad input, 130 stopped."""
    console, errors = Console(), Console(stderr=True)
    given = [_hyphenated(argument) for argument in (sys.argv[1:] if arguments is None else arguments)]
    try:
        options = _parser(given, errors).parse_args(given)
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


def _parser(given: Sequence[str], errors: Console) -> argparse.ArgumentParser:
    """The commands, a data set each, those of plugins among them."""
    plugins = argparse.ArgumentParser(add_help=False)
    plugins.add_argument(
        "--plugin", action="append", default=[], metavar="FILE.py",
        help="a file (or the name of a module) that registers a data set",
    )  # fmt: skip
    early = argparse.ArgumentParser(add_help=False, parents=[plugins])
    early.add_argument("--layout", default="ravdess")
    asked, _ = early.parse_known_args(given)
    for sentence in datasets.load_installed():
        errors.print(escape(sentence), style="yellow", highlight=False, soft_wrap=True)
    for plugin in asked.plugin:
        datasets.load_plugin(plugin)

    parser = argparse.ArgumentParser(
        prog="emolive-preprocess",
        description="Cut clips into what training reads: face crops and sound of the same 3.6 seconds, "
        "landmarks and sound of whole clips, and annotations with splits by actor.",
        parents=[plugins],
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        short = text.partition("\n")[0].rstrip(".").replace("%", "%%")
        return commands.add_parser(
            name, help=short, description=text, parents=[plugins], allow_abbrev=False,
            formatter_class=_Paragraphs,
        )  # fmt: skip

    for name in datasets.registered():
        command = add(name, datasets.described(name))
        _add_places(command, "folder to fill; or a .csv (.txt) that lists the clips where they lie")
        command.set_defaults(run=_preprocess, layout=name, steps=STEPS)
        datasets.add_options(command, name)
    for name, text in (("faces", "Face crops and landmarks alone."), ("audio", "Sound alone.")):
        command = add(name, text)
        _add_places(command, "folder to fill")
        command.add_argument(
            "--layout", choices=tuple(datasets.registered()), default="ravdess",
            help="which data set it is (%(default)s)",
        )  # fmt: skip
        command.set_defaults(run=_preprocess, steps=(name,))
        if asked.layout in datasets.registered():
            datasets.add_options(command, asked.layout)

    table = add("annotations", "Write annotations again: with other splits, at another place, as a .txt.")
    table.add_argument("source", type=Path, metavar="FROM", help="folder that was filled, .csv or .txt")
    table.add_argument(
        "out", type=Path, nargs="?", metavar="TO",
        help=".csv, or .txt for the published form; without it, the tables of the folder FROM",
    )  # fmt: skip
    _add_splits(table)
    table.set_defaults(run=_annotations)

    check = add("check", "Read all that was written, and report what is wrong.")
    check.add_argument("out", type=Path, metavar="OUT", help="folder that was filled")
    check.add_argument("--strict", action="store_true", help="exit with 1 if anything is wrong")
    check.set_defaults(run=_check)
    return parser


class _Paragraphs(argparse.HelpFormatter):
    """Keeps the paragraphs of a description."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(super(_Paragraphs, self)._fill_text(p, width, indent) for p in text.split("\n\n"))


def _add_places(command: argparse.ArgumentParser, out: str) -> None:
    command.add_argument("root", type=Path, metavar="ROOT", help="where the clips lie, at any depth")
    command.add_argument("out", type=Path, metavar="OUT", help=out)
    cut = PreprocessConfig()
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
    command.add_argument("--strict", action="store_true", help="exit with 1 if anything is wrong")
    _add_splits(command)


def _add_splits(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--splits", default=tables.AUTO, metavar="SCHEME",
        help=f"none, own, {', '.join(splits.SCHEMES)}, with :2 for the second fold; auto (the default) is "
        "the split that the clips have, else reference where its actors are there, else none",
    )  # fmt: skip
    for name in ("--test-actors", "--validation-actors"):
        command.add_argument(name, nargs="+", default=[], metavar="ACTOR", help="for --splits own")


def _split(options: argparse.Namespace, items: Sequence[ClipEntry]) -> tuple[list[ClipEntry], str]:
    return tables.split(items, options.splits, options.test_actors, options.validation_actors)


def _preprocess(options: argparse.Namespace, console: Console, errors: Console) -> int:
    if not 16 <= options.size <= MAX_SIZE:
        raise EmoliveError(f"--size must lie between 16 and {MAX_SIZE}, not {options.size}.")
    if options.workers < 0:
        raise EmoliveError(f"--workers must be 0 or more, not {options.workers}.")
    scan = datasets.scan(options.layout, datasets.make(options.layout, options), options.root)
    clips, split = _split(options, scan.clips)
    if options.out.suffix in TABLES:
        return _list(options, scan, clips, split, console)
    if options.out.resolve() == options.root.resolve():
        raise EmoliveError("OUT must be another folder than ROOT.")
    if not_media := next((clip for clip in clips if not media(clip, options.root)), None):
        raise EmoliveError(
            f"The clip {not_media.id} is no media file ({not_media.video}): name a .csv as OUT, which lists "
            f"the clips where they lie."
        )
    output = Output(options.out)
    cut = PreprocessConfig(size=options.size, audio_format=options.audio_format, sound=options.sound)
    steps: tuple[Step, ...] = options.steps
    if options.dry_run:
        left = unfinished(options.root, output, scan, steps)
        report.show(report.build(output, scan), console)
        console.print(f"Clips to be cut: {len(left)} ({', '.join(steps)}). Nothing was written.")
        return 0
    outcome = run(options.root, output, scan, cut, steps, workers=options.workers, console=errors)
    if outcome.done:
        console.print(f"Clips: {outcome.done} in {outcome.elapsed_s:.1f} s, {outcome.rate_hz:.2f} a second.")
    grids = grid.write_contact_sheets(output, scan) if "faces" in steps else 0
    written = tables.write_tables(output, cut, scan, clips)
    code = _show(output, scan, console, options.strict)
    for name, n in written.items():
        console.print(_table_line(name, n, split))
    if grids:
        console.print(f"Look at the crops: {escape(str(output.root / names.GRIDS))}", soft_wrap=True)
    return code


def _list(
    options: argparse.Namespace, scan: DatasetIndex, clips: list[ClipEntry], split: str, console: Console
) -> int:
    """Write annotations of the clips where they lie."""
    base = options.root if options.root.is_dir() else options.root.parent
    report.show_scan(scan, console)
    if options.dry_run:
        console.print(f"Clips to be listed: {len(clips)}. Nothing was written.")
    else:
        _write(options.out, moved(clips, base, options.out.parent), split, console)
    return 1 if options.strict and scan.faults else 0


def _write(path: Path, items: list[ClipEntry], split: str, console: Console) -> None:
    write(path, items)
    console.print(_table_line(path.name, len(items), split))
    if escapes_root(items):
        console.print("Its paths leave its folder: training reads them with --allow-outside.")


def _show(output: Output, scan: DatasetIndex, console: Console, strict: bool, thorough: bool = False) -> int:
    found = report.build(output, scan, thorough=thorough)
    if not thorough:
        output.write_json(names.REPORT, found.to_dict())
    report.show(found, console)
    return 1 if strict and (found.faults or found.done < found.clips) else 0


def _table_line(name: str, clips: int, split: str) -> str:
    return escape(f"{name}: {split}, clips: {clips}.")


def _annotations(options: argparse.Namespace, console: Console, errors: Console) -> int:
    source, out = options.source, options.out
    if out is not None and out.suffix not in TABLES:
        raise EmoliveError(f"{out} must end in {' or '.join(TABLES)}.")
    if source.suffix in TABLES or out is not None:
        path = source if source.suffix in TABLES else source / names.ANNOTATIONS
        if out is None:
            raise EmoliveError(f"Name a second file to write the annotations of {source} to.")
        # Whoever moves a file names its clips himself, wherever they are.
        found = read(path, allow_outside=True)
        items, split = _split(options, found.items)
        _write(out, moved(items, found.root, out.parent), split, console)
        return 0
    output = Output(source)
    cut, scan = output.plan()
    clips, split = _split(options, scan.clips)
    for name, n in tables.write_tables(output, cut, scan, clips).items():
        console.print(_table_line(name, n, split))
    return 0


def _check(options: argparse.Namespace, console: Console, errors: Console) -> int:
    output = Output(options.out)
    _, scan = output.plan()
    return _show(output, scan, console, options.strict, thorough=True)


if __name__ == "__main__":
    sys.exit(main())
