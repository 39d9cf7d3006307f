"""CREMA-D by its file names (Cao et al. 2014, IEEE Trans. Affective Computing 5(4), 377-390).

A name is actor_sentence_emotion_level: 1001_DFA_ANG_XX. The repository has VideoFlash/*.flv and the same
sound again as AudioWAV/*.wav and AudioMP3/*.mp3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from preprocessing.datasets.named import ClipName, NamedDataset

LABELS = {"ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
SENTENCES = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]
# One file is published with the level X in place of XX.
_NAME = re.compile(
    rf"(1\d{{3}})_({'|'.join(SENTENCES)})_({'|'.join(LABELS)})_(?:LO|MD|HI|XX?)", re.IGNORECASE
)


@dataclass(frozen=True)
class CremaD(NamedDataset):
    """CREMA-D as downloaded: VideoFlash, AudioWAV and AudioMP3, or any folders of files with its names."""

    title: ClassVar[str] = "CREMA-D"
    example: ClassVar[str] = "1001_DFA_ANG_XX.flv"

    def parse(self, name: PurePosixPath) -> ClipName | None:
        """See `NamedDataset.parse`."""
        match = _NAME.fullmatch(name.stem)
        return ClipName(name.stem.upper(), LABELS[match[3].upper()], match[1]) if match else None
