"""What keeps a face or a voice from being read well, measured for the newest part of a window.

Rows, badges and the window of the app show the same hints, live and for files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from emolive.audio.levels import rms_dbfs
from emolive.clock import to_ns
from emolive.pooling import HOLD_S
from emolive.types import BoolArray, FaceQuality, FloatArray

if TYPE_CHECKING:
    from emolive.audio.resample import AudioBuffer
    from emolive.time_series import FeatureSequence

Hint = Literal["no_face", "far", "dark", "covered", "turned", "blurred", "no_speech"]
HINTS: tuple[Hint, ...] = get_args(Hint)
"""Of the face first, the gravest first."""
FACE_HINTS = frozenset(HINTS) - {"no_face", "no_speech"}
"""About a face that is there."""
QUALITY_DIM = len(fields(FaceQuality))

RECENT_S = 1.0
"""Hints are about so much of a window, its newest part."""
RECENT_BINS = 3
"""A face counts as present if it was detected in one of this many newest bins."""
MIN_SIZE_PX = 60.0
"""Below this the landmarks are too coarse for an expression."""
MIN_LIGHT = 0.12
"""Mean luma of the face; below this noise covers the expression even after the light is evened."""
MAX_YAW_DEG = 35.0
"""Farther to the side, half of the face is hidden."""
MIN_SHARPNESS = 0.08
MAX_COVERED = 0.5
"""Above this probability mouth or eyes count as covered."""
COVERED_DOUBT = 0.4
"""So much of the answer about a face that is partly covered is not known: it goes to all labels alike."""
NOISE_DBFS = -50.0
"""Sound above this level without speech is worth a word."""
SUMMARY_SHARE = 0.5
"""The summary of a file has the hints of this share of its estimates."""


def face_hints(quality: FaceQuality | None) -> tuple[Hint, ...]:
    """The problems of a face, the gravest first; none if it can be seen well, or if nothing was measured."""
    if quality is None:
        return ()
    found: list[tuple[Hint, bool]] = [
        ("far", quality.size_px < MIN_SIZE_PX),
        ("dark", quality.light < MIN_LIGHT),
        ("covered", quality.covered > MAX_COVERED),
        ("turned", abs(quality.yaw_deg) > MAX_YAW_DEG),
        ("blurred", quality.sharpness < MIN_SHARPNESS),
    ]
    return tuple(hint for hint, is_true in found if is_true)


def voice_hint(level_dbfs: float | None, *, has_voice: bool) -> Hint | None:
    """ "no_speech" where there is sound that is no speech, such as music, noise or hum."""
    return "no_speech" if not has_voice and level_dbfs is not None and level_dbfs > NOISE_DBFS else None


def window_hints(
    end_ns: int,
    *,
    face_present: BoolArray | None,
    qualities: FeatureSequence | None,
    audio: AudioBuffer | None,
    has_voice: bool,
) -> tuple[Hint, ...]:
    """The hints for a window.

    Args:
        end_ns: when it ends.
        face_present: (bins,) which of its bins have a face; None without video.
        qualities: vectors (QUALITY_DIM,) of frames in which it was measured, see `quality_vector`.
        audio: the sound; None if there is none.
        has_voice: the window has a voice.
    """
    hints: list[Hint] = []
    if face_present is not None:
        if has_recent_face(face_present):
            hints += face_hints(recent_quality(qualities, end_ns))
        else:
            hints.append("no_face")
    if (hint := voice_hint(_recent_level_dbfs(audio, end_ns), has_voice=has_voice)) is not None:
        hints.append(hint)
    return tuple(hints)


def has_recent_face(face_present: BoolArray) -> bool:
    """Whether there is a face in the newest of a window's bins (bins,)."""
    return bool(face_present[-RECENT_BINS:].any())


def quality_vector(quality: FaceQuality) -> FloatArray:
    """The fields of a quality as a vector (QUALITY_DIM,), which buffers of features can hold."""
    return np.array(astuple(quality), np.float32)


def recent_quality(qualities: FeatureSequence | None, end_ns: int) -> FaceQuality | None:
    """The median of each field over the newest part of a window, so that one odd frame says nothing.

    Of pictures that come more rarely, the newest one; None where nothing was measured.
    """
    if qualities is None:
        return None
    stamps_ns, vectors, present = qualities.between(end_ns - to_ns(HOLD_S), end_ns)
    stamps_ns, vectors = stamps_ns[present], vectors[present]
    if not len(stamps_ns):
        return None
    recent = vectors[stamps_ns > end_ns - to_ns(RECENT_S)]
    values = np.median(recent, axis=0) if len(recent) else vectors[-1]
    return FaceQuality(*values.tolist())


def common_hints(counts: Mapping[str, int], n_estimates: int) -> tuple[str, ...]:
    """The hints that `SUMMARY_SHARE` of a file's estimates have, in the order of HINTS.

    Args:
        counts: hint → number of estimates that have it.
        n_estimates: of the file, at least 1.
    """
    return tuple(hint for hint in HINTS if counts.get(hint, 0) >= SUMMARY_SHARE * n_estimates)


def _recent_level_dbfs(audio: AudioBuffer | None, end_ns: int) -> float | None:
    if audio is None:
        return None
    segment = audio.read_segment(end_ns, round(RECENT_S * audio.rate_hz))
    return rms_dbfs(segment.samples[segment.present]) if segment.present.any() else None
