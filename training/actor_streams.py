"""The streams of each person's clips, each clip read once for all orders and baselines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from emolive.clip_features import ClipFeatures
from emolive.predictor import Predictor
from emolive.profile import SpeakerProfile, SpeakerStats
from emolive.windowing import FeatureWindow
from preprocessing.annotations import Annotations
from preprocessing.splits import normalize_actor_id
from training.bins import Recording, windows
from training.clip_reader import ClipReader
from training.evaluate.options import StreamBaseline
from training.normalizer_sampler import NEUTRAL, calibration_clips
from training.streams import Stream, clip_order, join_clips


@dataclass(frozen=True, slots=True)
class ActorStream:
    """A stream, and what is known of the person before it begins."""

    stream: Stream
    neutral: SpeakerStats
    """Of the clips that calibrate; of none without the baseline neutral."""
    person: SpeakerStats
    """Of all clips; of none without the baseline person."""

    def profiles(
        self, predictor: Predictor, baselines: Iterable[StreamBaseline]
    ) -> dict[StreamBaseline, SpeakerProfile]:
        """The profile with which a session begins, for each baseline."""
        profiles = {baseline: predictor.new_profile("stream") for baseline in baselines}
        if "neutral" in profiles:
            profiles["neutral"].neutral = self.neutral
        if "person" in profiles:
            profiles["person"].running = self.person
        return profiles


class ActorStreams:
    """The streams of the clips of each actor.

    The clips that calibrate baseline neutral (`calibration_clips`) are in no stream, whatever the baseline.

    Args:
        predictor: the model.
        annotations: all clips of the actors.
        excluded: indices of further clips that are in no stream.
        baselines: for which something must be known of the person.
        orders: random orders of each actor's clips.
        neutral: the label of neutral clips.
    """

    def __init__(
        self,
        predictor: Predictor,
        annotations: Annotations,
        excluded: Collection[int],
        *,
        baselines: Sequence[StreamBaseline],
        orders: int = 1,
        neutral: str = NEUTRAL,
    ) -> None:
        self._predictor, self._annotations, self._baselines = predictor, annotations, baselines
        self._calibration = calibration_clips(annotations.items, neutral)
        left_out = self._calibration | set(excluded)
        self._orders = [dict(clip_order(annotations.items, left_out, seed)) for seed in range(orders)]

    def __len__(self) -> int:
        return sum(map(len, self._orders))

    def __iter__(self) -> Iterator[ActorStream]:
        """All orders of an actor's clips, then those of the next actor. Raises EmoliveError for a clip that
        cannot be read."""
        items, spec = self._annotations.items, self._predictor.spec
        reader = ClipReader(self._annotations, spec, self._predictor.encoders())
        for actor, first in self._orders[0].items():
            own = [i for i, item in enumerate(items) if normalize_actor_id(item.actor) == actor]
            neutral = [i for i in own if i in self._calibration] if "neutral" in self._baselines else []
            person = own if "person" in self._baselines else []
            clips = {i: reader.read(items[i]) for i in sorted({*first, *neutral, *person})}
            of_neutral, of_person = (self._stats([clips[i] for i in some]) for some in (neutral, person))
            for order in self._orders:
                joined = join_clips(actor, [(items[i].label, clips[i]) for i in order[actor]], spec)
                yield ActorStream(joined, of_neutral, of_person)

    def _stats(self, clips: Sequence[ClipFeatures]) -> SpeakerStats:
        """What a session measures of a person while some clips play."""
        predictor = self._predictor
        stats = SpeakerStats.none(predictor.spec)
        for clip in clips:
            for window in windows(clip, predictor.spec):
                stats.add(window, predictor.spec, predictor.video_stats, predictor.audio_stats)
        return stats


def session_windows(
    predictor: Predictor, recording: Recording, profiles: Mapping[StreamBaseline, SpeakerProfile]
) -> Iterator[FeatureWindow]:
    """The windows of a live session, each after what it adds to the profiles. That of the baseline person is
    known from the beginning."""
    for window in windows(recording, predictor.spec):
        for baseline, profile in profiles.items():
            if baseline != "person":
                profile.update(window, predictor.video_stats, predictor.audio_stats)
        yield window


def mode_of(baseline: StreamBaseline) -> str:
    """The normalization mode of a session with a baseline."""
    return "running" if baseline == "person" else baseline
