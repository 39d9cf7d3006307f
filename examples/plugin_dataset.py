"""A data set as a plug-in: clips named ACTOR_LABEL_TAKE.mp4.

emolive-preprocess my-clips clips/ prepared/ --plugin examples/plugin_dataset.py --min-recording 2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.cli.config import Range
from emolive.plugins import DATASETS
from preprocessing.datasets import ClipEntry, DatasetItem, Issue, Skipped


@DATASETS.register("my-clips", title="clips named ACTOR_LABEL_TAKE.mp4")
@dataclass(frozen=True)
class MyClips:
    """Clips named ACTOR_LABEL_TAKE.mp4, in one folder."""

    min_recording: Annotated[int, Range(1)] = 1
    """Skip recordings before this number."""

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The clips, by name."""
        for clip in sorted(root.glob("*.mp4")):
            actor, _, rest = clip.stem.partition("_")
            label, _, number = rest.partition("_")
            if not number.isdecimal():
                yield Issue("misnamed", clip.name, "It is not named ACTOR_LABEL_TAKE.mp4.")
            elif int(number) < self.min_recording:
                yield Skipped("early recordings")
            else:
                yield ClipEntry(clip.stem, video=clip.name, audio=clip.name, label=label, actor=actor)
