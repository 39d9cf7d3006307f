"""The synthetic demo: its face in a real detector, its measured voice, the order of delivery."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emolive.capture.synthetic import PASS_S, SyntheticScene, SyntheticSource, emotion_at
from emolive.capture.synthetic.emotion_timeline import EMOTIONS, SEGMENTS, mix_at
from emolive.capture.synthetic.expression import EXPRESSIONS
from emolive.capture.synthetic.face import FaceRenderer
from emolive.capture.synthetic.filters import sosfilt
from emolive.capture.synthetic.motion import apply_speech
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.errors import EmoliveError
from emolive.models.spec import EMOTIONS as MODEL_EMOTIONS
from emolive.paths import asset
from emolive.types import AudioBlock, Frame, Image
from tests.helpers.listener import Collector

Points = NDArray[np.float64]
Detect = Callable[[Image], tuple[float, tuple[float, float, float, float]]]


@pytest.fixture(scope="module")
def scene() -> SyntheticScene:
    return SyntheticScene()


@pytest.fixture(scope="module")
def detect() -> Iterator[Detect]:
    """Score and box (x, y, width, height) of the best face in an image."""
    import mediapipe as mp

    vision = mp.tasks.vision
    options = vision.FaceDetectorOptions(
        base_options=mp.tasks.BaseOptions(
            model_asset_path=str(asset("face", "face_detection_short_range.tflite"))
        ),
        running_mode=vision.RunningMode.IMAGE,
        min_detection_confidence=0.3,
    )
    detector = vision.FaceDetector.create_from_options(options)

    def run(picture: Image) -> tuple[float, tuple[float, float, float, float]]:
        rgb = np.ascontiguousarray(picture[..., ::-1])
        detections = detector.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)).detections
        assert len(detections) == 1
        box = detections[0].bounding_box
        return detections[0].categories[0].score, (box.origin_x, box.origin_y, box.width, box.height)

    yield run
    detector.close()


@pytest.fixture(scope="module")
def shapes(detect: Detect) -> dict[str, Points]:
    """(68, 2) landmarks of each silent, still expression, levelled: eyes' middle 0, eye distance 1."""
    dlib: Any = importlib.import_module("_dlib_pybind11")
    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    predictor = dlib.shape_predictor(str(file))
    artist = FaceRenderer()
    points_by_emotion = {}
    for emotion, units in EXPRESSIONS.items():
        picture = artist.draw(units)
        _, (x, y, width, height) = detect(picture)
        box = dlib.rectangle(
            round(x + 0.02 * width),
            round(y + 0.08 * height),
            round(x + 0.98 * width),
            round(y + 1.04 * height),
        )
        shape = predictor(np.ascontiguousarray(picture[..., ::-1]), box)
        points = np.array([(shape.part(i).x, shape.part(i).y) for i in range(68)], dtype=np.float64)
        left, right = points[36], points[45]
        points_by_emotion[emotion] = (points - (left + right) / 2) / np.linalg.norm(right - left)
    return points_by_emotion


def test_the_schedule_plays_all_emotions_of_the_model_from_a_long_neutral() -> None:
    assert EMOTIONS == MODEL_EMOTIONS
    assert {emotion_at(t) for t in np.arange(0, PASS_S, 0.5)} == set(EMOTIONS)
    assert all(emotion_at(t) == "neutral" for t in np.arange(0, 6, 0.5))
    assert emotion_at(PASS_S + 7.0) == emotion_at(7.0) == "happy"


def test_emotions_change_at_a_human_pace() -> None:
    starts = np.array([start for start, _ in SEGMENTS] + [PASS_S])
    assert np.diff(starts).min() >= 4
    assert np.diff(starts).max() <= 6


def test_expressions_blend_without_a_jump() -> None:
    mixes = np.array([mix_at(t) for t in np.arange(0, 2 * PASS_S, 1 / 30)])
    np.testing.assert_allclose(mixes.sum(axis=1), 1.0)
    assert np.abs(np.diff(mixes, axis=0)).max() < 0.1


def test_the_face_is_detected_throughout(scene: SyntheticScene, detect: Detect) -> None:
    voice = Voice()
    openings = [voice.next_block().opening for _ in range(int(PASS_S * 50))]
    scores = [detect(scene.picture(t, openings[int(t * 50)]))[0] for t in np.arange(0.0, PASS_S - 0.1, 0.61)]
    assert min(scores) > 0.7


def test_the_face_is_detected_in_a_blink(scene: SyntheticScene, detect: Detect) -> None:
    artist = FaceRenderer()
    for units in EXPRESSIONS.values():
        assert detect(artist.draw(apply_speech(units, 0.0, 0.0, 1.0)))[0] > 0.7


def test_landmarks_lie_where_the_features_were_drawn(shapes: dict[str, Points]) -> None:
    for points in shapes.values():
        assert np.abs(points[36] - (-0.5, 0)).max() < 0.05
        assert np.abs(points[8, 0]) < 0.12
        assert np.all(points[17:27, 1] < -0.02)
        assert points[[48, 54], 1].mean() == pytest.approx(0.87, abs=0.12)


def test_landmarks_move_as_the_expression_does(shapes: dict[str, Points]) -> None:
    neutral = shapes["neutral"]

    def moved(emotion: str, *points: int) -> tuple[float, float]:
        x, y = (shapes[emotion] - neutral)[list(points)].mean(axis=0)
        return float(x), float(y)

    def gap(emotion: str) -> float:
        return float(shapes[emotion][66, 1] - shapes[emotion][62, 1])

    def lids(emotion: str) -> float:
        upper, lower = [37, 38, 43, 44], [41, 40, 47, 46]
        return float((shapes[emotion][lower, 1] - shapes[emotion][upper, 1]).mean())

    def corners(emotion: str) -> float:
        """Height of the mouth's corners over the middle of the lips; positive smiles."""
        points = shapes[emotion]
        return float(points[[51, 57], 1].mean() - points[[48, 54], 1].mean())

    assert corners("happy") > corners("neutral") + 0.05
    assert corners("sad") < corners("neutral") - 0.02
    assert moved("happy", 48)[0] < -0.02
    assert moved("surprised", 18, 19, 20, 23, 24, 25)[1] < -0.03
    assert moved("sad", 21, 22)[1] < -0.01
    assert moved("angry", 20, 21, 22, 23)[1] > 0.03
    assert moved("disgust", 20, 21, 22, 23)[1] > 0.03
    assert moved("disgust", 50, 51, 52)[1] < -0.02
    assert moved("surprised", 57)[1] > 0.08
    assert moved("surprised", 8)[1] > 0.04
    assert gap("surprised") > gap("neutral") + 0.08
    assert gap("fearful") > gap("neutral") + 0.02
    assert lids("surprised") > lids("neutral") > lids("happy")


def test_the_mouth_opens_with_the_voice() -> None:
    artist = FaceRenderer()
    closed = artist.draw(apply_speech(EXPRESSIONS["neutral"], 0.0, 0.0, 0.0))
    opened = artist.draw(apply_speech(EXPRESSIONS["neutral"], 1.0, 0.0, 0.0))
    changed = np.abs(closed.astype(int) - opened).max(axis=2) > 40
    assert changed[290:330, 290:350].mean() > 0.2
    assert not changed[:260].any()


def test_the_picture_is_marked_as_synthetic(scene: SyntheticScene) -> None:
    corner = scene.picture(1.0)[455:475, 8:120]
    assert (corner.min(axis=2) > 190).sum() > 50


def test_a_seed_gives_the_same_face_and_voice_again(scene: SyntheticScene) -> None:
    np.testing.assert_array_equal(scene.picture(7.3, 0.4), SyntheticScene().picture(7.3, 0.4))
    assert (scene.picture(7.3, 0.4) != SyntheticScene(1).picture(7.3, 0.4)).any()
    np.testing.assert_array_equal(Voice(3).read(48_000), Voice(3).read(48_000))
    assert (Voice(3).read(48_000) != Voice(4).read(48_000)).any()


def test_the_voice_in_pieces_equals_the_voice_at_once() -> None:
    pieces = Voice(5)
    sizes = np.random.default_rng(0).integers(1, 3000, 60)
    together = np.concatenate([pieces.read(int(size)) for size in sizes])
    np.testing.assert_array_equal(together, Voice(5).read(int(sizes.sum())))


def _pitch_and_level(emotion: str) -> tuple[float, float]:
    """Median pitch in Hz by autocorrelation, and level in dB, of four seconds."""
    weights = np.eye(len(EMOTIONS))[EMOTIONS.index(emotion)]
    samples = Voice(0, lambda t_s: weights).read(4 * RATE_HZ).astype(np.float64)
    assert np.abs(samples).max() <= 1.0
    shortest, longest = RATE_HZ // 450, RATE_HZ // 80
    pitches = []
    for start in range(0, len(samples) - 2400, 4800):
        part = samples[start : start + 2400]
        part = part - part.mean()
        power = np.fft.irfft(np.abs(np.fft.rfft(part, 8192)) ** 2)[:longest]
        lag = shortest + int(np.argmax(power[shortest:]))
        if power[0] / len(part) > 1e-5 and power[lag] > 0.5 * power[0]:
            pitches.append(RATE_HZ / lag)
    assert len(pitches) > 10
    return float(np.median(pitches)), float(10 * np.log10(np.mean(samples**2)))


def test_aroused_emotions_are_louder_and_higher_than_quiet_ones() -> None:
    measured = {emotion: _pitch_and_level(emotion) for emotion in EMOTIONS}
    for aroused in ("angry", "fearful", "surprised"):
        for quiet in ("sad", "calm"):
            assert measured[aroused][0] > 1.3 * measured[quiet][0]
            assert measured[aroused][1] > measured[quiet][1] + 5
    assert max(measured["sad"][1], measured["neutral"][1]) < measured["angry"][1]


def _played(**options: Any) -> Collector:
    collector = Collector()
    source = SyntheticSource(**options)
    source.start(collector)
    assert collector.ended.wait(60)
    assert source.stop(60)
    return collector


def test_unpaced_delivers_all_in_time_order_and_ends_once() -> None:
    collector = _played(paced=False, duration_s=2.0)
    assert collector.n_ends == 1
    assert [(status.source, status.code) for status in collector.statuses] == [("camera", "live")]
    frames = collector.frames
    blocks = collector.blocks
    assert [frame.index for frame in frames] == list(range(60))
    assert len(blocks) == 100
    stamps = np.array([item.t_ns for item in collector.items])
    assert (np.diff(stamps) >= 0).all()
    assert frames[0].t_ns == blocks[0].t_ns
    np.testing.assert_allclose(np.diff([frame.t_ns for frame in frames]), 1e9 / 30, atol=2)
    np.testing.assert_array_equal(np.diff([block.t_ns for block in blocks]), 20_000_000)
    assert {len(block.samples) for block in blocks} == {BLOCK}
    assert frames[0].image.shape == (480, 640, 3)
    assert frames[0].image.dtype == np.uint8
    assert frames[0].image.flags.c_contiguous
    assert blocks[0].samples.dtype == np.float32


def test_two_runs_with_one_seed_are_the_same() -> None:
    first, second = _played(paced=False, duration_s=0.5), _played(paced=False, duration_s=0.5)
    assert len(first.items) == len(second.items)
    for a, b in zip(first.items, second.items, strict=True):
        if isinstance(a, Frame) and isinstance(b, Frame):
            np.testing.assert_array_equal(a.image, b.image)
        elif isinstance(a, AudioBlock) and isinstance(b, AudioBlock):
            np.testing.assert_array_equal(a.samples, b.samples)
        else:
            pytest.fail("frames and blocks in another order")


def test_paced_ends_after_its_duration() -> None:
    collector = _played(duration_s=0.4)
    assert collector.n_ends == 1
    blocks = collector.blocks
    assert len(blocks) == 20


def test_stop_joins_and_reports_no_end() -> None:
    collector = Collector(enough_at=8)
    source = SyntheticSource()
    source.start(collector)
    assert collector.enough.wait(60)
    assert source.stop(60)
    assert collector.n_ends == 0


def test_info_describes_the_source() -> None:
    info = SyntheticSource().info
    assert (info.name, info.has_video, info.has_audio, info.live, info.is_synthetic) == (
        "Drawn demo",
        True,
        True,
        False,
        True,
    )
    assert info.duration_s is None
    assert SyntheticSource(paced=False).info.duration_s == PASS_S
    assert SyntheticSource(loop=False).info.duration_s == PASS_S
    assert SyntheticSource(duration_s=3.0).info.duration_s == 3.0
    with pytest.raises(EmoliveError):
        SyntheticSource(duration_s=0.0)


def test_filters_do_what_scipy_does_while_their_settings_change() -> None:
    from scipy import signal

    random = np.random.default_rng(0)
    state, scipy_state = np.zeros((2, 2)), np.zeros((2, 2))
    for corner in (0.1, 0.13, 0.4):
        samples, coefficients = random.normal(size=240), signal.butter(4, corner, output="sos")
        filtered, state = sosfilt(coefficients, samples, state)
        expected, scipy_state = signal.sosfilt(coefficients, samples, zi=scipy_state)
        np.testing.assert_allclose(filtered, expected, atol=1e-12)
        np.testing.assert_allclose(state, scipy_state, atol=1e-12)
