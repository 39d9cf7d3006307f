"""The errors that emolive raises on purpose; their messages are one sentence for a person."""

from __future__ import annotations


class EmoliveError(Exception):
    """Base class. The message is one sentence that says what is wrong and, where possible, what to do."""


class DeviceError(EmoliveError):
    """A camera, microphone or compute device is missing, busy or unusable."""


class MediaError(EmoliveError):
    """A media file or network stream cannot be opened, decoded or used."""


class CheckpointError(EmoliveError):
    """A checkpoint or saved profile is missing, damaged, or does not fit what it is used with."""


class ConfigError(EmoliveError):
    """An option, argument, annotation file or combination of settings is invalid."""


class MissingDependencyError(EmoliveError):
    """An optional package or a system library is not installed."""


class OutputError(EmoliveError):
    """A result cannot be written."""
