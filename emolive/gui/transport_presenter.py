"""The state of the transport for a snapshot. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emolive.gui.i18n import tr
from emolive.gui.span_editor import SpanEditor
from emolive.recording.spans import Span
from emolive.snapshot import Snapshot
from emolive.types import Estimate


@dataclass(frozen=True, slots=True)
class TransportState:
    """What the transport shows of a file."""

    position_s: float
    duration_s: float
    paused: bool
    loop: bool
    ended: bool
    analysed_s: float
    track: Sequence[Estimate]
    """The estimates so far; only grows."""
    recorded: Sequence[Estimate]
    """Those that were recorded with the file."""
    labels: tuple[str, ...]
    spans: tuple[Span, ...]
    marks_s: tuple[float | None, float | None]
    clock: str
    """Position and length."""
    note: str
    """What goes on: ended, being analysed, more files waiting."""


def present_transport(
    snapshot: Snapshot, editor: SpanEditor, recorded: Sequence[Estimate], n_waiting: int
) -> TransportState | None:
    """The state of the transport; None where no file is open.

    Args:
        snapshot: the newest one.
        editor: the spans.
        recorded: the estimates that were recorded with the file.
        n_waiting: files that are played after this one.
    """
    playback = snapshot.playback
    if playback is None:
        return None
    # At its end the position may be a few milliseconds behind the stated length.
    duration_s = max(playback.duration_s, playback.position_s, 0.1)
    newest = playback.track[-1] if playback.track else recorded[-1] if recorded else None
    return TransportState(
        position_s=playback.position_s,
        duration_s=duration_s,
        paused=playback.paused,
        loop=playback.loop,
        ended=snapshot.ended,
        analysed_s=playback.analysed_s,
        track=playback.track,
        recorded=recorded,
        labels=() if newest is None else newest.labels,
        spans=editor.spans,
        marks_s=(editor.mark_in_s, editor.mark_out_s),
        clock=f"{clock_text(playback.position_s)} / {clock_text(duration_s)}",
        note=" · ".join(_notes(snapshot, editor, duration_s, n_waiting)),
    )


def clock_text(t_s: float) -> str:
    """A time in a file: 0:07.4 or 1:02:03.0."""
    tenths = round(10 * max(0.0, t_s))
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"


def recording_text(seconds: float, n_dropped: int) -> str:
    """The mark of a recording that runs."""
    minutes, rest = divmod(int(seconds), 60)
    text = tr("● REC {time}", time=f"{minutes}:{rest:02d}")
    return tr("{recording}, {n} dropped", recording=text, n=n_dropped) if n_dropped else text


def _notes(snapshot: Snapshot, editor: SpanEditor, duration_s: float, n_waiting: int) -> list[str]:
    playback = snapshot.playback
    assert playback is not None
    notes: list[str] = []
    if snapshot.ended:
        notes.append(tr("Ended"))
    elif playback.paused:
        notes.append(tr("Paused"))
    if playback.analysing:
        share = min(0.99, playback.analysed_s / duration_s)
        notes.append(tr("analysing {percent} %", percent=int(100 * share)))
    if editor.mark_in_s is not None:
        notes.append(tr("span from {time}", time=clock_text(editor.mark_in_s)))
    elif editor.spans:
        n = len(editor.spans)
        notes.append(tr("1 span") if n == 1 else tr("{n} spans", n=n))
    if n_waiting:
        notes.append(tr("{n} files wait", n=n_waiting))
    if playback.sound:
        notes.append(tr("no loudspeaker"))
    return notes
