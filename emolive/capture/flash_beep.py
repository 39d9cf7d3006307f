"""A flash and a beep at the same time, and how far apart devices deliver them.

A frame that shows a flash was captured up to one frame period after it began: half of the period is taken
off, which leaves an uncertainty of the same size. A beep is found to about a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.types import AudioBlock, BoolArray, FloatArray, Frame, Image, StampArray, Status

PERIOD_S = 1.5
"""From flash to flash; pairs are less than half of it apart."""
LENGTH_S = 0.12
"""Of a flash and of a beep."""
BEEP_HZ = 1000.0
RATE_HZ = 48_000
SETTLE_S = 1.0
"""What a microphone delivers at first may be from before it was opened."""
CLIP_RATE_HZ = 25
CLIP_SIZE = (320, 180)
_GRID = (24, 18)
"""A flash may fill only a part of the picture: the brightest cell of this grid counts."""
_BRIGHTER = 50.0
"""By so much (of 255) a cell becomes brighter in a flash."""
_SLOW = 0.05
"""Share of a new frame in what is expected of the next one."""
_BEEP_WINDOW_S = 0.005
_QUIET_S = 0.3
_MIN_AMPLITUDE = 3e-3
_TIMES_NOISE = 6.0


def is_on(t_s: float) -> bool:
    """Whether the flash is lit, and the beep heard, at a time since the beginning."""
    return t_s >= PERIOD_S / 2 and (t_s - PERIOD_S / 2) % PERIOD_S < LENGTH_S


def beeps(seconds: float) -> FloatArray:
    """The sound (n,) at RATE_HZ."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase_s = (t - PERIOD_S / 2) % PERIOD_S
    on = (phase_s < LENGTH_S) & (t >= PERIOD_S / 2)
    return (0.6 * on * np.sin(2 * np.pi * BEEP_HZ * phase_s)).astype(np.float32)


def picture(t_s: float, size: tuple[int, int] = CLIP_SIZE) -> Image:
    """The picture (height, width, 3) at a time."""
    return np.full((size[1], size[0], 3), 255 if is_on(t_s) else 16, np.uint8)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How far apart flashes and beeps arrived."""

    offsets_ms: tuple[float, ...]
    """Of each pair: positive if the picture came after the sound."""
    frame_period_ms: float

    @property
    def p50_ms(self) -> float:
        """Median of the offsets: by so much the sound has to be moved to later times."""
        return float(np.median(self.offsets_ms))

    @property
    def p95_ms(self) -> float:
        """95th percentile of their distances from zero."""
        return float(np.percentile(np.abs(self.offsets_ms), 95))


class SyncMeter:
    """A listener that finds flashes in frames and keeps the sound, of one or of two sources.

    Args:
        seconds: how much sound is kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expected: NDArray[np.float64] | None = None
        self._was_bright = False
        self._first_sound_ns: int | None = None
        self.flashes_ns: list[int] = []
        self.frames_ns: list[int] = []
        self.ring: AudioRingBuffer | None = None
        self.problems: dict[str, str] = {}
        """Newest sentence of a source of statuses that is not well."""

    def on_frame(self, frame: Frame) -> None:
        """Look for the beginning of a flash."""
        cells = cv2.resize(frame.image, _GRID, interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float64)
        self.frames_ns.append(frame.t_ns)
        if self._expected is None or self._expected.shape != cells.shape:
            self._expected = cells
        is_bright = float((cells - self._expected).max()) > _BRIGHTER
        if is_bright and not self._was_bright:
            self.flashes_ns.append(frame.t_ns)
        if not is_bright:
            self._expected += _SLOW * (cells - self._expected)
        self._was_bright = is_bright

    def on_audio(self, block: AudioBlock) -> None:
        """Store sound as a session does."""
        if self.ring is None or self.ring.rate_hz != block.rate_hz:
            self.ring = AudioRingBuffer(block.rate_hz, self._seconds)
        if self._first_sound_ns is None:
            self._first_sound_ns = block.t_ns
        self.ring.write(block.samples, block.t_ns)

    def on_status(self, status: Status) -> None:
        """Note what is not well."""
        if status.level in ("warning", "error"):
            self.problems[status.source] = status.text
        else:
            self.problems.pop(status.source, None)

    def on_end(self) -> None:
        """Nothing is to be done."""

    def result(self) -> SyncResult:
        """The pairs of flashes and beeps; none if there are no flashes, or no beeps."""
        period_ns = float(np.median(np.diff(self.frames_ns))) if len(self.frames_ns) > 2 else 0.0
        flashes = np.array(self.flashes_ns, np.int64) - round(period_ns / 2)
        beep_stamps = self._beeps()
        offsets = tuple(_pairs(flashes, beep_stamps)) if len(flashes) and len(beep_stamps) else ()
        return SyncResult(offsets, period_ns / 1e6)

    def _beeps(self) -> StampArray:
        ring = self.ring
        if ring is None or ring.newest_ns is None:
            return np.zeros(0, np.int64)
        samples, present = ring.read(ring.newest_ns, round(self._seconds * ring.rate_hz))
        first_ns = ring.newest_ns - len(samples) * NS_PER_S / ring.rate_hz
        if self._first_sound_ns is not None:
            settled = np.arange(len(samples)) * NS_PER_S / ring.rate_hz + first_ns > (
                self._first_sound_ns + to_ns(SETTLE_S)
            )
            present = present & settled
        onsets = find_beeps(samples * present, present, ring.rate_hz)
        return np.round(first_ns + onsets * NS_PER_S / ring.rate_hz).astype(np.int64)


def find_beeps(samples: FloatArray, present: BoolArray, rate_hz: int) -> NDArray[np.int64]:
    """Where beeps begin, as indices of samples (n,)."""
    wave = np.exp(-2j * np.pi * BEEP_HZ * np.arange(len(samples)) / rate_hz)
    n = max(1, round(_BEEP_WINDOW_S * rate_hz))
    if len(samples) <= 2 * n:
        return np.zeros(0, np.int64)
    sums = np.concatenate([[0], np.cumsum(samples * wave)])
    amplitude = 2 * np.abs(sums[n:] - sums[:-n]) / n
    heard = amplitude[present[: len(amplitude)]]
    if not len(heard):
        return np.zeros(0, np.int64)
    noise, loudest = float(np.median(heard)), float(heard.max())
    if loudest < max(_MIN_AMPLITUDE, _TIMES_NOISE * noise):
        return np.zeros(0, np.int64)
    above = amplitude > loudest / 2
    rises = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    # The window that is half full begins half a window before the beep.
    onsets: list[int] = []
    last = -math.inf
    for rise in rises:
        if rise - last > _QUIET_S * rate_hz:
            onsets.append(int(rise) + n // 2)
        last = rise
    return np.array(onsets, np.int64)


def _pairs(flashes: StampArray, beep_stamps: StampArray) -> Iterator[float]:
    """The distance of each flash from its nearest beep in ms, if it is that beep's."""
    for flash in flashes:
        offset_ns = int(flash - beep_stamps[np.argmin(np.abs(beep_stamps - flash))])
        if abs(offset_ns) < to_ns(PERIOD_S / 2):
            yield offset_ns / 1e6


def write_clip(path: Path, seconds: float) -> None:
    """Write a video file of flashes and beeps, to be played on a phone or a screen.

    Raises:
        OSError, ValueError: it cannot be written.
    """
    import av

    with av.open(str(path), "w", format="mp4") as out:
        video: Any = out.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", CLIP_RATE_HZ)
        if video.codec_context.name == "libx264":
            video.options = {"preset": "ultrafast"}
        video.width, video.height, video.pix_fmt = *CLIP_SIZE, "yuv420p"
        audio: Any = out.add_stream("aac", RATE_HZ, layout="mono")
        for index in range(round(seconds * CLIP_RATE_HZ)):
            frame = av.VideoFrame.from_ndarray(picture(index / CLIP_RATE_HZ), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, CLIP_RATE_HZ)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        samples, size = beeps(seconds), 1024
        for first in range(0, len(samples), size):
            part = np.ascontiguousarray(samples[None, first : first + size])
            sound = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            out.mux(audio.encode(sound))
        out.mux(audio.encode())
