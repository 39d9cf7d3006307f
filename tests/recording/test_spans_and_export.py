"""Spans labelled by hand, and the clips they become for training."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.capture.decode import iter_media, probe, read_audio
from emolive.errors import ConfigError, MediaError
from emolive.recording.export import export_spans
from emolive.recording.spans import Span, add_span, load_spans, remove_span, save_spans, spans_path
from emolive.types import Frame
from preprocessing import annotations
from tests.helpers.media import chirp, write_media
from tests.helpers.numbered_images import number_of


def test_a_new_span_replaces_what_it_overlaps() -> None:
    spans = add_span((), Span(1.0, 3.0, "happy"))
    spans = add_span(spans, Span(2.0, 2.5, "sad"))
    assert spans == (Span(1.0, 2.0, "happy"), Span(2.0, 2.5, "sad"), Span(2.5, 3.0, "happy"))
    assert add_span(spans, Span(0.9, 2.9, "calm")) == (Span(0.9, 2.9, "calm"),), "slivers are dropped"
    assert remove_span(spans, 2.2) == (Span(1.0, 2.0, "happy"), Span(2.5, 3.0, "happy"))
    assert remove_span(spans, 7.0) == spans
    with pytest.raises(ConfigError, match="at least"):
        add_span(spans, Span(5.0, 5.1, "calm"))


def test_spans_are_kept_beside_a_recording_or_by_path(tmp_path: Path) -> None:
    recording = tmp_path / "take"
    recording.mkdir()
    (recording / "settings.json").write_text("{}")
    (recording / "recording.mp4").write_bytes(b"x")
    assert spans_path(recording) == recording / "spans.json"
    one, other = spans_path(tmp_path / "a" / "clip.mp4"), spans_path(tmp_path / "b" / "clip.mp4")
    assert one != other, "files of the same name in two folders"
    assert load_spans(one) == ()
    spans = (Span(0.5, 1.0, "Wörter; und /Zeichen"),)
    save_spans(one, spans)
    assert load_spans(one) == spans
    one.write_text('[{"start_s": 1}]')
    with pytest.raises(MediaError, match="damaged"):
        load_spans(one)


@pytest.mark.parametrize(
    "change",
    [
        '"start_s": 1e999',
        '"start_s": NaN',
        f'"start_s": {10**400}',
        '"start_s": "1"',
        '"start_s": true',
        '"start_s": 3',
        '"start_s": -1',
        '"label": "\\ud800"',
        '"label": 7',
        '"label": ""',
    ],
)
def test_spans_that_cannot_be_right_are_damage(tmp_path: Path, change: str) -> None:
    path = tmp_path / "spans.json"
    path.write_text(f'[{{"start_s": 1, "end_s": 2, "label": "sad", {change}}}]')
    with pytest.raises(MediaError, match="damaged"):
        load_spans(path)


def test_exported_clips_are_what_was_marked_and_are_read_for_training(tmp_path: Path) -> None:
    film = write_media(
        tmp_path / "film.mp4",
        frame_ms=[40 * i for i in range(75)],
        sound=chirp(3.0),
        codec="libx264",
        audio_codec="aac",
    )
    spans = (Span(0.5, 1.5, "happy"), Span(2.0, 2.62, "a/b c"))
    done: list[tuple[int, int]] = []
    csv = export_spans(
        film, spans, tmp_path / "out", actor="anna", on_progress=lambda *progress: done.append(progress)
    )
    assert done == [(1, 2), (2, 2)]
    read = annotations.read(csv)
    assert [(item.label, item.actor, item.split) for item in read.items] == [
        ("happy", "anna", ""),
        ("a/b c", "anna", ""),
    ]
    clips = [read.locate(item.video)[0] for item in read.items]
    assert [read.locate(item.audio)[0] for item in read.items] == clips
    frames = [f for f in iter_media(clips[0], audio=False) if isinstance(f, Frame)]
    # The frame that is shown at 0.5 s is that of 0.48 s.
    assert [number_of(f.image) for f in frames] == list(range(12, 38))
    assert frames[0].t_ns == 0
    assert frames[1].t_ns == pytest.approx(20e6, abs=20_000)
    assert probe(clips[1]).duration_s == pytest.approx(0.62, abs=0.05)
    samples, rate_hz = read_audio(clips[0])
    assert len(samples) / rate_hz == pytest.approx(1.0, abs=0.05)
    again = export_spans(film, spans, tmp_path / "out", actor="anna")
    assert again.parent != csv.parent, "nothing is overwritten"
    with pytest.raises(ConfigError, match="Nothing is labelled"):
        export_spans(film, (), tmp_path / "out", actor="anna")


def test_a_clip_of_sound_alone(tmp_path: Path) -> None:
    sound = write_media(tmp_path / "voice.wav", sound=chirp(2.0))
    csv = export_spans(sound, [Span(0.25, 1.25, "sad")], tmp_path, actor="bert")
    (item,) = annotations.read(csv).items
    assert item.video == ""
    samples, rate_hz = read_audio(csv.parent / item.audio)
    assert len(samples) / rate_hz == pytest.approx(1.0, abs=0.05)
