"""Which tracks are used, in which order frames come, and at which rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from emolive.capture.decode import iter_media, probe, read_audio
from emolive.capture.tracks import TrackChoice
from emolive.clock import NS_PER_S
from emolive.errors import ConfigError, MediaError
from emolive.types import Frame
from tests.helpers.media import RATE_HZ, chirp
from tests.helpers.numbered_images import number_of, numbered_image

N_FRAMES = 24


def write(
    path: Path,
    *,
    videos: tuple[dict, ...] = (),
    sounds: tuple[np.ndarray, ...] = (),
    default: int | None = None,
    codec: str = "mpeg4",
    options: dict[str, str] | None = None,
) -> Path:
    """Write tracks: each video `frames` numbered images of a `size`; `default` marks one of the sounds."""
    from av.stream import Disposition

    with av.open(str(path), "w") as out:
        tracks = []
        for video in videos:
            stream = out.add_stream(video.get("codec", codec), rate=25, options=options or {})
            stream.width, stream.height = video.get("size", (160, 96))
            stream.pix_fmt = video.get("pix_fmt", "yuv420p")
            stream.bit_rate = 3_000_000
            tracks.append((stream, video))
        audios = [out.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono") for _ in sounds]
        if default is not None:
            for i, stream in enumerate(audios):
                stream.disposition = Disposition.default if i == default else Disposition(0)
        for stream, video in tracks:
            for number in range(video.get("frames", N_FRAMES)):
                image = numbered_image(number, stream.width, stream.height)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        for stream, sound in zip(audios, sounds, strict=True):
            raw = (sound * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(raw, format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), 0
            out.mux(stream.encode(frame))
            out.mux(stream.encode())
    return path


SILENCE = np.zeros(RATE_HZ, np.float32)


@pytest.fixture
def two_sounds(tmp_path: Path) -> Path:
    return write(tmp_path / "two.mkv", sounds=(SILENCE, chirp(1.0)), default=1)


def loudness(path: Path, choice: str = "") -> float:
    return float(np.abs(read_audio(path, TrackChoice.parse(choice))[0]).max())


def test_the_default_track_is_used_and_said(two_sounds):
    notices: list[str] = []
    list(iter_media(two_sounds, on_notice=notices.append))
    assert notices == [
        "two.mkv has 2 sound tracks, of which number 2 is used: choose another one with --track audio:N."
    ]
    assert loudness(two_sounds) > 0.4


def test_a_track_can_be_chosen(two_sounds):
    assert loudness(two_sounds, "1") == 0
    assert loudness(two_sounds, "audio:2") > 0.4
    with pytest.raises(MediaError, match=r"two\.mkv has no sound track 3: it has only 2\."):
        read_audio(two_sounds, TrackChoice.parse("3"))
    with pytest.raises(MediaError, match="no video track 1: it has none"):
        probe(two_sounds, TrackChoice.parse("video:1"))


@pytest.mark.parametrize("text", ["0", "-1", "x", "audio", "audio:", "1,,2", "sound:1", "1.5"])
def test_a_choice_that_is_none(text):
    with pytest.raises(ConfigError, match="--track must be"):
        TrackChoice.parse(text)


def test_choices():
    assert TrackChoice.parse("") == TrackChoice()
    assert TrackChoice.parse("2") == TrackChoice(audio=2)
    assert TrackChoice.parse("video:1, audio:3") == TrackChoice(1, 3)


def test_a_thumbnail_that_comes_first_is_no_video(tmp_path):
    still = {"size": (64, 48), "frames": 1}
    path = write(tmp_path / "thumb.mp4", videos=(still, {}))
    frames = [item for item in iter_media(path) if isinstance(item, Frame)]
    assert len(frames) == N_FRAMES
    assert frames[0].image.shape == (96, 160, 3)


@pytest.mark.parametrize("suffix", ["avi", "mp4", "mkv"])
def test_frames_come_in_the_order_of_display(tmp_path, suffix):
    """H.264 refers to frames that come later; AVI has no stamps of display."""
    if "libx264" not in av.codecs_available:
        pytest.skip("this build of FFmpeg has no encoder with such frames")
    options = {"bf": "3", "b-adapt": "0", "b-pyramid": "normal", "g": "12", "preset": "fast"}
    path = write(tmp_path / f"b.{suffix}", videos=({},), codec="libx264", options=options)
    frames = [item for item in iter_media(path) if isinstance(item, Frame)]
    assert [number_of(frame.image) for frame in frames] == list(range(N_FRAMES))
    steps = np.diff([frame.t_ns for frame in frames])
    np.testing.assert_allclose(steps, NS_PER_S / 25, atol=2e6)


def test_a_stream_without_stamps_has_the_rate_of_its_codec(tmp_path):
    if "libx264" not in av.codecs_available:
        pytest.skip("this build of FFmpeg has no encoder for it")
    path = tmp_path / "raw.h264"
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 160, 96, "yuv420p"
    context.framerate, context.time_base = Fraction(50), Fraction(1, 50)
    with path.open("wb") as out:
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(numbered_image(number % 30, 160, 96), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 50)
            out.writelines(bytes(packet) for packet in context.encode(frame))
        out.writelines(bytes(packet) for packet in context.encode(None))
    frames = [item for item in iter_media(path) if isinstance(item, Frame)]
    assert len(frames) == 50
    assert frames[-1].t_ns / NS_PER_S == pytest.approx(49 / 50, abs=0.001)
