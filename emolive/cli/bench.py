"""`emolive bench`: the benchmarks of a checkout, which are not part of the installed package."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.cli.config import Arg, Range, Registered
from emolive.cli.model_options import Backend
from emolive.errors import MissingDependencyError
from emolive.plugins import FUSIONS


@dataclass(frozen=True)
class BenchOptions:
    """Measure latency, throughput and cost of each part on this machine."""

    only: Annotated[tuple[str, ...], Arg(metavar="NAME")] = ()
    """Benchmarks to run: hop, limit, analyze, live, sources, switch, window, scale, preprocess, train.
    Default: all."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write all measurements to this file."""
    compare: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Show the measurements of an earlier --json file beside the new ones."""
    markdown: bool = False
    """Print the table as Markdown."""
    rounds: Annotated[int, Range(1, 10_000), Arg(metavar="N")] = 15
    """Repetitions of each variant."""
    seconds: Annotated[float, Range(above=0), Arg(metavar="S")] = 12.0
    """Length of each live session."""
    fusion: Annotated[str, Registered(FUSIONS), Arg(metavar="F")] = "ia"
    """Fusion to measure."""
    backend: Backend = "auto"
    """Runtime to measure."""
    file: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Media file to analyse in place of a synthetic clip."""
    source: Annotated[str, Arg(metavar="S")] = "demo"
    """Source of the live benchmarks."""
    mic: Annotated[str, Arg(metavar="M")] = "auto"
    """Microphone of the live benchmarks."""


def bench(options: BenchOptions) -> int:
    """Run the benchmarks, print the table and write the files.

    Raises:
        MissingDependencyError: emolive does not run from a checkout.
        ConfigError: there is no such benchmark.
    """
    if importlib.util.find_spec("benchmarks") is None:
        raise MissingDependencyError(
            "The benchmarks are in the folder benchmarks of the repository, not in the installed package: "
            "run `emolive bench` in a checkout that was installed with `pip install -e .`."
        )
    from rich.console import Console

    from benchmarks import report
    from benchmarks.measure import machine
    from benchmarks.results import BenchmarkConfig
    from benchmarks.run import names, run
    from emolive.atomic_io import ensure_writable

    if options.json is not None:
        ensure_writable(options.json)
    earlier = None if options.compare is None else report.load(options.compare)
    environment = machine()
    with tempfile.TemporaryDirectory(prefix="emolive-bench-") as name:
        folder = Path(name)
        with _empty_user_folder(folder / "home"):
            config = BenchmarkConfig(
                folder,
                rounds=options.rounds,
                seconds=options.seconds,
                fusion=options.fusion,
                backend=options.backend,
                file=None if options.file is None else options.file.absolute(),
                source=options.source,
                mic=options.mic,
            )
            result = run(options.only or names(), config, _report)
    if options.json is not None:
        report.save(options.json, report.as_json(result, environment))
    if options.markdown:
        sys.stdout.write(report.markdown(result.measurements, environment, earlier))
    else:
        width = None if sys.stdout.isatty() else 160
        report.print_table(result.measurements, earlier, Console(file=sys.stdout, width=width))
    return 0


def _report(text: str) -> None:
    sys.stderr.write(text)


@contextmanager
def _empty_user_folder(folder: Path) -> Iterator[None]:
    """Benchmarks neither read nor write the user's settings and calibrations."""
    before = os.environ.get("EMOLIVE_HOME")
    os.environ["EMOLIVE_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["EMOLIVE_HOME"]
        if before is not None:
            os.environ["EMOLIVE_HOME"] = before
