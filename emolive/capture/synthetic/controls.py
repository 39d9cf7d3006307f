"""What to draw and to synthesise so that detectors measure the facts in the demo.

A landmark predictor follows a drawing only in part, and a synthetic voice has a spectrum of its own.
`tools/fit_demo.py` finds these tables by measuring the demo with the code that measured the recordings.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.capture.synthetic.emotion_timeline import EMOTIONS

Doubles = NDArray[np.float64]

_CONTROLS: dict[str, Any] = json.loads(files(__package__).joinpath("controls.json").read_text())


def _table(name: str) -> Doubles:
    return np.array([_CONTROLS[name][emotion] for emotion in EMOTIONS], dtype=np.float64)


MOTION = _table("motion")
"""(8, 68, 2) shift of the drawn features at the landmarks, in units, symmetric. Fear is drawn at .9 of what
was fitted: at its full strength the model `it` took the start of the pass, read beside it, for fear."""
PITCH_ST = _table("pitch_st")
"""(8,) of the voice, relative to the median of neutral speech."""
RANGE_ST = _table("range_st")
"""(8,) from the 10th to the 90th percentile."""
LEVEL_DB = _table("level_db")
"""(8,) gain of the voice."""
EQUALIZER_DB = _table("equalizer_db")
"""(8, 9) gain in the bands of `facts.EDGES_HZ`."""
