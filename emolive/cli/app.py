"""The list of `emolive` commands."""

from __future__ import annotations

from emolive.cli.commands import Command, CommandGroup

EMOLIVE = CommandGroup(
    prog="emolive",
    description="Recognises expressed emotion from face and voice, live or in media files.",
    commands=(
        Command("run", "open the window, or process a source without one", "emolive.cli.run:run"),
        Command("analyze", "analyse media files, one row per estimate", "emolive.cli.analyze:analyze"),
        Command("report", "write the report of a recording or a media file", "emolive.cli.report:report"),
        Command("devices", "list cameras and microphones", "emolive.cli.devices:devices"),
        Command("doctor", "try the devices and say what is missing", "emolive.cli.doctor:doctor"),
        Command("sync-test", "measure the offset of picture and sound", "emolive.cli.sync_test:sync_test"),
        Command("describe", "print the metadata of a checkpoint", "emolive.cli.describe:describe"),
        Command(
            "import-checkpoint",
            "convert a published checkpoint (.pth)",
            "emolive.cli.import_checkpoint:import_checkpoint",
        ),
        Command("export", "export a checkpoint to ONNX", "emolive.cli.export:export"),
        Command("soak", "run for hours and report leaks and gaps", "emolive.cli.soak:soak"),
        Command("cache", "show or clear what can be made again", "emolive.cli.cache:cache"),
        Command("bench", "measure latency and cost on this machine", "emolive.cli.bench:bench"),
    ),
    default="run",
    entry_points="emolive.commands",
    external={
        "preprocess": "prepare a data set for training",
        "train": "train a model",
        "evaluate": "evaluate checkpoints",
    },
    version=True,
)
"""The external commands come from entry points, since the app does not depend on the training."""
