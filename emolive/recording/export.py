"""Exports labelled spans as clips with annotations, in the form that `emolive-train` takes.

The columns are those of `preprocessing.annotations`, which the app does not import.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from emolive.atomic_io import atomic_write
from emolive.capture.decode import iter_media, probe
from emolive.clock import NS_PER_S, to_ns
from emolive.errors import ConfigError, OutputError
from emolive.recording.folder import create_numbered, safe_name
from emolive.recording.media_writer import MediaWriter
from emolive.recording.spans import Span
from emolive.types import AudioBlock, Frame

COLUMNS = ("id", "video", "audio", "label", "actor", "split")
ANNOTATIONS_NAME = "annotations.csv"


def export_spans(
    source: Path,
    spans: Sequence[Span],
    parent: Path,
    *,
    actor: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Cut the spans of a file into clips and list them.

    Args:
        source: a media file or a recording's folder.
        spans: what to cut.
        parent: where a new folder is created; an existing one is never used.
        actor: the person, for splits by person.
        on_progress: called with the number of clips that are done, and of all.

    Returns:
        The annotation file, in the new folder.

    Raises:
        ConfigError: there are no spans.
        MediaError: the file cannot be read.
        OutputError: the clips cannot be written.
    """
    if not spans:
        raise ConfigError("Nothing is labelled yet: mark a span and choose its label.")
    info = probe(source)
    folder = _create(parent)
    rows: list[dict[str, str]] = []
    for number, span in enumerate(spans, 1):
        name = f"{safe_name(source.stem)}_{number:03d}_{safe_name(span.label)}"
        cut_clip(source, span, folder / f"{name}.mp4")
        rows.append(
            {
                "id": name,
                "video": f"{name}.mp4" if info.has_video else "",
                "audio": f"{name}.mp4" if info.has_audio else "",
                "label": span.label,
                "actor": actor,
                "split": "",
            }
        )
        on_progress(number, len(spans))
    path = folder / ANNOTATIONS_NAME
    with atomic_write(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def cut_clip(source: Path, span: Span, target: Path) -> None:
    """Write a span of a media file as a file of its own.

    Raises:
        MediaError: the file cannot be read.
        OutputError: the clip cannot be written.
    """
    start_ns, end_ns = to_ns(span.start_s), to_ns(span.end_s)
    info = probe(source)
    writer: MediaWriter | None = None
    waiting: list[AudioBlock] = []
    try:
        for item in iter_media(source, start_ns=start_ns):
            if item.t_ns >= end_ns:
                break
            if isinstance(item, Frame):
                # The frame that is shown at the start may begin before it.
                item = Frame(max(start_ns, item.t_ns), item.image_source, item.index)  # noqa: PLW2901
            if writer is None and info.has_video and not isinstance(item, Frame):
                waiting.append(item)
                continue
            if writer is None:
                size = None
                if isinstance(item, Frame):
                    height, width = item.image.shape[:2]
                    size = (width, height)
                writer = MediaWriter(target, start_ns, size=size, audio=info.has_audio)
                for block in waiting:
                    writer.write_audio(_cut(block, end_ns))
            if isinstance(item, Frame):
                writer.write_frame(item)
            else:
                writer.write_audio(_cut(item, end_ns))
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise ConfigError(f"There is nothing in {source.name} at {span.start_s:.1f} s: mark another span.")


def _cut(block: AudioBlock, end_ns: int) -> AudioBlock:
    n = round((end_ns - block.t_ns) * block.rate_hz / NS_PER_S)
    return AudioBlock(block.t_ns, block.samples[: max(0, n)], block.rate_hz)


def _create(parent: Path) -> Path:
    try:
        folder = create_numbered(parent, "annotations")
    except OSError as error:
        raise OutputError(f"{parent} cannot be written to: {error.strerror}.") from error
    if folder is None:
        raise OutputError(f"{parent} has too many exports: move some of them.")
    return folder
