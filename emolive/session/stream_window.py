"""A window of a stream: read from its buffers, with what is to be said of it, and explained.

What needs torch is imported where it is used, so that devices are opened before torch is imported.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emolive.clock import now_ns
from emolive.models.spec import ModelSpec
from emolive.session.status import stream_statuses
from emolive.session.stream import Stream
from emolive.session.unread_pictures import Unread, pictures_unread
from emolive.snapshot import WindowExplanation
from emolive.types import Status, Timestamps

if TYPE_CHECKING:
    from emolive.predictor import Predictor
    from emolive.time_series import FeatureSequence
    from emolive.windowing import FeatureWindow


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """A window, and what was left out of it."""

    window: FeatureWindow
    foreign_voice: bool
    """Speech is not of the face that is read, and is left out."""
    unread: Unread | None
    """Why none of the newest pictures has been looked at."""

    def statuses(self, stream: Stream, window_s: float) -> tuple[Status, Status]:
        """Of face and voice.

        Args:
            stream: from which it was read.
            window_s: its length.
        """
        return stream_statuses(
            self.window,
            window_s,
            has_video=stream.has_video,
            has_audio=stream.audio is not None,
            video_lost=stream.video_lost,
            audio_lost=stream.audio_lost,
            foreign_voice=self.foreign_voice,
            unread=self.unread,
        )


def read_window(stream: Stream, spec: ModelSpec, video_space: Hashable, end_ns: int) -> ReadWindow:
    """The window of a stream that ends at `end_ns`.

    Args:
        stream: the source.
        spec: of the model that reads it.
        video_space: of the model; vectors of another one are not read.
        end_ns: end of the window.
    """
    from emolive.voice_owner import without_others_voice
    from emolive.windowing import extract_window, no_expressions

    features = stream.features
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
    return ReadWindow(window, foreign_voice, unread)


def explain_answer(
    stream: Stream,
    window: FeatureWindow,
    predictor: Predictor,
    baseline: str,
    probs: Sequence[float],
) -> WindowExplanation | None:
    """Why the answer for a window of a stream is what it is; runs the network once more.

    Args:
        stream: its newest sound gives the pitch, its person the baseline.
        window: that was predicted.
        predictor: the model.
        baseline: none, neutral or running.
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


def answer_stamps(stream: Stream, end_ns: int, start_ns: int) -> Timestamps:
    """When the evidence of an answer was captured, when its computation began, and now.

    Args:
        stream: the source.
        end_ns: end of the window.
        start_ns: when its computation began.
    """
    observation, audio = stream.observation, stream.audio
    newest_ns = max(observation.t_ns if observation is not None else 0, (audio and audio.newest_ns) or 0)
    # The timestamps of a file that is not paced may lie in the future.
    return Timestamps(min(end_ns, start_ns, newest_ns or end_ns), start_ns, now_ns())
