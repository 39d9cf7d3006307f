"""The settings of a live session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emolive.errors import ConfigError

HOPS_BINS = (1, 2, 4)
"""Bins between two answers. Evidence is gathered in every bin all the same."""
DEFAULT_BASELINE = "running"
DEFAULT_PERSON = "guest"


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The initial settings of a session. All but those of files can change later."""

    source: str = "auto"
    """The source to open: auto (the default camera, else the demo), demo, none, a camera's index or name, a
    stream's address, a media file's path, or NAME:rest of a plug-in; see `emolive.capture.source_spec`."""
    mic: str = "auto"
    """A microphone's name or index, default, none, or auto: the source's own audio, or the default microphone
    with a camera."""
    fusion: str = "ia"
    """The shipped model to load."""
    checkpoint: Path | None = None
    """A checkpoint file to load instead of the shipped one of `fusion`."""
    comparison: tuple[str, ...] = ()
    """Fusions whose shipped models answer too, on the same evidence."""
    baseline: str = DEFAULT_BASELINE
    """Reference of the normalisation: none, neutral (from a calibration) or running (statistics so far)."""
    person: str = DEFAULT_PERSON
    """The name under which the neutral baseline is saved."""
    paced: bool = True
    """Play a file or the demo in real time; False: as fast as it can be processed, dropping nothing."""
    loop: bool = False
    """Play a file again when it ends."""
    track: str = ""
    """Which of several tracks of a file to use, see `emolive.capture.tracks.TrackChoice.parse`."""
    av_offset_ms: float = 0.0
    """By how much sound is moved to later times against the picture; may be negative."""
    device: str = "auto"
    """Compute device: auto, cpu, cuda or mps."""
    backend: str = "auto"
    """Runtime of the model: eager, folded, onnx, or auto, the fastest of them as measured while loading."""
    hop_bins: int = 1
    """Answer at the end of every bin, every second one, or so on: one of `HOPS_BINS`."""
    smoothing: str = "fitted"
    """How answers are smoothed over time: one of `emolive.smoothing.SMOOTHING_MODES`."""


def check_hop(hop_bins: int) -> None:
    """ConfigError unless it is one of `HOPS_BINS`."""
    if hop_bins not in HOPS_BINS:
        raise ConfigError(f"There is no hop of {hop_bins} bins: choose {', '.join(map(str, HOPS_BINS))}.")
