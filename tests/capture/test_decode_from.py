"""Decoding a file from a time on, and the folder of a recording as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.capture.decode import iter_media, probe
from emolive.capture.source_spec import parse_source
from emolive.types import AudioBlock, Frame
from tests.helpers.media import chirp, write_media
from tests.helpers.numbered_images import number_of


@pytest.mark.parametrize(
    ("name", "codec", "audio"), [("f.mp4", "libx264", "aac"), ("f.mkv", "mpeg4", "pcm_s16le")]
)
def test_frames_and_sound_from_a_time_are_those_of_the_whole_file(
    tmp_path: Path, name: str, codec: str, audio: str
) -> None:
    path = write_media(
        tmp_path / name,
        frame_ms=[40 * i for i in range(100)],
        sound=chirp(4.0),
        codec=codec,
        audio_codec=audio,
    )
    whole = list(iter_media(path))
    for start_ns in (0, 20_000_000, 1_990_000_000, 3_500_000_000):
        part = list(iter_media(path, start_ns=start_ns))
        frames = [f for f in part if isinstance(f, Frame)]
        expected = [f for f in whole if isinstance(f, Frame)]
        first = max((f for f in expected if f.t_ns <= start_ns), key=lambda f: f.t_ns)
        expected = [f for f in expected if f.t_ns >= first.t_ns]
        assert [f.t_ns for f in frames] == [f.t_ns for f in expected]
        assert number_of(frames[0].image) == number_of(first.image), "the frame that is shown then"
        blocks = [b for b in part if isinstance(b, AudioBlock)]
        assert blocks[0].t_ns <= start_ns + 1_000_000
        assert start_ns - blocks[0].t_ns < 70_000_000
        assert part == sorted(part, key=lambda item: item.t_ns)
    (last,) = iter_media(path, start_ns=10**12, audio=False)
    assert last.t_ns == 99 * 40_000_000


def test_a_recording_is_opened_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "2026-01-02_03-04-05"
    folder.mkdir()
    write_media(folder / "recording.mp4", frame_ms=[0, 40], codec="libx264")
    monkeypatch.chdir(tmp_path)
    assert parse_source(folder.name).kind == "camera"
    (folder / "settings.json").write_text("{}")
    assert parse_source(folder.name).kind == "file"
    assert probe(folder).name == folder.name
    assert len(list(iter_media(folder))) == 2
