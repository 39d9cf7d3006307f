"""What happened in a session, as marks for the timeline. No Qt."""

from __future__ import annotations

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.view_state import Mark, MarkKind
from emolive.snapshot import Snapshot

MARKS_KEPT = 200
FACE_LOST_NS = 500_000_000
"""A face that is missed for a shorter time gets no mark."""


class MarkTracker:
    """Compares each snapshot with the one before."""

    def __init__(self) -> None:
        self._marks: tuple[Mark, ...] = ()
        self._fusion = self._person = self._source = self._baseline_code = ""
        self._face_seen = False
        self._missing_since_ns: int | None = None

    def update(self, snapshot: Snapshot, source: str, now_ns: int) -> tuple[Mark, ...]:
        """All marks, newest last.

        Args:
            snapshot: the newest one.
            source: what is open, as in `SessionConfig.source`.
            now_ns: the present, on the session's clock.
        """
        if self._source and source != self._source:
            self._add(now_ns, "source", strings.source_title(source))
            self._face_seen, self._missing_since_ns = False, None
        if self._fusion and snapshot.fusion and snapshot.fusion != self._fusion:
            self._add(now_ns, "fusion", tr("Fusion {fusion}", fusion=snapshot.fusion))
        if self._person and snapshot.person != self._person:
            self._add(now_ns, "person", tr("Person {person}", person=snapshot.person))
        codes = {status.source: status.code for status in snapshot.statuses}
        baseline_code = codes.get("baseline", "")
        if baseline_code == "calibrated" != self._baseline_code:
            self._add(now_ns, "calibrated", tr("Calibrated"))
        self._update_face(codes.get("face", ""), now_ns)
        self._source, self._person = source, snapshot.person
        self._fusion, self._baseline_code = snapshot.fusion or self._fusion, baseline_code
        return self._marks

    def _update_face(self, code: str, now_ns: int) -> None:
        if code not in ("", "none", "missing", "failed"):
            # Also one that is too far, too dark or turned away.
            self._face_seen, self._missing_since_ns = True, None
        elif code == "missing" and self._face_seen:
            if self._missing_since_ns is None:
                self._missing_since_ns = now_ns
            elif now_ns - self._missing_since_ns >= FACE_LOST_NS:
                self._add(self._missing_since_ns, "face", tr("Face lost"))
                self._face_seen, self._missing_since_ns = False, None

    def _add(self, t_ns: int, kind: MarkKind, text: str) -> None:
        self._marks = (*self._marks[1 - MARKS_KEPT :], Mark(t_ns, kind, text))
