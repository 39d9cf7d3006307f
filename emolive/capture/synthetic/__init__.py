"""A face and a voice made by our own code: for machines without a camera, tests and audiences."""

from emolive.capture.synthetic.emotion_timeline import PASS_S, emotion_at
from emolive.capture.synthetic.source import SyntheticScene, SyntheticSource

__all__ = ["PASS_S", "SyntheticScene", "SyntheticSource", "emotion_at"]
