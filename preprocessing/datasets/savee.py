"""SAVEE by its file names (Haq & Jackson 2009, Proc. AVSP, 53-58).

In a folder for each of the four actors, a name is the emotion and a number: AudioVisualClip/DC/sa03.avi and
AudioData/DC/sa03.wav. Copies in one folder put the actor first: DC_sa03.wav.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from preprocessing.datasets.named import ClipName, NamedDataset

ACTORS = ("DC", "JE", "JK", "KL")
LABELS = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
_NAME = re.compile(rf"(?:({'|'.join(ACTORS)})[_-])?(sa|su|[adfhn])(\d\d?)", re.IGNORECASE)


@dataclass(frozen=True)
class Savee(NamedDataset):
    """SAVEE as downloaded: a folder for each actor (DC, JE, JK, KL) in AudioVisualClip and AudioData."""

    title: ClassVar[str] = "SAVEE"
    example: ClassVar[str] = "DC/sa03.avi"

    def parse(self, name: PurePosixPath) -> ClipName | None:
        """See `NamedDataset.parse`."""
        match = _NAME.fullmatch(name.stem)
        if match is None:
            return None
        folders = [part.upper() for part in name.parts[:-1] if part.upper() in ACTORS]
        actor = (match[1] or "").upper() or (folders[-1] if folders else "")
        if not actor:
            return None
        emotion = match[2].lower()
        return ClipName(f"{actor}_{emotion}{int(match[3]):02}", LABELS[emotion], actor)
