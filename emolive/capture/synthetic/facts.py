"""Facts of acted emotions, measured on recordings by `tools/measure_emotions.py`.

The demo moves its face and its voice by them. `facts.json` holds the tables.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.capture.synthetic.emotion_timeline import EMOTIONS

Doubles = NDArray[np.float64]

_FACTS: dict[str, Any] = json.loads(files(__package__).joinpath("facts.json").read_text())


def _table(name: str) -> Doubles:
    return np.array([_FACTS[name][emotion] for emotion in EMOTIONS], dtype=np.float64)


POINTS: Doubles = np.array(_FACTS["points"], dtype=np.float64)
"""(68, 2) iBUG landmarks of the mean face, whose outer corners of the eyes are 1 apart."""
MOTION = _table("motion")
"""(8, 68, 2) mean shift of the landmarks from the same person's neutral face while they speak, symmetric."""
COURSE = _table("course")
"""(8, 9) how strong that motion is along a clip, relative to its mean."""
PITCH_ST = _table("pitch_st")
"""(8,) median pitch relative to the person's neutral one, in semitones."""
RANGE_ST = _table("range_st")
"""(8,) from the 10th to the 90th percentile of the pitch."""
CONTOUR_ST = _table("contour_st")
"""(8, 4) pitch in the quarters of a phrase, relative to its median."""
LEVEL_DB = _table("level_db")
"""(8,) of speech, relative to the person's neutral one."""
LEVEL_COURSE_DB = _table("level_course_db")
"""(8, 4) level in the quarters of a phrase, relative to its mean."""
PHRASE_S = _table("phrase_s")
"""(8,) length of a phrase of seven syllables."""
GAP = _table("gap")
"""(8,) share of a phrase that is at least 25 dB below its peak."""
PERIODICITY = _table("periodicity")
"""(8,) median peak of the normalised autocorrelation, 0..1: high is clear, low is breathy or rough."""
BANDS_DB = _table("bands_db")
"""(8, 9) power in the bands between `EDGES_HZ`, relative to that of all bands."""
EDGES_HZ: Doubles = np.array(_FACTS["edges_hz"], dtype=np.float64)
NEUTRAL_HZ = float(_FACTS["neutral_hz"])
"""Median pitch of neutral speech."""

assert MOTION.shape == (len(EMOTIONS), 68, 2)
