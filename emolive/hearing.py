"""Sound to audio steps, each computed once: what live, files and training all hear through.

Steps of "logmel" depend on nothing but their own samples. So of a window that ends one bin after the
last one only the newest steps are computed; the others are known. A step is kept once nothing can
change it any more: late sound, a gap or a clock that was set back touch only what was not yet kept, or
tell that they touched more (`Stretch.version`).
"""

from __future__ import annotations

from math import ceil, gcd
from typing import Protocol

import numpy as np

from emolive import audio
from emolive.models.spec import AudioSpec
from emolive.types import BoolArray, FloatArray, Stretch
from emolive.window import step_levels

MARGIN = audio.ZERO_CROSSINGS + 2
"""So many samples (of the lower rate) on either side shape a resampled one."""


class SoundSource(Protocol):
    """Holds sound: `emolive.ring.AudioRing`, or `emolive.evidence.Sound` for a whole clip."""

    @property
    def rate_hz(self) -> int: ...

    def stretch(self, end_ns: int, n: int) -> Stretch: ...


class Hearing:
    """Reads the audio steps of windows of one sound, in any order; forwards is fast. For one thread."""

    def __init__(self, spec: AudioSpec) -> None:
        self.spec = spec
        self.computed = 0
        """Steps that were computed so far; the others of all windows were known."""
        self._source: SoundSource | None = None
        self._version = 0
        self._end = 0
        """Behind which sample of the source the newest kept step ends."""
        self._steps = np.zeros((0, spec.channels), np.float32)
        self._levels = np.zeros(0, np.float32)

    def read(self, sound: SoundSource, end_ns: int, n: int) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Features of the `n` samples (at spec.rate_hz) that end at `end_ns`.

        Returns:
            (steps, channels) features; (steps,) which steps had sound; (steps,) their level in dBFS.
        """
        spec, rate_hz = self.spec, sound.rate_hz
        steps, wanted = spec.steps(n), spec.lead + n
        native = ceil(wanted * rate_hz / spec.rate_hz)
        stride, odd = divmod(spec.hop * rate_hz, spec.rate_hz)
        keeps = spec.kind == "logmel" and not odd and n == steps * spec.hop
        before = _before(rate_hz, spec.rate_hz) if keeps else 0
        found = sound.stretch(end_ns, native + before)
        known = self._known(sound, found, stride, steps) if keeps else 0
        new = steps - known
        self.computed += new
        # From a whole number of strides later on, resampling meets the very same instants.
        at_rate = audio.resample(found.samples[known * stride :], rate_hz, spec.rate_hz).numpy()
        at_rate = at_rate[-(wanted - known * spec.hop) :]
        features = audio.features(at_rate, spec).numpy().T
        levels = step_levels(at_rate[spec.lead :], new)
        if known:
            features = np.concatenate([self._steps[-known:], features])
            levels = np.concatenate([self._levels[-known:], levels])
        if keeps:
            self._keep(sound, found, stride, features, levels)
        # A step has sound if the middle of its stretch has; the native rate is as good a ruler as any.
        present = found.present[before:]
        ruler = len(present) * n // wanted
        middles = ((np.arange(steps) + 0.5) * ruler / steps).astype(int) + len(present) - ruler
        return features, present[middles], levels

    def _known(self, sound: SoundSource, found: Stretch, stride: int, steps: int) -> int:
        """How many of a window's steps are kept: its first ones, which are the newest kept, or none."""
        if sound is not self._source or found.version != self._version:
            return 0
        new, odd = divmod(found.end - self._end, stride)
        known = steps - new
        return known if not odd and new > 0 and 0 < known <= len(self._steps) else 0

    def _keep(
        self, sound: SoundSource, found: Stretch, stride: int, features: FloatArray, levels: FloatArray
    ) -> None:
        """Keep the steps whose samples, and those beside them that shape them, are there for good."""
        settled = min(found.settled, found.end) - _after(sound.rate_hz, self.spec.rate_hz)
        count = max(0, len(features) - max(0, -((settled - found.end) // stride)))
        self._source, self._version = sound, found.version
        self._end = found.end - (len(features) - count) * stride
        self._steps, self._levels = features[:count], levels[:count]


def _after(from_hz: int, to_hz: int) -> int:
    """Native samples past a step's end on which its value depends."""
    return 0 if from_hz == to_hz else ceil(MARGIN * max(1.0, from_hz / to_hz))


def _before(from_hz: int, to_hz: int) -> int:
    """Native samples to read from before a step's own: as many as shape it, in whole periods of both
    rates, so that they leave the instants of the resampled samples where they are."""
    period = from_hz // gcd(from_hz, to_hz)
    return -(-_after(from_hz, to_hz) // period) * period
