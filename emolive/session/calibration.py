"""The neutral baseline of a person: measured over some seconds, saved and loaded.

The profile's module needs torch, which is imported only when a model is loaded, after the source was opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.neutrality import NEUTRAL, Neutrality, judge_neutrality
from emolive.types import FloatArray

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.profile import SpeakerProfile, SpeakerStats
    from emolive.windowing import FeatureWindow

T = TypeVar("T")

BackgroundRunner = Callable[[Callable[[], Any], Callable[[Any], None]], None]
"""Runs a function in a background thread and passes its result to a callback in the inference thread."""


def run_inline(function: Callable[[], T], on_result: Callable[[T], None]) -> None:
    """A `BackgroundRunner` without a thread, for benchmarks and tests."""
    on_result(function())


class Calibration:
    """Collects the neutral statistics of a person. Owned by the inference thread.

    Args:
        predictor: the model in use.
        person: the person's name.
        start_ns: evidence counts from here.
        seconds: for so long.
    """

    def __init__(self, predictor: Predictor, person: str, start_ns: int, seconds: float) -> None:
        self.start_ns = start_ns
        self.end_ns = start_ns + to_ns(seconds)
        self._profile = new_profile(predictor, person)
        self._expressions: list[FloatArray] = []
        """Of each bin with a face, where the model has a classifier of faces."""

    def add(self, window: FeatureWindow, predictor: Predictor) -> bool:
        """Add the newest bin of a window; True if that was the last one."""
        if window.end_ns > self.start_ns:
            self._profile.neutral.add(window, predictor.spec, predictor.video_stats, predictor.audio_stats)
            expressions, present = window.expressions, window.expressions_present
            if expressions is not None and present is not None and present[-1]:
                self._expressions.append(expressions[-1])
        return window.end_ns >= self.end_ns

    def progress(self, t_ns: int) -> float:
        """How much of the time is over, 0..1."""
        return min(1.0, max(0.0, (t_ns - self.start_ns) / max(1, self.end_ns - self.start_ns)))

    def result(self, neutral: SpeakerStats, predictor: Predictor, doubted: str) -> CalibrationResult:
        """What came of it.

        A doubt that comes again in the same way is stored: so this face looks at rest.

        Args:
            neutral: of the person so far; streams that were not observed for long enough keep it.
            predictor: the model in use.
            doubted: `CalibrationResult.doubted` of the calibration before, of the same person.
        """
        from emolive.profile import SpeakerStats

        neutrality = judge_neutrality(self._expressions)
        streams = calibrated_streams(self._profile, predictor)
        if not streams:
            return CalibrationResult(None, streams, NEUTRAL)
        if neutrality.verdict == "expressive":
            return CalibrationResult(None, streams, neutrality)
        if neutrality.verdict == "doubtful" and neutrality.looked != doubted:
            return CalibrationResult(None, streams, neutrality, neutrality.looked)
        measured = self._profile.neutral
        video = measured.video if "face" in streams else neutral.video
        audio = measured.audio if "voice" in streams else neutral.audio
        expression = measured.expression if "face" in streams else neutral.expression
        return CalibrationResult(SpeakerStats(video, audio, expression), streams, neutrality)


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """What came of a calibration."""

    neutral: SpeakerStats | None
    """To be used and saved; None if nothing is to be stored."""
    streams: list[str]
    """Which of "face" and "voice" were observed for long enough."""
    neutrality: Neutrality
    """Of the face."""
    doubted: str = ""
    """How the face looked if that is the reason for storing nothing yet."""


def calibrated_streams(profile: SpeakerProfile, predictor: Predictor) -> list[str]:
    """Which of "face" and "voice" have enough neutral evidence in a profile."""
    normalizers = profile.normalizers("neutral", predictor.video_stats, predictor.audio_stats)
    return [
        name
        for name, normalizer in zip(("face", "voice"), normalizers, strict=True)
        if normalizer.mode == "neutral"
    ]


def new_profile(predictor: Predictor, person: str, neutral: SpeakerStats | None = None) -> SpeakerProfile:
    """A profile for the features of a model, empty but for the neutral statistics if there are any."""
    profile = predictor.new_profile(person)
    if neutral is not None:
        profile.neutral = neutral
    return profile


@dataclass(frozen=True, slots=True)
class LoadedProfile:
    """What a person's file holds for a model."""

    profile: SpeakerProfile
    """Empty if there is no file or it does not fit."""
    exists: bool = False
    """There is a file."""
    error: EmoliveError | None = None


def load_profile(predictor: Predictor, person: str) -> LoadedProfile:
    """Load a person's saved neutral statistics. Reads from the disk."""
    profile = new_profile(predictor, person)
    try:
        return LoadedProfile(profile, profile.load())
    except EmoliveError as error:
        return LoadedProfile(new_profile(predictor, person), error=error)


def save_profile(profile: SpeakerProfile) -> EmoliveError | None:
    """Save a person's neutral statistics; the error if it failed. Writes to the disk."""
    try:
        profile.save()
    except EmoliveError as error:
        return error
    return None
