"""Decoding of media files: images, audio, timestamps, damage and refusals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from emolive._compat.opencv import cv2
from emolive.capture.media_file import MediaFileSource, iter_media, probe, read_audio
from emolive.clock import NS_PER_S
from emolive.errors import EmoliveError
from emolive.paths import data_dir
from emolive.types import AudioBlock, Frame
from tests.helpers.listener import Collector
from tests.helpers.media import FRAMES_MS, RATE_HZ, chirp, write_media
from tests.helpers.numbered_images import number_of, numbered_image


def split(items: list[Frame | AudioBlock]) -> tuple[list[Frame], list[AudioBlock]]:
    frames = [item for item in items if isinstance(item, Frame)]
    return frames, [item for item in items if isinstance(item, AudioBlock)]


def test_frames_and_sound_come_out_as_they_went_in(clip: Path) -> None:
    frames, blocks = split(list(iter_media(clip)))
    assert [number_of(f.image) for f in frames] == list(range(30))
    assert [f.index for f in frames] == list(range(30))
    assert [f.t_ns for f in frames] == [ms * 1_000_000 for ms in FRAMES_MS]
    assert all(f.image.flags.c_contiguous and f.image.dtype == np.uint8 for f in frames)
    assert frames[0].image.shape == (96, 160, 3)
    np.testing.assert_allclose(np.concatenate([b.samples for b in blocks]), chirp(1.2), atol=1e-4)
    assert {b.rate_hz for b in blocks} == {RATE_HZ}
    assert max(len(b.samples) for b in blocks) <= 0.02 * RATE_HZ


def test_the_stamps_of_sound_are_exact_though_the_container_rounds_them(clip: Path) -> None:
    _, blocks = split(list(iter_media(clip)))
    count = 0
    for block in blocks:
        assert block.t_ns == round(count * NS_PER_S / RATE_HZ)
        count += len(block.samples)


def test_all_sound_before_a_frame_comes_before_it(clip: Path) -> None:
    items = list(iter_media(clip))
    assert [item.t_ns for item in items] == sorted(item.t_ns for item in items)
    audio_end_ns = 0
    for item in items:
        if isinstance(item, AudioBlock):
            audio_end_ns = item.t_ns + len(item.samples) * NS_PER_S // item.rate_hz
        else:
            assert audio_end_ns >= item.t_ns


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "avi"])
def test_containers_with_lossy_codecs(tmp_path: Path, suffix: str) -> None:
    path = write_media(
        tmp_path / f"clip.{suffix}",
        frame_ms=FRAMES_MS,
        sound=chirp(1.2),
        audio_codec="pcm_s16le" if suffix == "avi" else "aac",
    )
    frames, blocks = split(list(iter_media(path)))
    assert [number_of(f.image) for f in frames] == list(range(30))
    assert [round(f.t_ns / 1e6) for f in frames] == FRAMES_MS
    samples, rate_hz = read_audio(path)
    assert rate_hz == RATE_HZ
    # A lossy codec changes the samples; what matters is where the chirp lies.
    n = min(len(samples), len(chirp(1.2)))
    lags = np.correlate(samples[:n], chirp(1.2)[2000 : n - 2000], mode="valid")
    assert abs(int(np.argmax(lags)) - 2000) <= 16
    assert blocks


@pytest.mark.parametrize("sound_ms", [0, 200])
def test_the_offset_between_video_and_audio_is_preserved(tmp_path: Path, sound_ms: int) -> None:
    path = write_media(
        tmp_path / "late.mkv", frame_ms=FRAMES_MS, sound=chirp(0.8), sound_ms=sound_ms, codec="ffv1"
    )
    frames, blocks = split(list(iter_media(path)))
    assert frames[0].t_ns == 0
    assert blocks[0].t_ns == sound_ms * 1_000_000
    samples, _ = read_audio(path)
    lead = sound_ms * RATE_HZ // 1000
    assert not samples[:lead].any()
    np.testing.assert_allclose(samples[lead:], chirp(0.8), atol=1e-4)


def test_time_starts_with_the_earlier_stream(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "shifted.mkv",
        frame_ms=[ms + 500 for ms in FRAMES_MS],
        sound=chirp(0.8),
        sound_ms=300,
        codec="ffv1",
        avoid_negative_ts="disabled",
    )
    frames, blocks = split(list(iter_media(path)))
    assert (frames[0].t_ns, blocks[0].t_ns) == (200_000_000, 0)
    only_frames, none = split(list(iter_media(path, audio=False)))
    assert only_frames[0].t_ns == 200_000_000
    assert not none


def test_a_variable_frame_rate_keeps_its_stamps(tmp_path: Path) -> None:
    uneven = [0, 33, 40, 140, 141, 300, 301, 700]
    frames, _ = split(list(iter_media(write_media(tmp_path / "v.mkv", frame_ms=uneven, codec="ffv1"))))
    assert [f.t_ns // 1_000_000 for f in frames] == uneven


@pytest.mark.parametrize("size", [(159, 95), (33, 17)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_media(tmp_path / "odd.mkv", frame_ms=[0, 40, 80, 120], codec="ffv1", size=size)
    frames, _ = split(list(iter_media(path)))
    assert [number_of(f.image) for f in frames] == [0, 1, 2, 3]
    assert all(f.image.shape == (size[1], size[0], 3) and f.image.flags.c_contiguous for f in frames)


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_a_rotated_film_is_set_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    path = write_media(tmp_path / "phone.mp4", frame_ms=[0, 40], rotation=rotation)
    image = next(i.image for i in iter_media(path) if isinstance(i, Frame) and i.index == 1)
    assert number_of(np.rot90(image, -turns)) == 1
    assert image.flags.c_contiguous


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8", "pcm_f32le", "pcm_s24le", "flac"])
def test_sound_files(tmp_path: Path, codec: str) -> None:
    path = tmp_path / ("s.flac" if codec == "flac" else "s.wav")
    write_media(path, sound=chirp(0.5), audio_codec=codec)
    info = probe(path)
    assert (info.has_video, info.has_audio, info.live, info.name) == (False, True, False, path.name)
    assert info.duration_s == pytest.approx(0.5)
    samples, rate_hz = read_audio(path)
    assert rate_hz == RATE_HZ
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, chirp(0.5), atol=0.01 if codec == "pcm_u8" else 1e-4)


def test_channels_are_mixed_by_their_mean(tmp_path: Path) -> None:
    left, right = chirp(0.3), np.zeros(round(0.3 * RATE_HZ), np.float32)
    path = write_media(tmp_path / "s.wav", sound=np.stack([left, right]))
    np.testing.assert_allclose(read_audio(path)[0], left / 2, atol=1e-4)


def test_damage_in_the_middle_is_reported_and_the_rest_is_played(tmp_path: Path) -> None:
    path = write_media(tmp_path / "hurt.mp4", frame_ms=FRAMES_MS, sound=chirp(1.2), audio_codec="aac")
    raw = bytearray(path.read_bytes())
    third = len(raw) // 3
    raw[third : third + 3000] = np.random.default_rng(5).bytes(3000)
    path.write_bytes(raw)
    listener = Collector()
    MediaFileSource(path, paced=False).start(listener)
    assert listener.ended.wait(120)
    frames, blocks = listener.frames, listener.blocks
    assert len(frames) > 5
    assert blocks
    assert listener.codes_by_source["camera"][-1] == "damaged"
    assert "hurt.mp4 is damaged near" in listener.statuses[-1].text


@pytest.mark.parametrize("suffix", ["mkv", "avi", "wav"])
def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path, suffix: str) -> None:
    frame_ms = None if suffix == "wav" else FRAMES_MS
    codec = {"mkv": "ffv1"}.get(suffix, "mpeg4")
    path = write_media(tmp_path / f"cut.{suffix}", frame_ms=frame_ms, sound=chirp(1.2), codec=codec)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    listener = Collector()
    MediaFileSource(path, paced=False, loop=False).start(listener)
    assert listener.ended.wait(120)
    assert listener.items
    assert listener.statuses[-1].code == "damaged"
    assert "cut" in listener.statuses[-1].text
    assert listener.n_ends == 1


def test_a_file_with_nothing_but_a_header_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = write_media(tmp_path / "head.mkv", frame_ms=FRAMES_MS, codec="ffv1")
    raw = path.read_bytes()
    path.write_bytes(raw[:700])
    with pytest.raises(EmoliveError, match=r"head\.mkv"):
        list(iter_media(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mp4", None, "no file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"This is only text.\n" * 50, "damaged or of another kind"),
        ("text.txt", b"This is only text.\n" * 50, "is not|another kind"),
        ("noise.mp4", bytes(range(256)) * 20, "another kind|decoded|is not"),
        ("subtitles.srt", b"1\n00:00:00,000 --> 00:00:01,000\nHello\n", "neither video nor audio"),
    ],
)
def test_a_file_that_is_not_media_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmoliveError, match=message) as caught:
        MediaFileSource(path)
    assert name in str(caught.value)
    assert str(caught.value).count("\n") == 0
    with pytest.raises(EmoliveError):
        list(iter_media(path))


def test_folders_devices_and_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match="is a folder"):
        probe(tmp_path)
    with pytest.raises(EmoliveError, match="no file"):
        probe(write_media(tmp_path / "a.wav", sound=chirp(0.1)) / "b.mp4")
    if Path(os.devnull).is_char_device():
        with pytest.raises(EmoliveError, match="is not a file"):
            probe(os.devnull)
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), numbered_image(3))
    with pytest.raises(EmoliveError, match="not a video or sound file"):
        probe(still)


def test_a_name_that_looks_like_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_media(tmp_path / "recording.wav", sound=chirp(0.1))
    (tmp_path / "recording.wav").rename(tmp_path / "concat:recording 1 é.wav")
    monkeypatch.chdir(tmp_path)
    assert probe("concat:recording 1 é.wav").has_audio


REAL = sorted((data_dir() / "ravdess" / "video").glob("*/*.mp4"))


@pytest.mark.data
@pytest.mark.skipif(not REAL, reason="no real clips in EMOLIVE_DATA")
@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_clips(path: Path) -> None:
    corruption: list[str] = []
    frames, blocks = split([_light(item) for item in iter_media(path, on_corruption=corruption.append)])
    assert not corruption
    # RAVDESS clips have 29.97 frames a second and last 3 to 5 s.
    steps = np.diff([f.t_ns for f in frames])
    np.testing.assert_allclose(steps, NS_PER_S * 1001 / 30000, atol=1)
    assert 90 <= len(frames) <= 160
    sound_ns = sum(len(b.samples) for b in blocks) * NS_PER_S / 48000
    assert abs(sound_ns - frames[-1].t_ns) < 0.2 * NS_PER_S


def _light(item: Frame | AudioBlock) -> Frame | AudioBlock:
    return Frame(item.t_ns, item.image[:1, :1].copy(), item.index) if isinstance(item, Frame) else item
