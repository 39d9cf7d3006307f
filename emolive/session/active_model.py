"""The part of a session that reads: one model, and what it knows of one person."""

from __future__ import annotations

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.models.spec import ModelSpec
from emolive.predictor import Prediction, Predictor
from emolive.profile import SpeakerProfile
from emolive.session.stream import StreamBuffers
from emolive.windowing import FeatureWindow, extract_window


class ActiveModel:
    """One model at work. What was learnt and heard goes on in a model that measures alike.

    Args:
        interpreter: the model, loaded and warm.
        name: of the person who is read.
        before: whose place this one takes, if anybody's.
    """

    def __init__(self, predictor: Predictor, name: str, before: ActiveModel | None = None) -> None:
        self.predictor = predictor
        self._hearing: tuple[StreamBuffers, OnlineFeatureExtractor] | None = None
        self.inherits = before is not None and predictor.feature_space == before.predictor.feature_space
        """It goes on with the person of the one before."""
        self.person: SpeakerProfile = (
            before.person if before is not None and self.inherits else self.stranger(name)
        )
        if before is not None and before.spec.audio == predictor.spec.audio:
            self._hearing = before._hearing

    @property
    def spec(self) -> ModelSpec:
        return self.predictor.spec

    def stranger(self, name: str) -> SpeakerProfile:
        """Somebody of whom nothing is known yet."""
        return self.predictor.new_profile(name)

    def window(self, take: StreamBuffers, end_ns: int) -> FeatureWindow:
        """The evidence of `take` that ends at `end_ns`."""
        features = take.features
        vectors = (
            features.vectors if features is not None and features.vectors.dim == self.spec.frame_dim else None
        )
        if self._hearing is None or self._hearing[0] is not take:
            self._hearing = take, OnlineFeatureExtractor(self.spec.audio)
        return extract_window(vectors, take.sound, end_ns, self.spec, self._hearing[1])

    def learn(self, window: FeatureWindow) -> None:
        """Let the person's statistics grow by the newest bin."""
        self.person.update(window, self.predictor.video_stats, self.predictor.audio_stats)

    def learn_neutral(self, person: SpeakerProfile, window: FeatureWindow) -> None:
        """Add a window to the neutral statistics of somebody who is being calibrated."""
        person.neutral.add(window, self.spec, self.predictor.video_stats, self.predictor.audio_stats)

    def read(self, window: FeatureWindow, mode: str) -> Prediction | None:
        """What the model says of a window; None if it holds neither face nor voice."""
        return self.predictor.predict(window, self.person, mode)

    def calibrated(self, person: SpeakerProfile) -> list[str]:
        """Of which streams a person has enough neutral evidence."""
        face, voice = person.normalizers("neutral", self.predictor.video_stats, self.predictor.audio_stats)
        return [name for name, b in (("face", face), ("voice", voice)) if b.mode == "neutral"]
