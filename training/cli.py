"""`emolive-train` and `emolive-evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from emolive.errors import EmoliveError
from training import config


def _guarded(work: Callable[[], int]) -> int:
    """Run it; an EmoliveError becomes one sentence on stderr and exit code 2."""
    try:
        return work()
    except EmoliveError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped; --resume_path goes on from the last whole epoch.")
        return 130


def train(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `emolive-train`; `crossval` as the first word runs all folds of a scheme."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    folds = given[:1] == ["crossval"]
    parser = argparse.ArgumentParser(
        prog="emolive-train crossval" if folds else "emolive-train",
        description="Cross-validate by actor."
        if folds
        else "Train a model; `crossval` before the options runs all folds.",
        allow_abbrev=False,
    )
    config.add_arguments(parser)
    if folds:
        parser.add_argument("--scheme", default="5fold", help="5fold, 6fold, loao, rotation or reference")
        parser.add_argument("--only", default="", help="folds to train now, as 1,3")
    values = vars(parser.parse_args(given[1:] if folds else given))
    console = Console(soft_wrap=True)

    def work() -> int:
        scheme, only = values.pop("scheme", ""), values.pop("only", "")
        options = config.options_from(values)
        if folds:
            from training.crossval import crossval

            numbers = [int(part) if part.isdecimal() else 0 for part in config.actors(only)]
            crossval(options, scheme, numbers, console)
        else:
            from training.run import train as run

            run(options, console)
        return 0

    return _guarded(work)


if __name__ == "__main__":
    sys.exit(train())
