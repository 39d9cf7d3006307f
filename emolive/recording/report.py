"""The report of a recording or a media file: one HTML file that needs no network."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from emolive.capture.decode import iter_media
from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.printable import printable
from emolive.recording.report_subject import ReportSubject, minutes_text
from emolive.recording.spans import Span
from emolive.types import UNSURE, Estimate, Frame, Image

GAP_S = 1.2
"""Estimates further apart than this are not connected."""
N_SPANS = 8
"""How many of the longest spans are listed."""
N_PICTURES = 6
PICTURE_WIDTH_PX = 320
WIDTH_PX, ROW_PX, BAND_PX, LEFT_PX = 960, 26, 18, 92
"""Of the timeline."""
COLORS = {
    "neutral": "#7c8798",
    "calm": "#2f96cf",
    "happy": "#c9a400",
    "sad": "#2458b8",
    "angry": "#d9461a",
    "fearful": "#a855a3",
    "disgust": "#138a63",
    "surprised": "#e08600",
}
"""On white; the hues are those of the window."""
_OTHER_COLORS = ("#5b5ea6", "#8c6d31", "#39737c", "#ad494a", "#637939", "#7b4173")
NOTE = (
    "Shows expression, not feelings. Not for judging people, not for work or school. "
    "This file was made on this computer and loads nothing from the network."
)

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2rem auto;
  max-width: 1000px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.note, caption, .dim { color: #566072; font-size: .87rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .9rem .15rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { display: inline-block; height: .8rem; border-radius: 3px; vertical-align: middle; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: #1c2430; }
figure { display: inline-block; margin: 0 .8rem .8rem 0; } figcaption { font-size: .85rem; color: #566072; }
img { border-radius: 6px; display: block; }
@media print { body { margin: 0; } }
"""


@dataclass(frozen=True, slots=True)
class LabelSpan:
    """A time during which one label was displayed."""

    start_s: float
    end_s: float
    label: str
    confidence: float
    """The mean."""

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def label_spans(estimates: Sequence[Estimate]) -> tuple[LabelSpan, ...]:
    """The estimates of one model, in order of time, as spans of equal labels; a gap ends a span."""
    spans: list[LabelSpan] = []
    hop_s = _hop_s(estimates)
    group: list[Estimate] = []
    for estimate in estimates:
        if group and (estimate.label != group[-1].label or estimate.t_s - group[-1].t_s > GAP_S):
            spans.append(_span(group, hop_s))
            group = []
        group.append(estimate)
    if group:
        spans.append(_span(group, hop_s))
    return tuple(spans)


def report_html(subject: ReportSubject, spans: Sequence[Span] = (), *, pictures: bool = False) -> str:
    """The report of a recording or of a media file.

    Args:
        subject: what it is of.
        spans: labelled by hand; they are shown below the timeline.
        pictures: whether frames of the longest spans are embedded. They show the person.
    """
    by_fusion: dict[str, list[Estimate]] = {}
    for estimate in subject.estimates:
        by_fusion.setdefault(estimate.fusion, []).append(estimate)
    parts = [_header(subject)]
    for fusion, estimates in by_fusion.items():
        if len(by_fusion) > 1:
            parts.append(f"<h1>Fusion {_escape(fusion)}</h1>")
        found = label_spans(estimates)
        longest = sorted((s for s in found if s.label != UNSURE), key=lambda s: -s.duration_s)[:N_SPANS]
        parts += [_shares(estimates), _timeline(estimates, found, spans), _longest(longest)]
        if pictures:
            parts.append(_pictures(subject.media, longest[:N_PICTURES]))
    title = _escape(f"emolive report {subject.name}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{''.join(parts)}\n"
        f'<p class="note">{_escape(NOTE)}</p>\n</body></html>\n'
    )


def _header(subject: ReportSubject) -> str:
    facts = subject.facts.items()
    body = "".join(f"<tr><th>{_escape(k)}</th><td>{_escape(v)}</td></tr>" for k, v in facts if v)
    return f"<h1>{_escape(subject.title)}</h1><table>{body}</table>"


def _shares(estimates: Sequence[Estimate]) -> str:
    counts = Counter(estimate.label for estimate in estimates)
    rows = []
    for label, n in counts.most_common():
        share = n / counts.total()
        rows.append(
            f'<tr><td>{_escape(label)}</td><td class="number">{share:.0%}</td>'
            f'<td><span class="bar" style="width:{320 * share:.0f}px;background:{_color(label, estimates)}">'
            f"</span></td></tr>"
        )
    return f"<h2>Shares of the displayed labels</h2><table>{''.join(rows)}</table>"


def _timeline(estimates: Sequence[Estimate], found: Sequence[LabelSpan], spans: Sequence[Span]) -> str:
    """A row for each label, whose height of colour is its probability, and a band of displayed labels."""
    labels = estimates[0].labels
    end_s = max(estimates[-1].t_s, max((span.end_s for span in spans), default=0.0), 0.1)
    height = ROW_PX * len(labels) + 2 * BAND_PX + (BAND_PX + 8 if spans else 0) + 30

    def x(t_s: float) -> float:
        return LEFT_PX + (WIDTH_PX - LEFT_PX - 8) * min(max(t_s, 0.0), end_s) / end_s

    parts = []
    for row, label in enumerate(labels):
        base = ROW_PX * (row + 1)
        parts.append(
            f'<text x="{LEFT_PX - 8}" y="{base - 6}" text-anchor="end">{_escape(label)}</text>'
            f'<line x1="{LEFT_PX}" x2="{WIDTH_PX - 8}" y1="{base}" y2="{base}" stroke="#dde2ea"/>'
        )
        for run in _runs(estimates):
            points = " ".join(
                f"{x(e.t_s):.1f},{base - (ROW_PX - 4) * e.probs[row]:.1f}"
                for e in run
                if len(e.probs) == len(labels)
            )
            if points:
                closed = f"{x(run[0].t_s):.1f},{base} {points} {x(run[-1].t_s):.1f},{base}"
                parts.append(f'<polygon points="{closed}" fill="{_color(label, estimates)}"/>')
    top = ROW_PX * len(labels) + 8
    bands = [("displayed", [(s.start_s, s.end_s, s.label) for s in found if s.label != UNSURE], top)]
    if spans:
        bands.append(("by hand", [(s.start_s, s.end_s, s.label) for s in spans], top + BAND_PX + 8))
    for name, items, y in bands:
        parts.append(f'<text x="{LEFT_PX - 8}" y="{y + 13}" text-anchor="end">{name}</text>')
        for start, end, label in items:
            tip = _escape(f"{label}, {minutes_text(start)} to {minutes_text(end)}")
            parts.append(
                f'<rect x="{x(start):.1f}" y="{y}" width="{max(1.0, x(end) - x(start)):.1f}" '
                f'height="{BAND_PX}" fill="{_color(label, estimates)}"><title>{tip}</title></rect>'
            )
    step = next(s for s in (1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 86_400, 10**6) if end_s / s <= 12)
    for tick in range(0, int(end_s) + 1, step):
        parts.append(
            f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle">{minutes_text(tick)}</text>'
        )
    return (
        f'<h2>Timeline</h2><svg viewBox="0 0 {WIDTH_PX} {height}" role="img" '
        f'aria-label="Probabilities over time">{"".join(parts)}</svg>'
    )


def _longest(longest: Sequence[LabelSpan]) -> str:
    if not longest:
        return "<h2>Longest spans</h2><p>No label was displayed.</p>"
    rows = "".join(
        f'<tr><td>{_escape(s.label)}</td><td class="number">{minutes_text(s.start_s)}</td>'
        f'<td class="number">{s.duration_s:.1f} s</td><td class="number">{s.confidence:.0%}</td></tr>'
        for s in longest
    )
    head = "<tr><th>Label</th><th>From</th><th>Duration</th><th>Mean probability</th></tr>"
    return f"<h2>Longest spans</h2><table>{head}{rows}</table>"


def _pictures(media: Path, longest: Sequence[LabelSpan]) -> str:
    figures = []
    for span in longest:
        at_s = (span.start_s + span.end_s) / 2
        data = _jpeg_at(media, at_s)
        if data is not None:
            text = base64.b64encode(data).decode("ascii")
            figures.append(
                f'<figure><img width="{PICTURE_WIDTH_PX}" alt="{_escape(span.label)}" '
                f'src="data:image/jpeg;base64,{text}"><figcaption>{_escape(span.label)}, {minutes_text(at_s)}'
                f"</figcaption></figure>"
            )
    return f"<h2>Pictures</h2>{''.join(figures)}" if figures else ""


def _jpeg_at(media: Path, t_s: float) -> bytes | None:
    """The frame at a time as JPEG; None where there is none."""
    try:
        frame = next(
            (f for f in iter_media(media, audio=False, start_ns=to_ns(t_s)) if isinstance(f, Frame)), None
        )
    except EmoliveError:
        return None
    return None if frame is None else _jpeg(frame.image)


def _jpeg(image: Image) -> bytes:
    from emolive._compat.opencv import cv2

    width = min(2 * PICTURE_WIDTH_PX, image.shape[1])
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def _runs(estimates: Sequence[Estimate]) -> list[list[Estimate]]:
    """The estimates in stretches without gaps."""
    runs: list[list[Estimate]] = []
    for estimate in estimates:
        if not runs or estimate.t_s - runs[-1][-1].t_s > GAP_S:
            runs.append([])
        runs[-1].append(estimate)
    return runs


def _hop_s(estimates: Sequence[Estimate]) -> float:
    steps = sorted(b.t_s - a.t_s for a, b in pairwise(estimates))
    return steps[len(steps) // 2] if steps else 0.24


def _span(group: Sequence[Estimate], hop_s: float) -> LabelSpan:
    """Each estimate is displayed for a hop."""
    confidence = sum(estimate.confidence for estimate in group) / len(group)
    return LabelSpan(group[0].t_s, group[-1].t_s + hop_s, group[0].label, confidence)


def _color(label: str, estimates: Sequence[Estimate]) -> str:
    if label == UNSURE:
        return "#c9cfd9"
    if label in COLORS:
        return COLORS[label]
    labels = estimates[0].labels
    return _OTHER_COLORS[(labels.index(label) if label in labels else 0) % len(_OTHER_COLORS)]


def _escape(value: object) -> str:
    return html.escape(printable(str(value)))
