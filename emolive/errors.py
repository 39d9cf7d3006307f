"""The errors of emolive; their messages are one sentence for the user."""

from __future__ import annotations


class EmoliveError(Exception):
    """Base class. The message is one sentence with the problem and, where possible, the remedy."""


class DeviceError(EmoliveError):
    """A camera, microphone or compute device is missing, busy or unusable."""


class MediaError(EmoliveError):
    """A media file or network stream cannot be opened, decoded or used."""


class RefusedError(MediaError):
    """An address answers and refuses, so that trying again is of no use before somebody mends it."""


class CheckpointError(EmoliveError):
    """A checkpoint or saved profile is missing, damaged, or does not fit the model or device in use."""


class ConfigError(EmoliveError):
    """An option, argument, annotation file or combination of settings is invalid."""


class MissingDependencyError(EmoliveError):
    """An optional package or a system library is not installed."""


class OutputError(EmoliveError):
    """A result cannot be written."""
