"""Rows and spans as they are read back from a file, which may be damaged or another program's."""

from __future__ import annotations

from typing import Any

from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.models import checks as check
from emolive.types import Estimate, Modality

MAX_TIME_S = 10_000_000.0
"""A recording does not last longer: 115 days."""
_BEFORE_MEDIA_S = 60.0
"""An estimate may be of a time before the first recorded frame."""
_MAX_SOURCE = 4096
_MAX_LABELS = 100
_MAX_PROBABILITY = 1 + 1e-6
"""Sums of rounded numbers may be a little more than 1."""


def read_time(name: str, value: Any, least_s: float = 0.0) -> float:
    """A time in a file in seconds. ConfigError for anything else."""
    check.number(name, value, least_s, MAX_TIME_S)
    return float(value)


def estimate_from_row(row: dict[str, Any]) -> Estimate | None:
    """The estimate of a row; None if the row is damaged. `media_s` is its time where there is one."""
    try:
        probs = check.mapping("probs", row["probs"])
        if not probs or len(probs) > _MAX_LABELS:
            return None
        labels = check.texts("labels", list(probs))
        for value in (*probs.values(), row["confidence"]):
            check.number("probability", value, 0, _MAX_PROBABILITY)
        t_s = read_time("t_s", row.get("media_s", row["t_s"]), -_BEFORE_MEDIA_S)
        source = row["file"]
        if not isinstance(source, str) or len(source) > _MAX_SOURCE:
            return None
        shares = tuple(map(float, probs.values()))
        return Estimate(
            source=source,
            t_ns=to_ns(t_s),
            t_s=t_s,
            labels=labels,
            raw_probs=shares,
            probs=shares,
            label=check.text("label", row["label"]),
            confidence=float(row["confidence"]),
            modality=Modality(row["modality"]),
            fusion=check.text("fusion", row["fusion"]),
            baseline=check.text("baseline", row["baseline"]),
            hints=check.texts("hints", row.get("hints", ())),
        )
    except (ConfigError, KeyError, TypeError, ValueError):
        return None
