"""`emolive-train` and `emolive-evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from emolive.errors import EmoliveError
from training import config


def _guarded(work: Callable[[], int]) -> int:
    """Run it; an EmoliveError becomes one sentence on stderr and exit code 2."""
    try:
        return work()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("lightning", "tensorboard"):
            raise
        Console(stderr=True).print(
            "Training wants more packages: install emolive[train].", style="red", markup=False
        )
        return 2
    except EmoliveError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        return 2
    except KeyboardInterrupt as stop:
        text = str(stop) or "Stopped; --resume_path goes on from the last whole epoch."
        Console(stderr=True, soft_wrap=True).print(text, markup=False, highlight=False)
        return 130


def train(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `emolive-train`; the first word may be `crossval` (all folds of a scheme) or `faces`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["faces"]:
        from training.backbone import cli as faces

        return _guarded(lambda: faces.train(given[1:]))
    folds = given[:1] == ["crossval"]
    parser = argparse.ArgumentParser(
        prog="emolive-train crossval" if folds else "emolive-train",
        description="Cross-validate by actor."
        if folds
        else "Train a model; `crossval` before the options runs all folds, `faces` pretrains the trunk.",
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
            from training.train import train as run

            run(options, console)
        return 0

    return _guarded(work)


def evaluate(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `emolive-evaluate`; the first word may be `compare` (checkpoints) or `ferplus`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["ferplus"]:
        from training.backbone import cli as faces

        return _guarded(lambda: faces.ferplus(given[1:]))
    comparing = given[:1] == ["compare"]
    parser = argparse.ArgumentParser(
        prog="emolive-evaluate compare" if comparing else "emolive-evaluate",
        description="How right a checkpoint is; `compare A B ...` sets some side by side, `ferplus PATH` "
        "evaluates a pixel trunk on faces.",
        allow_abbrev=False,
    )
    if comparing:
        parser.add_argument("checkpoints", nargs="+", type=Path, help="checkpoints")
    else:
        parser.add_argument("--checkpoint", required=True, type=Path, help="the checkpoint")
        parser.add_argument("--fusion", help="refuse a checkpoint of another fusion")
        parser.add_argument("--pictures", type=Path, help="folder for confusion, reliability and actors")
        parser.add_argument("--robustness", action="store_true", help="also with a stream missing or noise")
    add = parser.add_argument
    add("--annotations", "--annotation_path", required=True, type=Path, help="annotations.csv or .txt")
    add("--split", default="", help="training, validation or testing (default: all clips)")
    add("--modality", default="av", choices=("av", "a", "v"), help="leave the other stream out")
    add(
        "--baseline",
        default="running",
        choices=("none", "neutral", "running", "person"),
        help="neutral: two neutral clips; running: the clips before, as live; person: all clips",
    )
    add("--json", type=Path, help="write figures and the probabilities of each clip")
    add("--cache", type=Path, help="folder for clips cut into windows (default: the user's data folder)")
    add("--allow-outside", "--allow_outside", action="store_true", help="accept paths outside the folder")
    add("--skip-faults", "--skip_faults", action="store_true", help="leave out clips that cannot be read")
    add("--workers", type=int, default=0, help="processes that read clips; 0 reads in this one")
    values = parser.parse_args(given[1:] if comparing else given)
    console = Console(soft_wrap=True)

    def work() -> int:
        from training import evaluate as evaluation

        if values.workers < 0:
            raise EmoliveError(f"--workers must be 0 or more, not {values.workers}.")
        request = evaluation.Request(
            values.annotations,
            values.split,
            values.modality,
            values.baseline,
            values.allow_outside,
            values.skip_faults,
            values.cache,
            values.workers,
        )
        if comparing:
            evaluation.compare(values.checkpoints, request, console, values.json)
        else:
            evaluation.evaluate(
                values.checkpoint,
                request,
                console,
                fusion=values.fusion,
                json_path=values.json,
                picture_folder=values.pictures,
                robustness=values.robustness,
            )
        return 0

    return _guarded(work)


if __name__ == "__main__":
    sys.exit(train())
