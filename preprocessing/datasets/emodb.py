"""EmoDB by its file names (Burkhardt et al. 2005, Proc. Interspeech, 1517-1520).

A name is speaker, text, emotion (the first letter of its German word) and version: 03a01Fa. Audio alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from preprocessing.datasets.named import ClipName, NamedDataset

LABELS = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
SPEAKERS = ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]
_NAME = re.compile(rf"({'|'.join(SPEAKERS)})[ab]\d\d([{''.join(LABELS)}])[a-z]")


@dataclass(frozen=True)
class EmoDb(NamedDataset):
    """EmoDB (Berlin Database of Emotional Speech) as downloaded: sound files such as wav/03a01Fa.wav."""

    title: ClassVar[str] = "EmoDB"
    example: ClassVar[str] = "03a01Fa.wav"

    def parse(self, name: PurePosixPath) -> ClipName | None:
        """See `NamedDataset.parse`."""
        match = _NAME.fullmatch(name.stem)
        return ClipName(name.stem, LABELS[match[2]], match[1]) if match else None
