"""Synthetic audio signals."""

from __future__ import annotations

from math import ceil

import numpy as np

from emolive.types import FloatArray


def sine(hz: float, rate_hz: int, seconds: float, amplitude: float = 1.0) -> FloatArray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def noise(rate_hz: int, seconds: float, dbfs: float = 0.0, seed: int = 0) -> FloatArray:
    """White noise of one level."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def restless_noise(rate_hz: int, seconds: float, seed: int = 0) -> FloatArray:
    """White noise whose level changes every 200 ms, over 70 dB."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    levels = np.repeat(10 ** rng.uniform(-4, -0.5, ceil(seconds * 5) + 1), rate_hz // 5)
    levels = np.append(levels, np.full(max(0, n - len(levels)), levels[-1]))[:n]
    return (rng.standard_normal(n) * levels).astype(np.float32)


def voiced_bursts(rate_hz: int, seconds: float) -> FloatArray:
    """Bursts of a voiced sound of 0.38 s, the same at every rate."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    voiced = sum(np.sin(2 * np.pi * hz * t) / hz for hz in (150, 300, 450, 900, 1500)) * 30
    return (0.3 * voiced * (np.sin(2 * np.pi * 1.3 * t) > 0)).astype(np.float32)
