"""Sound to audio steps, each computed once: what live, files and training all hear through.

Steps of "logmel" depend on nothing but their own samples. So of a window that ends one bin after the
last one only the newest steps are computed; the others are known. A step is kept once nothing can
change it any more: late sound, a gap or a clock that was set back touch only what was not yet kept, or
tell that they touched more (`AudioSegment.version`). What is known of is not even read again.

Steps of "mfcc" are all computed for each window: they count from the window's start, and a bin of 240 ms is
no whole number of the published hops, so that hardly ever two windows look at the same samples.
"""

from __future__ import annotations

from math import ceil, gcd
from typing import NamedTuple, Protocol

import numpy as np

from emolive.audio import features as audio
from emolive.audio.vad import frame_levels_dbfs
from emolive.models.spec import AudioSpec
from emolive.types import AudioSegment, BoolArray, FloatArray

MARGIN = audio.ZERO_CROSSINGS + 2
"""So many samples (of the lower rate) on either side shape a resampled one."""


class AudioBuffer(Protocol):
    """Holds sound: `emolive.buffers.audio_ring.AudioRingBuffer`, or `emolive.windowing.Waveform` for a whole clip."""

    @property
    def rate_hz(self) -> int: ...

    def read_segment(self, end_ns: int, n: int) -> AudioSegment: ...


class AudioFeatures(NamedTuple):
    """The steps of a window."""

    steps: FloatArray
    """(steps, channels) features."""
    present: BoolArray
    """(steps,) which had sound."""
    levels: FloatArray
    """(steps,) dBFS."""

    def cut(self, first: int, last: int) -> AudioFeatures:
        """From step `first` to before step `last`."""
        return AudioFeatures(self.steps[first:last], self.present[first:last], self.levels[first:last])

    def then(self, later: AudioFeatures) -> AudioFeatures:
        """And behind it what was heard next."""
        return AudioFeatures(
            np.concatenate([self.steps, later.steps]),
            np.concatenate([self.present, later.present]),
            np.concatenate([self.levels, later.levels]),
        )


class OnlineFeatureExtractor:
    """Reads the audio steps of windows of one sound, in any order; forwards is fast. For one thread."""

    def __init__(self, spec: AudioSpec) -> None:
        self.spec = spec
        self.computed = 0
        """Steps that were computed so far; the others of all windows were known."""
        self._source: AudioBuffer | None = None
        self._version = 0
        self._end = 0
        """Behind which sample of the source the newest kept step ends."""
        self._kept = AudioFeatures(
            np.zeros((0, spec.channels), np.float32), np.zeros(0, np.bool_), np.zeros(0, np.float32)
        )

    def read(self, sound: AudioBuffer, end_ns: int, n: int) -> AudioFeatures:
        """What is heard in the `n` samples (at spec.rate_hz) that end at `end_ns`."""
        spec, rate_hz = self.spec, sound.rate_hz
        steps, wanted = spec.n_frames(n), spec.left_context + n
        stride, odd = divmod(spec.hop_length * rate_hz, spec.rate_hz)
        keeps = spec.kind == "logmel" and not odd and n == steps * spec.hop_length
        native = ceil(wanted * rate_hz / spec.rate_hz) + (_before(rate_hz, spec.rate_hz) if keeps else 0)
        # From a whole number of strides later on, resampling meets the very same instants.
        found, known = self._stretch(sound, end_ns, native, stride, steps if keeps else 0)
        new = steps - known
        self.computed += new
        at_rate = audio.resample(found.samples, rate_hz, spec.rate_hz).numpy()[
            known * spec.hop_length - wanted :
        ]
        heard = AudioFeatures(
            audio.features(at_rate, spec).numpy().T,
            _middles(found.present, new * stride if keeps else native * n // wanted, new),
            frame_levels_dbfs(at_rate[spec.left_context :], new),
        )
        if known:
            kept = len(self._kept.steps)
            heard = self._kept.cut(kept - known, kept).then(heard)
        if keeps:
            self._keep(sound, found, stride, heard)
        return heard

    def _stretch(
        self, sound: AudioBuffer, end_ns: int, n: int, stride: int, steps: int
    ) -> tuple[AudioSegment, int]:
        """The `n` newest samples but for those of steps that are known, and how many of `steps` are."""
        if steps and sound is self._source and len(self._kept.steps):
            place = sound.read_segment(end_ns, 0)
            if known := self._known(place, stride, steps):
                found = sound.read_segment(end_ns, n - known * stride)
                # Unless it was written in between, and not at its end.
                if (found.end, found.generation) == (place.end, place.generation):
                    return found, known
        return sound.read_segment(end_ns, n), 0

    def _known(self, place: AudioSegment, stride: int, steps: int) -> int:
        """How many of a window's steps are kept: its first ones, which are the newest kept, or none."""
        new, odd = divmod(place.end - self._end, stride)
        known = steps - new
        fits = place.generation == self._version and not odd and new > 0
        return known if fits and 0 < known <= len(self._kept.steps) else 0

    def _keep(self, sound: AudioBuffer, found: AudioSegment, stride: int, heard: AudioFeatures) -> None:
        """Keep the steps whose samples, and those beside them that shape them, are there for good."""
        settled = min(found.stable_until, found.end) - _after(sound.rate_hz, self.spec.rate_hz)
        lost = max(0, -((settled - found.end) // stride))
        self._source, self._version = sound, found.generation
        self._end = found.end - min(lost, len(heard.steps)) * stride
        self._kept = heard.cut(0, max(0, len(heard.steps) - lost))


def _middles(present: BoolArray, ruler: int, steps: int) -> BoolArray:
    """(steps,) which steps have sound: those whose stretch of the last `ruler` samples has in its middle.

    The native rate is as good a ruler as any.
    """
    middles = ((np.arange(steps) + 0.5) * ruler / steps).astype(int) - ruler
    return np.asarray(present[middles], np.bool_)


def _after(from_hz: int, to_hz: int) -> int:
    """Native samples past a step's end on which its value depends."""
    return 0 if from_hz == to_hz else ceil(MARGIN * max(1.0, from_hz / to_hz))


def _before(from_hz: int, to_hz: int) -> int:
    """Native samples to read from before a step's own: as many as shape it, in whole periods of both
    rates, so that they leave the instants of the resampled samples where they are."""
    period = from_hz // gcd(from_hz, to_hz)
    return -(-_after(from_hz, to_hz) // period) * period
