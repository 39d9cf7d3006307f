"""Fusions of the audio and the video stream, one module each; see `emolive.models.fusion.base`."""
