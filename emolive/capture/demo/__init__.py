"""A face and a voice made by our own code: for machines without a camera, tests and audiences."""

from emolive.capture.demo.schedule import PASS_S, emotion_at
from emolive.capture.demo.source import DemoSource, Scene

__all__ = ["PASS_S", "DemoSource", "Scene", "emotion_at"]
