#!/usr/bin/env python
"""Measure how acted emotions move a face and colour a voice, for the drawn demo.

Writes the tables of `emolive/capture/synthetic/facts.json` from RAVDESS (Livingstone & Russo 2018, speech,
strong intensity): landmarks (`NAME/xy`, (frames, 68, 2) in pixels) and sound of whole trials. Of each emotion
the clips are used that a listener or a viewer names most surely: those with the highest posterior of a
published classifier of the voice, or of the face, that has not met the actor (a CSV file with `trial`,
`face_<emotion>`, `voice_<emotion>`). All is relative to the same actor's neutral clips.

    python tools/measure_emotions.py --landmarks dlib68.npz --audio FOLDER --posteriors FILE.csv
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from emolive.capture.synthetic.emotion_timeline import EMOTIONS
from emolive.vision.encoders.landmarks import MIRROR, mean_shape, procrustes_align

Doubles = NDArray[np.float64]

OUT = Path(__file__).resolve().parents[1] / "emolive/capture/synthetic/facts.json"
HELD_OUT = "01"
"""An actor who is kept for tests."""
N_FACES, N_VOICES = 20, 28
COURSE_STEPS, QUARTERS = 9, 4
EDGES_HZ = (60, 300, 600, 1000, 1500, 2200, 3200, 4500, 6500, 9000)
_FRAME, _HOP, _FFT = 1024, 256, 2048
_ACTIVE_DB, _SPEECH_DB = 25.0, 35.0
_VOICED = 0.55
_LOWEST_HZ, _HIGHEST_HZ, _PITCH_BAND_HZ = 70, 550, 1500


def measure_voice(samples: Doubles, rate_hz: int) -> dict[str, Any]:
    """Pitch (semitones from 100 Hz), level (dB), timing and spectrum of the speech in a recording (n,)."""
    window = np.hanning(_FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(frames * window, _FFT)) ** 2
    level = 10 * np.log10(power.sum(axis=1) + 1e-9)
    speech = np.flatnonzero(level > level.max() - _SPEECH_DB)
    power, level = power[speech[0] : speech[-1] + 1], level[speech[0] : speech[-1] + 1]
    active = level > level.max() - _ACTIVE_DB

    pitch_hz, clarity = _pitch(power, window, rate_hz)
    voiced = active & (clarity > _VOICED)
    pitch = 12 * np.log2(pitch_hz / 100)
    place = np.linspace(0, 1, len(level), endpoint=False)
    quarters = [(place >= i / QUARTERS) & (place < (i + 1) / QUARTERS) for i in range(QUARTERS)]
    edges = np.searchsorted(np.fft.rfftfreq(_FFT, 1 / rate_hz), EDGES_HZ)
    spectrum = power[active]
    # Means of decibels, as the models see them: not only the loudest moments count.
    bands = np.array([10 * np.log10(spectrum[:, a:b].sum(axis=1) + 1e-9).mean() for a, b in pairwise(edges)])
    mean_level = level[active].mean()
    low, middle, high = np.percentile(pitch[voiced], (10, 50, 90))
    return {
        "pitch_st": middle,
        "range_st": high - low,
        "contour_st": [
            np.median(pitch[q & voiced]) - middle if (q & voiced).sum() > 2 else np.nan for q in quarters
        ],
        "level_db": mean_level,
        "level_course_db": [
            level[q & active].mean() - mean_level if (q & active).any() else np.nan for q in quarters
        ],
        "phrase_s": len(level) * _HOP / rate_hz,
        "gap": 1 - active.mean(),
        "periodicity": np.median(clarity[active]),
        "bands_db": bands - mean_level,
    }


def _pitch(power: Doubles, window: Doubles, rate_hz: int) -> tuple[Doubles, Doubles]:
    """Pitch (Hz) and the normalised autocorrelation there (Boersma 1993), of frames' power spectra."""
    shortest, longest = rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ
    low = power.copy()
    low[:, np.fft.rfftfreq(_FFT, 1 / rate_hz) > _PITCH_BAND_HZ] = 0
    own = np.fft.irfft(np.abs(np.fft.rfft(window, _FFT)) ** 2)[:longest]
    correlation = np.fft.irfft(low)[:, :longest]
    correlation /= (correlation[:, :1] + 1e-12) * (own / own[0])
    lags = correlation[:, shortest:]
    best = lags.max(axis=1)
    inside = lags[:, 1:-1]
    peaks = (inside >= lags[:, :-2]) & (inside >= lags[:, 2:]) & (inside > 0.88 * best[:, None])
    lag = np.where(peaks.any(axis=1), peaks.argmax(axis=1) + 1, lags.argmax(axis=1)) + shortest
    return rate_hz / lag, best


def _emotion(trial: str) -> str:
    return EMOTIONS[int(trial.split("-")[2]) - 1]


def _clearest(trials: Sequence[str], posteriors: dict[str, dict[str, str]], kind: str, n: int) -> list[str]:
    """The strong ones of each emotion that the classifier is surest of."""
    result: list[str] = []
    for emotion in EMOTIONS[1:]:
        own = [
            t for t in trials if _emotion(t) == emotion and t.split("-")[3] == "02" and t[3:] in posteriors
        ]
        own.sort(key=lambda t: -float(posteriors[t[3:]][f"{kind}_{emotion}"]))
        result += own[:n]
    return result


def face_tables(landmarks: Path, posteriors: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Mean motion of the landmarks from neutral, and its course over a clip."""
    stored, shape = np.load(landmarks), mean_shape()
    trials = sorted({key.split("/")[0] for key in stored.files})
    trials = [t for t in trials if t[-2:] != HELD_OUT]
    neutral: dict[str, list[Any]] = defaultdict(list)

    def aligned(trial: str) -> NDArray[np.float32]:
        return procrustes_align(stored[f"{trial}/xy"].astype(np.float32), shape)

    for trial in (t for t in trials if _emotion(t) == "neutral"):
        neutral[trial[-2:]].append(np.median(aligned(trial), axis=0))
    courses: dict[str, list[Doubles]] = defaultdict(list)
    for trial in _clearest(trials, posteriors, "face", N_FACES):
        motion = aligned(trial) - np.mean(neutral[trial[-2:]], axis=0)
        motion = (motion + motion[:, list(MIRROR)] * [-1, 1]) / 2
        steps = np.linspace(0, len(motion) - 1, 4 * COURSE_STEPS).astype(int)
        courses[_emotion(trial)].append(motion[steps].reshape(COURSE_STEPS, 4, 68, 2).mean(axis=1))
    motions: dict[str, Any] = {"neutral": np.zeros((68, 2))}
    strength: dict[str, Any] = {"neutral": np.ones(COURSE_STEPS)}
    for emotion in EMOTIONS[1:]:
        course = np.mean(courses[emotion], axis=0)
        # The first and the last step belong to the recording, in which the actor gets ready.
        motions[emotion] = mean = course[1:-1].mean(axis=0)
        strength[emotion] = (course * mean).sum(axis=(1, 2)) / (mean**2).sum()
    return {"points": shape, "motion": motions, "course": strength}


def voice_tables(folder: Path, posteriors: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Pitch, level, timing and spectrum by emotion."""
    files = {path.stem: path for path in sorted(folder.rglob("03-01-*.*")) if path.stem[-2:] != HELD_OUT}
    names = [t for t in files if _emotion(t) == "neutral"]
    neutral: dict[str, list[dict[str, Any]]] = defaultdict(list)
    measured: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for trial in (*names, *_clearest(list(files), posteriors, "voice", N_VOICES)):
        samples, rate_hz = soundfile.read(files[trial], always_2d=True)
        values = measure_voice(samples[:, 0], rate_hz) | {"actor": trial[-2:]}
        measured[_emotion(trial)].append(values)
        if _emotion(trial) == "neutral":
            neutral[trial[-2:]].append(values)
    own = {
        a: {k: np.mean([v[k] for v in rows]) for k in ("pitch_st", "level_db")} for a, rows in neutral.items()
    }
    tables: dict[str, Any] = defaultdict(dict)
    for emotion in EMOTIONS:
        rows = measured[emotion]
        for name in rows[0].keys() - {"actor"}:
            values = [np.asarray(row[name]) - own[row["actor"]].get(name, 0) for row in rows]
            tables[name][emotion] = np.nanmean(values, axis=0)
    middle = np.mean([row["pitch_st"] for row in measured["neutral"]])
    return {**tables, "neutral_hz": 100 * 2 ** (middle / 12), "edges_hz": EDGES_HZ}


def _rounded(value: Any, digits: int = 3) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(entry, digits) for key, entry in value.items()}
    return np.round(np.asarray(value, np.float64), digits).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--posteriors", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with options.posteriors.open(newline="") as file:
        # Trials are named without RAVDESS's first part, which tells face from voice.
        posteriors = {row["trial"]: row for row in csv.DictReader(file)}
    tables = face_tables(options.landmarks, posteriors) | voice_tables(options.audio, posteriors)
    lines = [f"{json.dumps(name)}: {json.dumps(_rounded(value))}" for name, value in tables.items()]
    options.out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
