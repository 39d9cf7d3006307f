"""Data sets: their clips, labels and actors, and issues found in them.

A data set is a class in the registry `emolive.plugins.DATASETS`:

    from emolive.plugins import DATASETS
    from preprocessing.datasets import ClipEntry

    @DATASETS.register("mine", title="clips named ACTOR_LABEL.mp4")
    class MyClips:
        def items(self, root):
            for clip in sorted(root.glob("*.mp4")):
                actor, label = clip.stem.split("_")
                yield ClipEntry(clip.stem, video=clip.name, audio=clip.name, label=label, actor=actor)

The fields of a dataclass become options of `emolive-preprocess mine` (see `emolive.cli.config`).
"""

from preprocessing.annotations import ClipEntry
from preprocessing.datasets.base import Dataset, DatasetItem, Skipped
from preprocessing.records import DatasetIndex, Issue

__all__ = ["ClipEntry", "Dataset", "DatasetIndex", "DatasetItem", "Issue", "Skipped"]
