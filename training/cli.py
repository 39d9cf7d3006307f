"""`emolive-train` and `emolive-evaluate`. Only the command that runs is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emolive.cli.commands import Command, CommandGroup, load
from emolive.errors import MissingDependencyError
from training.install import INSTALL

_EXTRAS = ("lightning", "tensorboard", "torchmetrics", "matplotlib", "filelock")


@dataclass(frozen=True, slots=True)
class TrainingCommand(Command):
    """A command that parses its own options, since recipes and earlier runs also provide values.

    Its target is a function of the arguments, the program's name and a description for `--help`.
    """

    def run(self, argv: Sequence[str], prog: str, *, description: str = "") -> int:
        """Parse the options and run the command.

        Raises:
            EmoliveError: an option is wrong, or the command failed.
        """
        try:
            function: Callable[..., int] = load(self.target) if isinstance(self.target, str) else self.target
            return int(function(argv, prog, description))
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRAS:
                raise
            raise MissingDependencyError(f"The package {error.name} is missing: {INSTALL}.") from error


train = CommandGroup(
    "emolive-train",
    "Train emotion models.",
    (
        TrainingCommand("run", "train one model", "training.commands:train"),
        TrainingCommand("crossval", "train and test all folds of a scheme", "training.commands:crossval"),
        TrainingCommand(
            "backbone", "pretrain a face encoder on images of single faces", "training.commands:backbone"
        ),
        TrainingCommand("faces", "former name of backbone", "training.commands:backbone"),
    ),
    default="run",
)
evaluate = CommandGroup(
    "emolive-evaluate",
    "Evaluate trained models.",
    (
        TrainingCommand("clips", "evaluate a checkpoint on annotated clips", "training.commands:evaluate"),
        TrainingCommand("compare", "compare checkpoints on the same clips", "training.commands:compare"),
        TrainingCommand("ferplus", "evaluate a face encoder on FER+", "training.commands:ferplus"),
        TrainingCommand(
            "stream", "evaluate a checkpoint on clips one after another", "training.commands:stream"
        ),
        TrainingCommand(
            "strangers", "evaluate a checkpoint on clips of unknown people", "training.commands:strangers"
        ),
    ),
    default="clips",
)

if __name__ == "__main__":
    sys.exit(train())
