"""Why a session without a window gave no estimate, in one sentence."""

from __future__ import annotations

from contextlib import suppress

from emolive.errors import EmoliveError
from emolive.snapshot import Snapshot

NOTHING = "There is no estimate: neither a face nor a voice was detected while the model ran."
NO_SPEECH = f"{NOTHING} There is sound, but no speech."
TOO_SLOW = "There is no estimate: this computer was too slow, so close other programs and start again."
_LATE = {("model", "stalled"), ("camera", "slow"), ("face", "slow")}
"""Statuses of a computer that does not keep up."""


class NoEstimate:
    """Takes note of what a session says, for the case that it ends without an estimate.

    Args:
        source: what was opened.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._said: set[tuple[str, str]] = set()

    def note(self, snapshot: Snapshot) -> None:
        """Take note of the present statuses."""
        self._said.update((status.source, status.code) for status in snapshot.statuses)

    def sentence(self, snapshot: Snapshot) -> str:
        """Why there is no estimate, at the end of a session."""
        if snapshot.ended and (text := self._too_short(snapshot)):
            return text
        if self._said & _LATE:
            return TOO_SLOW
        return NO_SPEECH if ("voice", "no speech") in self._said else NOTHING

    def _too_short(self, snapshot: Snapshot) -> str:
        """That a file is too short to be read; "" if it is not, or if that is not known."""
        from emolive.capture.container import media_of
        from emolive.capture.decode import probe
        from emolive.capture.source_spec import parse_source
        from emolive.file_summary import too_short
        from emolive.models.io import onnx
        from emolive.windowing import shortest_s

        with suppress(EmoliveError):
            spec = parse_source(self._source)
            if spec.kind == "file" and snapshot.checkpoint is not None:
                needed_s = shortest_s(onnx.describe(snapshot.checkpoint).spec)
                info = probe(media_of(spec))
                if info.duration_s is not None and info.duration_s < needed_s:
                    return too_short(info.name, info.duration_s, needed_s)
        return ""
