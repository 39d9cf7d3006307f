"""The file that is open: what was recorded with it, and the spans that are labelled by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emolive.capture.recording_folder import is_recording
from emolive.capture.source_spec import parse_source
from emolive.errors import ConfigError, EmoliveError
from emolive.gui.i18n import tr
from emolive.gui.span_editor import SpanEditor
from emolive.gui.strings import session_text
from emolive.gui.tasks import TaskRunner
from emolive.recording.export import export_spans
from emolive.recording.folder import default_parent, read_recording
from emolive.recording.spans import Span, add_spans, load_spans, save_spans, spans_path
from emolive.snapshot import PlaybackState
from emolive.types import Estimate


@dataclass(frozen=True, slots=True)
class _OpenedFile:
    """What is kept beside a file."""

    spans: tuple[Span, ...]
    recorded: tuple[Estimate, ...]
    person: str


class OpenFile:
    """The commands of spans. To be used from the GUI thread; files are read and written in the background.

    Args:
        tasks: reads and writes files.
        show_message: shows a passing sentence.
    """

    def __init__(self, tasks: TaskRunner, show_message: Callable[[str], None]) -> None:
        self._tasks, self._show_message = tasks, show_message
        self.spans = SpanEditor()
        self.source = ""
        """The open file, as the session names it; empty for a live source."""
        self.recorded: tuple[Estimate, ...] = ()
        """The estimates that were recorded with it."""
        self.person = ""
        """Who is seen in it."""
        self.playback: PlaybackState | None = None
        """Of the open file; None while none is open."""
        self._reading = self._changed_meanwhile = False
        """The stored spans are being read; others have been labelled or removed since that began."""

    def follow(self, source: str, person: str, playback: PlaybackState | None) -> None:
        """Notice another file and the position. To be called often.

        Args:
            source: the file; "" while none is open.
            person: whose recording a file without a note of it is.
            playback: of the file.
        """
        self.playback = playback
        if source != self.source:
            self.source = source
            self._open(person)

    @property
    def position_s(self) -> float | None:
        """The position in the file; None while none is open."""
        return None if self.playback is None else self.playback.position_s

    def mark_in(self) -> None:
        """The next span begins at the position."""
        if (position_s := self.position_s) is not None:
            self.spans.mark_in(position_s)

    def mark_out(self) -> None:
        """The next span ends at the position."""
        if (position_s := self.position_s) is not None:
            self.spans.mark_out(position_s)

    def label_span(self, label: str) -> None:
        """Give the marked span a label."""
        if (position_s := self.position_s) is None:
            return
        try:
            self.spans.label(label, position_s)
        except ConfigError as error:
            self._show_message(session_text(str(error)))
        else:
            self._save_spans()

    def remove_span(self) -> None:
        """Remove the marks, or the span at the position."""
        position_s = self.position_s
        if position_s is not None and self.spans.remove(position_s):
            self._save_spans()

    def export(self) -> None:
        """Cut the spans into clips with an annotation file."""
        path, spans, person = self.path, self.spans.spans, self.person
        if path is None:
            return
        parent = path if is_recording(path) else default_parent() / "exports" / path.stem

        def cut() -> Path:
            return export_spans(path, spans, parent, actor=person)

        text = (
            tr("1 clip for training is listed in {path}.", path="{path}")
            if len(spans) == 1
            else tr("{n} clips for training are listed in {path}.", n=len(spans), path="{path}")
        )
        self._tasks.submit(cut, lambda path: self._show_message(text.format(path=path)), self._show_message)

    def label_by_number(self, number: int) -> None:
        """Give the marked span the label with this place in the model's order."""
        playback = self.playback
        newest = playback.track[-1] if playback is not None and playback.track else None
        if newest is None and self.recorded:
            newest = self.recorded[-1]
        if newest is not None and number < len(newest.labels):
            self.label_span(newest.labels[number])

    def _save_spans(self) -> None:
        path, spans = self.path, self.spans.spans
        if path is None:
            return
        # Those that are stored are not among them yet, and must not be lost if nothing more happens.
        add_to_stored = self._changed_meanwhile = self._reading

        def save() -> None:
            merged = add_spans(load_spans(spans_path(path)), spans) if add_to_stored else spans
            save_spans(spans_path(path), merged)

        self._tasks.submit(save, on_error=self._show_message)

    def _open(self, person: str) -> None:
        self.spans.open()
        self.recorded, self.person = (), person
        path, source = self.path, self.source
        self._changed_meanwhile, self._reading = False, path is not None
        if path is None:
            return

        def read() -> _OpenedFile:
            spans = load_spans(spans_path(path))
            if not is_recording(path):
                return _OpenedFile(spans, (), person)
            recording = read_recording(path)
            session = recording.settings.get("session")
            fusion = recording.settings.get("fusion")
            recorded = tuple(e for e in recording.estimates if fusion in (None, e.fusion))
            owner = session.get("person") if isinstance(session, dict) else None
            return _OpenedFile(spans, recorded or recording.estimates, str(owner or person))

        def opened(file: _OpenedFile) -> None:
            if self.source == source:
                self._reading = False
                self.spans.add_stored(file.spans)
                self.recorded, self.person = file.recorded, file.person
                if self._changed_meanwhile:
                    self._save_spans()

        def unreadable(sentence: str) -> None:
            if self.source == source:
                self._reading = False
            self._show_message(sentence)

        self._tasks.submit(read, opened, unreadable)

    @property
    def path(self) -> Path | None:
        """Of the open file or recording."""
        try:
            spec = parse_source(self.source) if self.source else None
        except EmoliveError:
            return None
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        return None if spec is None else Path(os.path.expanduser(spec.value))  # noqa: PTH111
