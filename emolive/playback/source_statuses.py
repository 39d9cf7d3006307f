"""What is said of picture and sound of a file that plays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from emolive.capture.base import SourceInfo
from emolive.session.status import NO_AUDIO, NO_VIDEO
from emolive.types import Status

PARTS = ("camera", "microphone")
"""The sources of the statuses: what a file stands in for."""


def source_statuses(info: SourceInfo, *, has_audio: bool) -> tuple[Status, ...]:
    """The statuses of a file that begins to play.

    Args:
        info: of the file.
        has_audio: its sound is played and read.
    """
    return tuple(
        Status(part, "ok", "live", f"Playing {info.name}.") if there else Status(part, "info", "none", absent)
        for part, there, absent in zip(PARTS, (info.has_video, has_audio), (NO_VIDEO, NO_AUDIO), strict=True)
    )


def at_present(statuses: Iterable[Status], name: str, *, problem: str, ended: bool) -> tuple[Status, ...]:
    """The statuses with what became of the file.

    Args:
        statuses: of all parts.
        name: of the file.
        problem: why it cannot be played or analysed; empty if it can.
        ended: it has played to its end.
    """
    if problem:
        changes = {"level": "error", "code": "damaged", "text": problem}
    elif ended:
        changes = {"level": "info", "code": "ended", "text": f"{name} has played to its end."}
    else:
        return tuple(statuses)
    return tuple(
        replace(status, **changes) if status.source in PARTS and status.code == "live" else status  # type: ignore[arg-type]
        for status in statuses
    )
