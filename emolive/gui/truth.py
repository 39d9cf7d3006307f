"""Statuses as the window may show them: nothing is green that is gone, ended or old. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.view_state import Notice
from emolive.snapshot import Snapshot
from emolive.types import Severity, Status

_SEVERITIES: tuple[Severity, ...] = ("ok", "info", "warning", "error")
OF_THE_SOURCE = ("face", "voice", "camera", "microphone")
OF_THE_ANSWER = ("latency", "answer")
LOG_LENGTH = 200


def truthful_statuses(snapshot: Snapshot, picture_age_s: float | None) -> tuple[Status, ...]:
    """The statuses of a snapshot, those corrected that report something good of the past.

    Args:
        snapshot: the newest one.
        picture_age_s: age of a picture that is too old; None while it is of the present.
    """
    statuses = {status.source: status for status in snapshot.statuses}

    def replace_good(source: str, level: Severity, code: str, text: str) -> None:
        if source in statuses and statuses[source].level == "ok":
            statuses[source] = Status(source, level, code, text)

    if snapshot.estimate is None or snapshot.ended:
        for source in OF_THE_ANSWER:
            statuses.pop(source, None)
    if snapshot.is_synthetic:
        replace_good("camera", "info", "demo", tr("A drawing plays: no camera is in use."))
        if "microphone" not in statuses:
            statuses["microphone"] = Status("microphone", "info", "demo", tr("The voice is made up, too."))
    if snapshot.ended:
        for source in OF_THE_SOURCE:
            replace_good(source, "info", "ended", tr("The file has ended."))
    if picture_age_s is not None:
        replace_good("camera", "warning", "stalled", tr("The camera sends no new pictures."))
        replace_good("face", "info", "unknown", tr("The picture is old, so no face can be seen in it."))
    camera = statuses.get("camera")
    if camera is not None and camera.level == "error":
        replace_good("face", "info", "unknown", tr("No picture arrives, so no face can be seen."))
    microphone = statuses.get("microphone")
    if microphone is not None and (microphone.level in ("warning", "error") or microphone.code == "none"):
        replace_good("voice", "info", "unknown", tr("No sound arrives, so no voice can be heard."))
    if (refused := refused_model(snapshot)) is not None:
        title = tr("The fusion {fusion} answers.", fusion=snapshot.fusion)
        statuses[refused.source] = Status("model", "ok", snapshot.fusion, title)
    return tuple(statuses.values())


def refused_model(snapshot: Snapshot) -> Status | None:
    """The reason why a model was refused while another one goes on answering; None if that is not so."""
    status = next((status for status in snapshot.statuses if status.source == "model"), None)
    if status is None or status.level != "error" or not snapshot.fusion:
        return None
    return status if status.code == "refused" or snapshot.estimate is not None else None


def serious_statuses(statuses: Iterable[Status]) -> tuple[Status, ...]:
    """Errors, then warnings."""
    serious = [status for status in statuses if status.level in ("warning", "error")]
    return tuple(sorted(serious, key=lambda status: -_SEVERITIES.index(status.level)))


def sound_arrives(statuses: Iterable[Status]) -> bool:
    """Whether a level of the audio is of the present."""
    microphone = next((status for status in statuses if status.source == "microphone"), None)
    if microphone is None:
        return True
    return microphone.level not in ("warning", "error") and microphone.code not in ("none", "ended")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A sentence of the log."""

    time_s: float
    """Of the wall clock."""
    severity: Severity
    text: str
    count: int = 1
    """How often it was said in a row."""


class StatusLog:
    """Remembers what went wrong and what was said, so that a sentence that has passed can be read.

    Args:
        clock: seconds of the wall clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: list[LogEntry] = []
        self._present: dict[str, tuple[Severity, str]] = {}
        self._notice: Notice | None = None

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """Oldest first."""
        return tuple(self._entries)

    @property
    def notice(self) -> Notice | None:
        """The newest passing sentence."""
        return self._notice

    def update(self, statuses: Iterable[Status]) -> None:
        """Log a warning or error when it appears; a measured value that changes is no new one."""
        present: dict[str, tuple[Severity, str]] = {}
        for status in statuses:
            if status.level not in ("warning", "error"):
                continue
            present[status.source] = (status.level, status.code)
            if self._present.get(status.source) != (status.level, status.code):
                self._add(status.level, strings.status_sentence(status))
        self._present = present

    def say(self, text: str, severity: Severity = "info") -> None:
        """Log a sentence and show it for a while."""
        number = 1 if self._notice is None else self._notice.number + 1
        self._notice = Notice(number, text, severity)
        self._add(severity, text)

    def note(self, text: str) -> None:
        """Log a sentence that is shown already."""
        self._add("warning", text)

    def _add(self, severity: Severity, text: str) -> None:
        now_s = self._clock()
        if self._entries and (last := self._entries[-1]).text == text:
            self._entries[-1] = replace(last, time_s=now_s, count=last.count + 1)
            return
        self._entries.append(LogEntry(now_s, severity, text))
        del self._entries[:-LOG_LENGTH]
