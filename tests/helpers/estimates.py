"""Creates estimates."""

from __future__ import annotations

from typing import Any

from emolive.types import Estimate, FileSummary, Modality, Timestamps

LABELS = ("neutral", "happy")


def make_estimate(**changes: Any) -> Estimate:
    """An estimate of a file; with `stamps=STAMPS` a live one."""
    return Estimate(**_values() | changes)


def make_summary(**changes: Any) -> FileSummary:
    return FileSummary(**_values() | {"shares": {"happy": 0.75, "unsure": 0.25}} | changes)


STAMPS = Timestamps(1, 2, 3)


def _values() -> dict[str, Any]:
    return {
        "source": "a.mp4",
        "t_ns": 240_000_000,
        "t_s": 0.24,
        "labels": LABELS,
        "raw_probs": (0.5, 0.5),
        "probs": (0.25, 0.75),
        "label": "happy",
        "confidence": 0.75,
        "modality": Modality.AV,
        "fusion": "ia",
        "baseline": "running",
    }
