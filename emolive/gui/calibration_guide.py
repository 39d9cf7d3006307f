"""Leads a person through a calibration: whether it makes sense, get ready, five neutral seconds. No Qt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.snapshot import Snapshot

PREPARE_S = 3.0
"""Between the key and the first second that counts."""
CALIBRATION_S = 5.0


class CalibrationGuide:
    """Refuses where nobody can be calibrated, and counts down.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begins_s: float | None = None

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

    def ask(self, snapshot: Snapshot | None, source: str) -> str:
        """Start the countdown unless a calibration runs; returns why not if it would be wrong now."""
        if self.preparing or (snapshot is not None and snapshot.calibration is not None):
            return ""
        refusal = self.refusal(snapshot, source)
        if not refusal:
            self.begin()
        return refusal

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
