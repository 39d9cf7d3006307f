"""`emolive bench`: what things cost on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.atomic_io import ensure_writable
from emolive.errors import EmoliveError
from emolive.models.spec import BACKENDS


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", nargs="+", metavar="PART", help="hop, limit, analyze, live, sources, switch …"
    )
    parser.add_argument("--json", type=Path, metavar="F", help="write every figure here")
    parser.add_argument(
        "--compare", type=Path, metavar="F", help="put the figures of an earlier --json beside"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each variant; default 15")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each session; default 12")
    parser.add_argument("--fusion", default="ia", help="of the shipped models; default ia")
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="default auto")
    parser.add_argument("--file", type=Path, metavar="F", help="analyse this instead of a drawn clip")
    parser.add_argument("--source", default="demo", metavar="S", help="of the live parts; default demo")
    parser.add_argument("--mic", default="auto", metavar="M", help="of the live parts")


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Nobody's baselines are read, and none are written."""
    before = os.environ.get("EMOLIVE_HOME")
    os.environ["EMOLIVE_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["EMOLIVE_HOME"]
        if before is not None:
            os.environ["EMOLIVE_HOME"] = before


def _say(text: str) -> None:
    sys.stderr.write(text)


def bench(args: argparse.Namespace) -> int:
    """Measure, print, and write what was asked for."""
    from rich.console import Console

    from benchmarks import report
    from benchmarks.measure import machine
    from benchmarks.results import BenchmarkConfig
    from benchmarks.run import names, run

    if args.rounds < 1 or not 0 < args.seconds < float("inf"):
        raise EmoliveError("A bench needs at least one round and a few seconds.")
    if args.json is not None:
        ensure_writable(args.json)
    old = None if args.compare is None else report.load(args.compare)
    told = machine()
    with tempfile.TemporaryDirectory(prefix="emolive-bench-") as name:
        folder = Path(name)
        with _home(folder / "home"):
            plan = BenchmarkConfig(
                folder,
                rounds=args.rounds,
                seconds=args.seconds,
                fusion=args.fusion,
                backend=args.backend,
                file=None if args.file is None else args.file.absolute(),
                source=args.source,
                mic=args.mic,
            )
            found = run(args.only or names(), plan, _say)
    if args.json is not None:
        report.save(args.json, report.as_json(found, told))
    if args.markdown:
        sys.stdout.write(report.markdown(found.measurements, told, old))
    else:
        wide = None if sys.stdout.isatty() else 160
        report.print_table(found.measurements, old, Console(file=sys.stdout, width=wide))
    return 0
