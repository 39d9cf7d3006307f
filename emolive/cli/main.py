"""Reads the command line and hands over to a command."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from emolive.cli import bench, export
from emolive.errors import EmoliveError
from emolive.models.runtimes.base import BACKENDS
from emolive.normalization import MODES
from emolive.plugins import FUSIONS
from emolive.sinks.rows import FORMATS

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Refuses in one sentence, like everything else here."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message[0].upper()}{message[1:]}; see {self.prog} --help.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0, or 2 after one sentence on stderr for what the user can mend."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name need not be text, and a terminal need not know a table's bars.
            stream.reconfigure(errors="backslashreplace")
    try:
        args = parser().parse_args(argv)
        if getattr(args, "fusion", None) is not None:
            FUSIONS.check(args.fusion)
        command: Command = args.command
        return command(args)
    except EmoliveError as error:
        sys.stderr.write(f"emolive: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more may be written, not even at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> Parser:
    """The whole command line."""
    top = Parser(prog="emolive", description="Reads expressed emotion from webcam and microphone, live.")
    top.add_argument("--version", action="version", version=f"emolive {version('emolive')}")
    top.set_defaults(command=_run, source="auto", mic="auto", device="auto", backend="auto")
    _run_options(top)
    commands = top.add_subparsers(title="commands", metavar="")

    # What was given before the word "run" counts as well: no default of its own may cover it.
    run = commands.add_parser(
        "run",
        help="open the window, or run without one (--headless)",
        argument_default=argparse.SUPPRESS,
    )
    _run_options(run)
    run.set_defaults(command=_run)

    analyze = commands.add_parser("analyze", help="read media files and write one row per estimate")
    analyze.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _model_options(analyze)
    analyze.add_argument("--format", choices=FORMATS, help="default: a table in a terminal, else jsonl")
    analyze.add_argument("--out", type=Path, metavar="F", help="write here instead of to the terminal")
    analyze.add_argument(
        "--neutral",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="clips of the person being neutral",
    )
    analyze.add_argument("--same-person", action="store_true", help="the files show one and the same person")
    analyze.set_defaults(command=_analyze, device="auto", backend="auto")

    devices = commands.add_parser("devices", help="list cameras and microphones")
    devices.add_argument("--json", action="store_true", help="for programs")
    devices.set_defaults(command=_devices)

    imports = commands.add_parser("import-checkpoint", help="turn a published .pth into a checkpoint")
    imports.add_argument("path", type=Path, metavar="X.pth")
    imports.add_argument("--fusion", help="only if the file cannot tell: " + ", ".join(FUSIONS.titles()))
    imports.add_argument("--heads", type=int, help="only if the file cannot tell")
    imports.add_argument("--out", type=Path, metavar="F", help="default: beside it, as .safetensors")
    imports.set_defaults(command=_import)

    describe = commands.add_parser("describe", help="show what a checkpoint is")
    describe.add_argument("path", type=Path, metavar="CHECKPOINT")
    describe.set_defaults(command=_describe)

    exports = commands.add_parser("export", help="write a checkpoint for other programs")
    export.add_options(exports)
    exports.set_defaults(command=export.export)

    benches = commands.add_parser("bench", help="measure what things cost on this machine")
    bench.add_options(benches)
    benches.set_defaults(command=bench.bench)
    return top


def _model_options(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(f"{name} ({title})" for name, title in FUSIONS.titles().items())
    parser.add_argument("--fusion", metavar="F", help=f"{names}; default ia, or what the checkpoint is")
    parser.add_argument("--checkpoint", type=Path, metavar="C", help="a checkpoint of your own")
    parser.add_argument(
        "--baseline",
        choices=MODES,
        help="read the person as anybody, against their neutral, or (default) against all seen so far",
    )
    parser.add_argument("--person", metavar="NAME", help="whose saved neutral baseline to use; default guest")
    parser.add_argument("--device", help="auto (the default), cpu, cuda or mps")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what runs the model; default auto: the fastest, as measured at the start",
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        metavar="S",
        help="camera index or name, stream address, media file, demo, none; default: a camera, else the demo",
    )
    parser.add_argument(
        "--mic",
        default="auto",
        metavar="M",
        help="microphone index or name, default, none; default: what fits",
    )
    _model_options(parser)
    parser.add_argument("--headless", action="store_true", help="no window: rows to the terminal or --jsonl")
    parser.add_argument("--duration", type=_seconds, metavar="SECONDS", help="end after so long")
    parser.add_argument("--jsonl", type=Path, metavar="F", help="write every estimate here")
    parser.add_argument(
        "--screenshot", type=Path, metavar="F", help="save a picture of the window at the end"
    )
    parser.add_argument(
        "--counters", type=Path, metavar="F", help="write what the window painted and cost, as JSON"
    )
    parser.add_argument("--loop", action="store_true", help="play a file again and again")
    parser.add_argument(
        "--unpaced", action="store_true", help="play a file as fast as it can be read (with --headless)"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return value


def _run(args: argparse.Namespace) -> int:
    from emolive.cli.run import run

    return run(args)


def _analyze(args: argparse.Namespace) -> int:
    from emolive.cli.analyze import analyze

    return analyze(args)


def _devices(args: argparse.Namespace) -> int:
    from emolive.cli.info import devices

    return devices(args)


def _import(args: argparse.Namespace) -> int:
    from emolive.cli.info import import_checkpoint

    return import_checkpoint(args)


def _describe(args: argparse.Namespace) -> int:
    from emolive.cli.info import describe

    return describe(args)
