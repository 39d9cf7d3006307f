"""What a report is of: a recording, or a media file that was analysed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emolive.errors import MediaError
from emolive.recording.folder import Recording
from emolive.types import Estimate


@dataclass(frozen=True, slots=True)
class ReportSubject:
    """What a report shows."""

    name: str
    """Of the folder or file."""
    title: str
    media: Path
    """Where pictures are taken from."""
    estimates: tuple[Estimate, ...]
    """At least one; in order of time, with times in `media`."""
    facts: Mapping[str, str]
    """What is said above the shares, by its name; empty values are left out."""


def recording_subject(recording: Recording) -> ReportSubject:
    """A recording as the subject of a report.

    Args:
        recording: as read by `emolive.recording.folder.read_recording`.

    Raises:
        MediaError: there are no estimates in it.
    """
    settings, estimates = recording.settings, recording.estimates
    _check(recording.folder, estimates)
    session = settings.get("session") if isinstance(settings.get("session"), dict) else {}
    ended = settings.get("ended") if isinstance(settings.get("ended"), dict) else None
    facts = {
        "Started": str(settings.get("started", ""))[:19].replace("T", " ") + " UTC",
        **_facts(estimates, str((session or {}).get("person", ""))),
    }
    if ended is None:
        facts["Note"] = "The recording was cut off; this is what is there."
    elif ended.get("frames_dropped"):
        facts["Note"] = f"{ended['frames_dropped']} pictures were left out because the computer was too slow."
    if settings.get("is_synthetic"):
        facts["Picture"] = "The drawn demo, not a person."
    name = recording.folder.name
    return ReportSubject(name, f"Session {name}", recording.media, estimates, facts)


def file_subject(
    path: Path, estimates: Iterable[Estimate], *, person: str = "", analysing: bool = False
) -> ReportSubject:
    """A media file as the subject of a report.

    Args:
        path: the file.
        estimates: of its windows, in order of time.
        person: whose baseline was used.
        analysing: the estimates are not all there yet.

    Raises:
        MediaError: there are no estimates.
    """
    rows = tuple(estimates)
    if analysing and not rows:
        raise MediaError(f"{path.name} is still being analysed: try again in a moment.")
    _check(path, rows)
    facts = _facts(rows, person)
    if analysing:
        facts["Note"] = f"The file is analysed up to {minutes_text(rows[-1].t_s)}; the rest is missing here."
    return ReportSubject(path.name, f"File {path.name}", path, rows, facts)


def minutes_text(t_s: float) -> str:
    """A time in a file, as 1:05 or 2:00:00."""
    minutes, seconds = divmod(round(t_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _check(path: Path, estimates: Sequence[Estimate]) -> None:
    if not estimates:
        raise MediaError(f"{path} has no estimates: there is nothing to report.")


def _facts(estimates: Sequence[Estimate], person: str) -> dict[str, str]:
    n_windows = len({estimate.t_ns for estimate in estimates})
    return {
        "Source": estimates[0].source,
        "Length": f"{minutes_text(estimates[-1].t_s)} ({n_windows} estimates of each fusion)",
        "Fusion": ", ".join(dict.fromkeys(estimate.fusion for estimate in estimates)),
        "Baseline": ", ".join(dict.fromkeys(estimate.baseline for estimate in estimates)),
        "Person": person,
        "Streams": _streams(estimates),
    }


def _streams(estimates: Iterable[Estimate]) -> str:
    counts = Counter(estimate.modality for estimate in estimates)
    return ", ".join(f"{mode.title} {n / counts.total():.0%}" for mode, n in counts.most_common())
