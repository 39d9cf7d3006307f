"""What is done with one window of a stream: it is read, reported and explained."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emolive.clock import now_ns
from emolive.session.status import stream_statuses
from emolive.session.unread_pictures import Unread, pictures_unread
from emolive.types import Timestamps

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.session.stream import Stream
    from emolive.snapshot import WindowExplanation
    from emolive.time_series import FeatureSequence
    from emolive.windowing import FeatureWindow


@dataclass(frozen=True, slots=True)
class LiveWindow:
    """A window, and what else is known at its end."""

    features: FeatureWindow
    foreign_voice: bool
    """Speech was left out, because it is not of the face that is read."""
    unread: Unread | None
    """Why none of the newest pictures has been looked at."""


def read_window(stream: Stream, predictor: Predictor, video_space: Hashable, end_ns: int) -> LiveWindow:
    """The window of a stream that ends at `end_ns`.

    Args:
        stream: has an extractor for the model.
        predictor: whose input the window is.
        video_space: of the model; features of another one are not read.
        end_ns: when the window ends.
    """
    from emolive.voice_owner import without_others_voice
    from emolive.windowing import extract_window, no_expressions

    spec, features = predictor.spec, stream.features
    readable = features if features is not None and features.space == video_space else None
    expressions: FeatureSequence | None = None if readable is None else readable.expressions
    if expressions is None:
        expressions = no_expressions(spec)
    window = extract_window(
        None if readable is None else readable.buffer,
        stream.audio,
        end_ns,
        spec,
        stream.extractor,
        # The classifier of faces has learned from photographs: a drawing is left to the network.
        expressions=None if stream.is_synthetic else expressions,
        qualities=None if readable is None else readable.qualities,
    )
    window, foreign_voice = without_others_voice(window, stream.lips, spec.bin_s)
    unread = pictures_unread(stream, end_ns, spec.bin_s)
    if unread is not None:
        # Nobody has looked for one.
        window = replace(window, hints=tuple(hint for hint in window.hints if hint != "no_face"))
    return LiveWindow(window, foreign_voice, unread)


def report_window(stream: Stream, window: LiveWindow, window_s: float) -> None:
    """Say what a window shows of the face and of the voice.

    Args:
        stream: gets the statuses.
        window: of it.
        window_s: its length.
    """
    stream.statuses.put(
        *stream_statuses(
            window.features,
            window_s,
            has_video=stream.has_video,
            has_audio=stream.audio is not None,
            video_lost=stream.video_lost,
            audio_lost=stream.audio_lost,
            foreign_voice=window.foreign_voice,
            unread=window.unread,
        )
    )


def explain(
    window: FeatureWindow, stream: Stream, predictor: Predictor, baseline: str, probs: Sequence[float]
) -> WindowExplanation | None:
    """The explanation of an answer; None without a profile of the person.

    Args:
        window: that was answered.
        stream: it is of.
        predictor: that answered.
        baseline: the normalisation mode.
        probs: the answer.
    """
    from emolive.explanation import PITCH_WINDOW_S, explain_window, pitch

    if stream.profile is None:
        return None
    ring, pitch_hz = stream.audio, None
    if ring is not None:
        samples, _ = ring.read(window.end_ns, round(PITCH_WINDOW_S * ring.rate_hz))
        pitch_hz = pitch(samples, ring.rate_hz)
    return explain_window(predictor, window, stream.profile, baseline, probs, pitch_hz=pitch_hz)


def timestamps(stream: Stream, end_ns: int, start_ns: int) -> Timestamps:
    """Those of an estimate that is ready now.

    Args:
        stream: it is of.
        end_ns: when its window ended.
        start_ns: when the computation began.
    """
    observation, audio_ns = stream.observation, stream.audio.newest_ns if stream.audio is not None else None
    newest_ns = max(observation.t_ns if observation is not None else 0, audio_ns or 0)
    # The timestamps of a file that is not paced may lie in the future.
    return Timestamps(min(end_ns, start_ns, newest_ns or end_ns), start_ns, now_ns())
