"""Leads a person through a calibration: get ready, five neutral seconds, what came of it. No Qt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from emolive.expression_stats import EXPRESSIONS
from emolive.gui import strings
from emolive.gui.i18n import noop, tr
from emolive.snapshot import Snapshot
from emolive.types import FaceObservation

PREPARE_S = 3.0
"""Between the key and the first second that counts."""
CALIBRATION_S = 5.0
NEUTRAL_AT_LEAST = 0.35
"""A calibration in which the face was less neutral than this on average is doubted."""

_EXPRESSION_TITLES = {
    "happiness": noop("happy"),
    "surprise": noop("surprised"),
    "sadness": noop("sad"),
    "anger": noop("angry"),
    "disgust": noop("disgust"),
    "fear": noop("fearful"),
    "contempt": noop("contemptuous"),
}


class CalibrationGuide:
    """Counts down, watches the expression meanwhile, and says what came of it.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begins_s: float | None = None
        self._was_running = False
        self._observation: FaceObservation | None = None
        self._expressions: list[np.ndarray] = []
        self._doubt = ""

    @property
    def preparing(self) -> bool:
        """Whether the countdown before a calibration runs."""
        return self._begins_s is not None

    def refusal(self, snapshot: Snapshot | None, source: str) -> str:
        """Why a calibration would be wrong now; empty if it is not.

        What a drawing or a file shows is not the person in front of the camera.
        """
        if snapshot is None or not snapshot.running:
            return tr("Nothing is playing yet: calibrate when your picture is there.")
        if snapshot.is_synthetic:
            return tr("The drawing cannot be calibrated as a person: choose a camera first.")
        if strings.source_kind(source) == "file":
            return tr("A file cannot be calibrated as the person here: choose a camera first.")
        return ""

    def begin(self) -> None:
        """Start the countdown before a calibration."""
        self._begins_s = self._clock() + PREPARE_S

    def cancel(self) -> None:
        """Stop the countdown before a calibration."""
        self._begins_s = None

    def due(self) -> bool:
        """True once, when the countdown is over and the session is to begin."""
        if self._begins_s is None or self._clock() < self._begins_s:
            return False
        self._begins_s = None
        return True

    def countdown(self, snapshot: Snapshot) -> tuple[str, str]:
        """A digit to show large, and a sentence with it; both empty while nothing is counted."""
        if self._begins_s is not None:
            left_s = max(1, math.ceil(self._begins_s - self._clock()))
            return str(left_s), tr("Get ready: relax your face and look at the camera.")
        if snapshot.calibration is not None:
            left_s = max(1, math.ceil((1 - snapshot.calibration) * CALIBRATION_S))
            return str(left_s), tr("Calibrating: keep a neutral face and speak in a neutral voice.")
        return "", ""

    def watch(self, snapshot: Snapshot) -> str:
        """Follow a running calibration. Returns a doubt at its end, if there is one."""
        running = snapshot.calibration is not None
        if running and not self._was_running:
            self._expressions.clear()
        observation = snapshot.observation
        if running and observation is not None and observation is not self._observation:
            self._observation = observation
            if observation.expression is not None:
                self._expressions.append(np.exp(observation.expression.astype(float)))
        ended, self._was_running = self._was_running and not running, running
        return self._find_doubt() if ended else ""

    def _find_doubt(self) -> str:
        if not self._expressions:
            return ""
        mean = np.mean(self._expressions, axis=0)
        if mean[0] >= NEUTRAL_AT_LEAST:
            return ""
        name = EXPRESSIONS[1 + int(np.argmax(mean[1:]))]
        return tr(
            "You looked {expression} while calibrating: calibrate again with a neutral face.",
            expression=tr(_EXPRESSION_TITLES[name]),
        )
