"""MEAD by its paths (Wang et al. 2020, Proc. ECCV, 700-717).

Each actor has video/VIEW/EMOTION/level_N/NNN.mp4 and audio/EMOTION/level_N/NNN.m4a: the seven views show the
same performance. As downloaded they are in M003/video.tar and M003/audio.tar, whose members begin with the
same folder again. Copies in one folder join the parts: M003_front_angry_level_1_001.mp4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from preprocessing.datasets.base import Skipped
from preprocessing.datasets.named import ClipName, NamedDataset

LABELS = {
    "angry": "angry",
    "contempt": "contempt",
    "disgusted": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprised": "surprised",
}
View = Literal["front", "down", "top", "left_30", "left_60", "right_30", "right_60"]
_VIEWS = "front|down|top|left_30|left_60|right_30|right_60"
_NAME = re.compile(
    rf"(?:.*[/_-])?([MW]\d{{3}})[/_-](?:(?:video[/_-]){{0,2}}({_VIEWS})[/_-]|(?:audio[/_-]){{1,2}})?"
    rf"({'|'.join(LABELS)})[/_-](?:level[_-]?)?([1-4])[/_-](\d{{3}})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mead(NamedDataset):
    """MEAD, packed or not: a folder for each actor (M003, W009) with video/VIEW/EMOTION/level_N and audio."""

    view: View = "front"
    """Which of the seven cameras to use; the others show the same performance and are counted."""
    title: ClassVar[str] = "MEAD"
    example: ClassVar[str] = "M003/video/front/angry/level_1/001.mp4"

    def parse(self, name: PurePosixPath) -> ClipName | Skipped | None:
        """See `NamedDataset.parse`."""
        match = _NAME.fullmatch(name.with_suffix("").as_posix())
        if match is None:
            return None
        actor, view, emotion, level, number = match[1].upper(), match[2], match[3].lower(), match[4], match[5]
        if view and view.lower() != self.view:
            return Skipped("other views")
        return ClipName(f"{actor}_{emotion}_{level}_{number}", LABELS[emotion], actor)
