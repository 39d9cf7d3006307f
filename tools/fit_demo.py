#!/usr/bin/env python
"""Find what the demo must draw and synthesise so that the facts are measured in it.

Writes `emolive/capture/synthetic/controls.json` from `facts.json`: the drawn faces go through the tracker and
the landmark predictor, the synthesised speech through the code that measured the recordings, and the controls
move against the error, from where they are.

    python tools/fit_demo.py [--rounds 2]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from measure_emotions import measure_voice
from numpy.typing import NDArray

from emolive.capture.synthetic import controls, facts
from emolive.capture.synthetic.emotion_timeline import EMOTIONS
from emolive.capture.synthetic.expression import EXPRESSIONS, MUSCLE_SHARE, ActionUnits
from emolive.capture.synthetic.face import FaceRenderer
from emolive.capture.synthetic.voice import RATE_HZ, Voice
from emolive.types import Frame
from emolive.vision.encoders.landmarks import MIRROR, LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline

Doubles = NDArray[np.float64]

OUT = Path(__file__).resolve().parents[1] / "emolive/capture/synthetic/controls.json"
STRENGTH = dict.fromkeys(EMOTIONS, 1.3) | {"angry": 1.7}
"""Of the drawn motion over the measured mean: a mean over people is weaker than any of them."""
MOTION_LIMIT, GAIN_LIMIT_DB = 0.2, 24.0
NEUTRAL_DBFS = -43.0
VOICE_S = 6.0
_RATE_HZ = 24_000
_STEP = 0.7


def fit_motion(rounds: int) -> Doubles:
    """(8, 68, 2) drawn motion; of all rounds the one with the smallest error."""
    renderer, pipeline = FaceRenderer(), FacePipeline([LandmarkEncoder()])

    def landmarks(units: ActionUnits, motion: Doubles, folds: ActionUnits) -> Doubles:
        pipeline.reset()
        observed = pipeline.process(Frame(0, renderer.draw(units, None, motion, folds), 0)).features
        assert observed is not None, "no face is found in the drawing"
        return observed.reshape(68, 2).astype(np.float64)

    result = controls.MOTION.copy()
    still = landmarks(ActionUnits(), np.zeros((68, 2)), ActionUnits())
    for i, emotion in enumerate(EMOTIONS[1:], start=1):
        target, muscles = STRENGTH[emotion] * facts.MOTION[i], EXPRESSIONS[emotion]
        motion, least = result[i], np.inf
        for _ in range(rounds + 1):
            shift = landmarks(muscles.scaled(MUSCLE_SHARE), motion, muscles) - still
            error = target - (shift + shift[list(MIRROR)] * [-1, 1]) / 2
            size = float(np.linalg.norm(error) / np.linalg.norm(target))
            if size < least:
                result[i], least = motion, size
            motion = np.clip(motion + _STEP * error, -MOTION_LIMIT, MOTION_LIMIT)
        sys.stdout.write(f"{emotion}: {least:.2f} of the motion is missed\n")
    pipeline.close()
    return result


def fit_voice(rounds: int) -> dict[str, Doubles]:
    """Pitch, range, level and equalizer."""
    names = ("PITCH_ST", "RANGE_ST", "LEVEL_DB", "EQUALIZER_DB")
    neutral_st = 12 * np.log2(facts.NEUTRAL_HZ / 100)
    for _ in range(rounds):
        measured = [_measure(i) for i in range(len(EMOTIONS))]
        of: dict[str, Doubles] = {key: np.array([row[key] for row in measured]) for key in measured[0]}
        controls.PITCH_ST += _STEP * (facts.PITCH_ST - (of["pitch_st"] - neutral_st))
        controls.RANGE_ST += _STEP * (facts.RANGE_ST - of["range_st"])
        controls.LEVEL_DB += _STEP * (facts.LEVEL_DB - (of["level_db"] - of["level_db"][0]))
        controls.LEVEL_DB += NEUTRAL_DBFS - of["dbfs"][0]
        gains = controls.EQUALIZER_DB + _STEP * (facts.BANDS_DB - of["bands_db"])
        controls.EQUALIZER_DB[:] = np.clip(gains, -GAIN_LIMIT_DB, GAIN_LIMIT_DB)
        missed = np.abs(facts.BANDS_DB - of["bands_db"]).mean(axis=1)
        sys.stdout.write(f"missed in the bands, dB, of {EMOTIONS}: {missed.round(1).tolist()}\n")
    return {name.lower(): getattr(controls, name) for name in names}


def _measure(index: int) -> dict[str, Any]:
    weights = np.eye(len(EMOTIONS))[index]
    samples = Voice(1, lambda t_s: weights).read(round(VOICE_S * RATE_HZ)).astype(np.float64)
    samples = soxr.resample(samples, RATE_HZ, _RATE_HZ)
    return measure_voice(samples, _RATE_HZ) | {"dbfs": 10 * np.log10(np.mean(samples**2))}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    tables = {"motion": fit_motion(rounds), **fit_voice(rounds)}
    lines = []
    for name, values in tables.items():
        rows = {emotion: row.round(3).tolist() for emotion, row in zip(EMOTIONS, values, strict=True)}
        lines.append(f"{json.dumps(name)}: {json.dumps(rows)}")
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
