"""Opens files that the user chooses or drops: media files, streams and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.widgets.dialogs import ask_for_file, ask_for_stream
from emolive.models.io.checkpoint import is_checkpoint_file, is_pickle_file, pickle_error


class FileOpener:
    """Classifies a path and forwards it."""

    def __init__(
        self,
        parent: QWidget,
        *,
        on_source: Callable[[str], None],
        on_sources: Callable[[Sequence[Path]], None],
        on_checkpoint: Callable[[Path], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._parent = parent
        self._on_source, self._on_checkpoint, self._on_error = on_source, on_checkpoint, on_error
        self._on_sources = on_sources

    def open_path(self, path: Path) -> None:
        """Load a checkpoint, refuse a pickle, play anything else."""
        if is_checkpoint_file(path):
            self._on_checkpoint(path)
        elif is_pickle_file(path):
            self._on_error(str(pickle_error(path)))
        else:
            self._on_source(str(path))

    def ask_for_media(self) -> None:
        """Ask for a media file."""
        ask_for_file(self._parent, tr("Open a file"), strings.media_filter(), self.open_path)

    def ask_for_checkpoint(self) -> None:
        """Ask for a checkpoint."""
        ask_for_file(self._parent, tr("Load a checkpoint"), strings.checkpoint_filter(), self.open_path)

    def ask_for_stream(self) -> None:
        """Ask for the address of a stream."""
        ask_for_stream(self._parent, self._on_source)

    def drop(self, data: QMimeData) -> bool:
        """Open the local files of a drop, several media files one after another; whether there was one."""
        paths = local_paths(data)
        media = [path for path in paths if not (is_checkpoint_file(path) or is_pickle_file(path))]
        for path in paths:
            if len(media) < 2 or path not in media:
                self.open_path(path)
        if len(media) > 1:
            self._on_sources(media)
        return bool(paths)


def local_paths(data: QMimeData) -> tuple[Path, ...]:
    """The local files of a drag or drop event."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())


def local_path(data: QMimeData) -> Path | None:
    """The first local file of a drag or drop event."""
    return next(iter(local_paths(data)), None)
