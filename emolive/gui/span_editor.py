"""Spans of the open file, labelled by hand. No Qt."""

from __future__ import annotations

from emolive.errors import ConfigError
from emolive.gui.i18n import tr
from emolive.recording.spans import Span, add_span, add_spans, remove_span


class SpanEditor:
    """Marks a beginning and an end, then a label makes a span of them."""

    def __init__(self) -> None:
        self.spans: tuple[Span, ...] = ()
        self.mark_in_s: float | None = None
        self.mark_out_s: float | None = None

    def open(self) -> None:
        """Edit the spans of another file; `add_stored` adds those it has already."""
        self.spans = ()
        self.mark_in_s = self.mark_out_s = None

    def add_stored(self, spans: tuple[Span, ...]) -> None:
        """Add the spans that the file has already; marks and labels given while they were read stay."""
        self.spans = add_spans(spans, self.spans)

    def mark_in(self, position_s: float) -> None:
        """The next span begins here."""
        self.mark_in_s = position_s
        if self.mark_out_s is not None and self.mark_out_s <= position_s:
            self.mark_out_s = None

    def mark_out(self, position_s: float) -> None:
        """The next span ends here."""
        self.mark_out_s = position_s
        if self.mark_in_s is not None and self.mark_in_s >= position_s:
            self.mark_in_s = None

    def label(self, label: str, position_s: float) -> Span:
        """Give the marked span a label. Without a mark for the end it ends at the position.

        Raises:
            ConfigError: no beginning is marked, or the span is too short.
        """
        end_s = position_s if self.mark_out_s is None else self.mark_out_s
        if self.mark_in_s is None:
            raise ConfigError(tr("Mark where the span begins first: press [ there."))
        span = Span(round(self.mark_in_s, 3), round(end_s, 3), label)
        self.spans = add_span(self.spans, span)
        self.mark_in_s = self.mark_out_s = None
        return span

    def remove(self, position_s: float) -> bool:
        """Remove the marks, or without any the span at the position; whether there was something."""
        if self.mark_in_s is not None or self.mark_out_s is not None:
            self.mark_in_s = self.mark_out_s = None
            return True
        before = self.spans
        self.spans = remove_span(before, position_s)
        return self.spans != before
