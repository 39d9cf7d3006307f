"""The files of one clip: video and audio of the same window, gaps, padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.clip_features import extract_clip_features
from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec
from emolive.types import Image
from emolive.vision.encoders.base import CropInput, FrameEncoder
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.windowing import centre_window_end_ns
from preprocessing import annotations
from preprocessing.annotation_tables import write_tables
from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor
from preprocessing.face_extractor import FILLED, MEASURED, MPEG_CLOCK_HZ, PADDED, number_frames
from preprocessing.output import OutputFolder
from preprocessing.records import STEPS, DatasetIndex, PreprocessConfig, Record
from preprocessing.report import build_report
from tests.helpers.small_clips import RATE_HZ, demo_face, empty_picture, tone, write_clip

SIZE = 48
FPS = 25


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClipProcessor]:
    root = tmp_path_factory.mktemp("cut")
    return root, ClipProcessor(root, OutputFolder(root / "out"), PreprocessConfig(size=SIZE), STEPS)


def process(processor: tuple[Path, ClipProcessor], name: str) -> Record:
    return processor[1](ClipEntry(Path(name).stem, name, name, "happy", "1"))


def crops_of(root: Path, name: str) -> tuple[Image, np.ndarray]:
    return (
        np.load(root / f"out/crops/{Path(name).stem}.npy"),
        np.load(root / f"out/crops/{Path(name).stem}.mask.npy"),
    )


def test_video_and_audio_are_of_the_same_window(processor: tuple[Path, ClipProcessor]) -> None:
    """The video brightens steadily, so that a crop shows its time; the start of the tone is known."""
    root, _ = processor
    seconds, event_s = 5.5, 2.5
    face = demo_face("neutral").astype(np.float32)

    def picture(t_s: float) -> Image:
        return (face * (0.5 + 0.09 * t_s)).round().astype(np.uint8)

    def brightness(crops: Image) -> np.ndarray:
        return np.asarray(crops.mean(axis=(1, 2, 3)))

    sound = tone(seconds, 1000) * (np.arange(round(seconds * RATE_HZ)) >= event_s * RATE_HZ)
    write_clip(root / "full.mp4", seconds, fps=FPS, picture=lambda _: face.astype(np.uint8))
    write_clip(root / "ramp.mp4", seconds, fps=FPS, picture=picture, sound=sound)
    process(processor, "full.mp4")
    record = process(processor, "ramp.mp4")
    crops, mask = crops_of(root, "ramp.mp4")
    samples, rate_hz = soundfile.read(root / "out/audio/ramp.flac", dtype="float32")

    assert (len(samples), rate_hz) == (79_380, 22_050)
    assert crops.shape == (15, SIZE, SIZE, 3)
    assert (mask == MEASURED).all()
    click_at_s = np.flatnonzero(np.abs(samples) > 0.1)[0] / rate_hz
    start_s = event_s - click_at_s
    assert start_s == pytest.approx(record.steps["audio"].stats["window_s"][0], abs=0.002)
    assert abs(start_s + 1.8 - seconds / 2) <= 0.12, "the window lies at the centre"

    crops_s = (brightness(crops) / brightness(crops_of(root, "full.mp4")[0]) - 0.5) / 0.09
    due_s = start_s + (np.arange(15) + 0.5) * 0.24
    assert np.abs(crops_s - due_s).max() <= 1 / FPS, "each crop is from the middle of its bin"


def test_crops_equal_those_of_a_live_session(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("happy")
    write_clip(root / "live.mp4", 4.0, picture=lambda t: np.roll(face, round(12 * t), axis=1))
    process(processor, "live.mp4")
    crops, mask = crops_of(root, "live.mp4")
    spec = PreprocessConfig(size=SIZE).pixels
    live_crops: list[Image] = []

    class Keep(FrameEncoder):
        name, dim, input = "keep", 1, CropInput(spec.pixels.size, spec.pixels.order)

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            live_crops.extend(batch)
            return np.full((1, 1), len(live_crops) - 1, np.float32)

        @classmethod
        def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
            return cls.name

    pipeline = FacePipeline((Keep(),))
    clip = extract_clip_features(root / "live.mp4", pipeline, FrameSampler(spec, 0), 1)
    assert clip.video is not None
    end_ns = centre_window_end_ns(clip.duration_s, spec)
    middles = end_ns - to_ns(3.6) + (np.arange(15) + 0.5) * to_ns(0.24)
    for i in np.flatnonzero(mask == MEASURED):
        nearest = np.abs(clip.video.stamps_ns - middles[i]).argmin()
        assert np.array_equal(crops[i], live_crops[int(clip.video.vectors[nearest, 0])])


def test_gaps_repeat_their_neighbours_and_are_counted(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("sad")
    write_clip(root / "gap.mp4", 3.6, picture=lambda t: empty_picture(t) if 1.0 < t < 1.7 else face)
    record = process(processor, "gap.mp4")
    crops, mask = crops_of(root, "gap.mp4")
    filled = np.flatnonzero(mask == FILLED)
    assert 2 <= len(filled) <= 4
    assert record.steps["faces"].stats["filled"] == len(filled)
    assert np.array_equal(crops[filled[0]], crops[filled[0] - 1])
    assert np.array_equal(crops[filled[-1]], crops[filled[-1] + 1])
    stats = record.steps["faces"].stats
    assert stats["frames_with_face"] < stats["frames"]


def test_a_short_clip_is_padded_with_repeated_crops(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("happy")
    write_clip(root / "short.mp4", 1.2, picture=lambda _: face, sound=tone(1.2))
    record = process(processor, "short.mp4")
    crops, mask = crops_of(root, "short.mp4")
    inside = np.flatnonzero(mask == MEASURED)
    assert 4 <= len(inside) <= 6
    assert (mask[: inside[0]] == PADDED).all()
    assert (mask[inside[-1] + 1 :] == PADDED).all()
    assert np.array_equal(crops[0], crops[inside[0]])
    assert np.array_equal(crops[-1], crops[inside[-1]])
    low, high = record.steps["audio"].stats["audio_in_window_s"]
    assert high - low == pytest.approx(1.2, abs=0.01)
    sound, rate_hz = soundfile.read(root / "out/audio/short.flac")
    audible_s = np.flatnonzero(np.abs(sound) > 0.05) / rate_hz
    assert audible_s[0] == pytest.approx(low, abs=0.01)
    assert audible_s[-1] == pytest.approx(high, abs=0.01)


def test_a_clip_of_exactly_one_window_is_complete(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("happy")
    write_clip(root / "exact.mp4", 3.6, picture=lambda _: face, sound=tone(3.6))
    process(processor, "exact.mp4")
    assert (crops_of(root, "exact.mp4")[1] == MEASURED).all()


def test_landmarks_have_frame_numbers(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("happy")
    write_clip(root / "marks.mp4", 2.0, fps=FPS, picture=lambda _: face)
    process(processor, "marks.mp4")
    with np.load(root / "out/landmarks/marks.npz") as stored:
        xy, frame, rate = (stored[f"marks/{name}"] for name in ("xy", "frame", "rate"))
    assert xy.shape == (len(frame), 68, 2)
    assert float(rate) == FPS
    assert len(frame) == 30, "fifteen a second"
    assert (np.diff(frame) > 0).all()


@pytest.mark.parametrize("rate", [24, 25, 30, 30000 / 1001, 24000 / 1001, 60])
def test_usual_frame_rates_are_recognised(rate: float) -> None:
    stamps = np.round(np.arange(300) / rate * NS_PER_S).astype(np.int64)
    recognised_hz, frames = number_frames(stamps, [int(step) for step in np.diff(stamps)])
    assert recognised_hz == pytest.approx(rate, abs=1e-9)
    assert np.array_equal(frames, np.arange(300))


def test_irregular_frames_use_the_mpeg_clock() -> None:
    stamps = np.array([0, 40, 95, 120, 175], np.int64) * 1_000_000
    rate, frames = number_frames(stamps, [int(step) for step in np.diff(stamps)])
    assert rate == MPEG_CLOCK_HZ
    assert np.allclose(frames / rate, stamps / NS_PER_S, atol=1e-5)


def test_an_upside_down_picture_is_turned_and_said(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    face = demo_face("happy")
    for name, image in (("upright", face), ("down", np.ascontiguousarray(face[::-1, ::-1]))):
        write_clip(root / f"{name}.mp4", 2.0, picture=lambda _, image=image: image, sound=tone(2.0, 300))  # type: ignore[misc]
    upright, down = process(processor, "upright.mp4"), process(processor, "down.mp4")
    assert [issue.kind for issue in upright.steps["faces"].issues] == []
    (issue,) = down.steps["faces"].issues
    assert (issue.kind, issue.text.partition(";")[0]) == ("turned", "Its picture is upside down")
    first, second = (crops_of(root, name)[0].astype(float) for name in ("upright", "down"))
    assert np.abs(first - second).mean() < 12 < np.abs(first - second[:, ::-1, ::-1]).mean()


def test_a_long_clip_has_crops_and_audio_of_its_whole_length(processor: tuple[Path, ClipProcessor]) -> None:
    root, _ = processor
    seconds = 11.5
    face = demo_face("neutral").astype(np.float32)

    def picture(t_s: float) -> Image:
        return (face * (0.5 + 0.04 * t_s)).round().astype(np.uint8)

    sound = tone(seconds, 500) * (np.arange(round(seconds * RATE_HZ)) >= 8 * RATE_HZ)
    write_clip(root / "long.mp4", seconds, picture=picture, sound=sound)
    record = process(processor, "long.mp4")
    assert record.steps["faces"].stats["windows"] == 3
    names = ("long", "long.part2", "long.part3")
    brightness = [crops_of(root, f"{name}.mp4")[0].mean() for name in names]
    assert brightness == sorted(brightness)
    assert brightness[2] > brightness[0] + 15
    loud = [np.abs(soundfile.read(root / f"out/audio/{name}.flac")[0]).max() > 0.05 for name in names]
    assert loud == [False, False, True]
    index = DatasetIndex("folder", (record.clip,), ())
    written = write_tables(processor[1]._output, PreprocessConfig(size=SIZE), index, [record.clip])
    assert written == {"annotations.csv": 3, "annotations-landmarks.csv": 1}
    assert [item.id for item in annotations.read(root / "out/annotations.csv").items] == [*names]
    assert not build_report(processor[1]._output, index).issues
