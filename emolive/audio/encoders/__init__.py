"""Voice encoders: what turns samples into the audio features of a model. `AudioSpec.encoder` creates one."""

from emolive.audio.encoders.base import VoiceEncoder

__all__ = ["VoiceEncoder"]
