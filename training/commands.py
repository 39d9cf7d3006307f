"""The commands of `training.cli`: from their arguments to the modules that do the work.

Options are checked before Lightning is imported, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from emolive.cli.parser import OptionsParser


def train(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-train [run]`."""
    from training import config

    (options,) = config.parse(argv, prog=prog, description=description or "Train one model.")
    from training.train import train as run

    with _resume_hint():
        run(options, _console())
    return 0


@dataclass(frozen=True)
class CrossvalOptions:
    """Options of a cross-validation besides those of each fold's run."""

    scheme: str = "5fold"
    """Cross-validation scheme: 5fold, 6fold, loao, rotation or reference, all by actor; corpus holds out one
    corpus at a time."""
    only: str = ""
    """Folds to train now, such as 1,3."""
    streams: str = ""
    """Measure the held-out actors' streams too, with these baselines: none,neutral,running,person."""


def crossval(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-train crossval`."""
    from training import config

    options, folds = config.parse(
        argv,
        prog=prog,
        extra=(CrossvalOptions,),
        description=description or "Train and test all folds of a scheme, by actor.",
    )
    numbers = [int(part) if part.isdecimal() else 0 for part in config.split_list(folds.only)]
    from training.crossval import crossval as run
    from training.evaluate.options import stream_baselines

    with _resume_hint():
        run(
            options,
            folds.scheme,
            numbers,
            _console(),
            stream_baselines=stream_baselines(config.split_list(folds.streams)),
        )
    return 0


def backbone(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-train backbone`."""
    from training.backbone import config

    options = config.parse(argv, prog=prog, description=description)
    from training.backbone.train import train as run

    with _resume_hint():
        run(options, _console())
    return 0


def evaluate(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-evaluate [clips]`."""
    from training.evaluate.options import EvaluateOptions

    options = _parse(EvaluateOptions, argv, prog, description)
    from training.evaluate.checkpoint import evaluate as run

    return run(options)


def compare(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-evaluate compare`."""
    from training.evaluate.options import CompareOptions

    options = _parse(CompareOptions, argv, prog, description)
    from training.evaluate.compare import compare as run

    return run(options)


def ferplus(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-evaluate ferplus`."""
    from training.evaluate.options import FerplusOptions

    options = _parse(FerplusOptions, argv, prog, description)
    from training.evaluate.ferplus import ferplus as run

    return run(options)


def strangers(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-evaluate strangers`."""
    from training.evaluate.options import StrangersOptions

    options = _parse(StrangersOptions, argv, prog, description)
    from training.evaluate.strangers import strangers as run

    return run(options)


def stream(argv: Sequence[str], prog: str, description: str = "") -> int:
    """`emolive-evaluate stream`."""
    from training.evaluate.options import StreamOptions

    options = _parse(StreamOptions, argv, prog, description)
    from training.evaluate.stream import stream as run

    return run(options)


def _parse(options: type, argv: Sequence[str], prog: str, description: str) -> Any:
    (parsed,) = OptionsParser(options, prog=prog, description=description).parse(argv)
    return parsed


@contextmanager
def _resume_hint() -> Iterator[None]:
    """Report after Ctrl-C how to continue, unless the interrupted step reports it itself."""
    try:
        yield
    except KeyboardInterrupt as stop:
        text = str(stop) or "Stopped; --resume_path continues from the last complete epoch."
        raise KeyboardInterrupt(text) from None


def _console() -> Console:
    return Console(soft_wrap=True)
