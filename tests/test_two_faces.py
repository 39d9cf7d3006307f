"""Two real faces in one picture: the voice goes to the face that speaks, in files as in the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from emolive.capture.decode import iter_media
from emolive.file_analyzer import FileAnalyzer
from emolive.playback.models import ModelShelf
from emolive.playback.player_session import PlayerSession
from emolive.playback.speaker import Speaker
from emolive.predictor import load_predictor
from emolive.session.config import SessionConfig
from emolive.types import AudioBlock, Estimate, FileSummary, Frame, Image
from tests.helpers.clips import FPS, RATE_HZ, write_clip
from tests.helpers.listener import eventually
from tests.playback.test_player import no_device
from tests.session.test_stream_equals_offline import assert_equal

pytestmark = [pytest.mark.data, pytest.mark.slow]
TALL_PX = 360
SMALLER = 0.7
"""The larger face is the one that is read."""


def portrait(image: Image, height_px: int) -> Image:
    """The middle of a wide picture, as tall as `TALL_PX`, with a grey border."""
    height, width = image.shape[:2]
    square = image[:, (width - height) // 2 : (width + height) // 2]
    small = cv2.resize(square, (height_px, height_px), interpolation=cv2.INTER_AREA)
    border = TALL_PX - height_px
    return cv2.copyMakeBorder(small, border, 0, border // 2, border - border // 2, cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def pairs(real_clips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A speaking clip and a portrait that only breathes, side by side, with the sound of the first.

    In "speaker" the larger face speaks, in "listener" the other one.
    """
    pictures, blocks = list[Frame](), list[AudioBlock]()
    for item in iter_media(real_clips[0]):
        (pictures if isinstance(item, Frame) else blocks).append(item)  # type: ignore[arg-type]
    still = next(item.image for item in iter_media(real_clips[1], audio=False) if isinstance(item, Frame))
    rate_hz = blocks[0].rate_hz
    sound = np.concatenate([block.samples for block in blocks])
    assert rate_hz == RATE_HZ
    times = [frame.t_ns / 1e9 for frame in pictures]
    chosen = np.searchsorted(times, np.arange(0, times[-1], 1 / FPS))
    folder, made = tmp_path_factory.mktemp("two_faces"), {}
    for name, speaking_px, still_px in (
        ("speaker", TALL_PX, round(SMALLER * TALL_PX)),
        ("listener", round(SMALLER * TALL_PX), TALL_PX),
    ):
        frames = []
        for n, index in enumerate(chosen):
            shifted = np.roll(still, round(2 * np.sin(n / 9)), axis=0)  # the head sways, the lips rest
            left, right = portrait(pictures[index].image, speaking_px), portrait(shifted, still_px)
            frames.append(np.ascontiguousarray(np.hstack([left, right])))
        made[name] = write_clip(folder / f"{name}.mkv", frames, sound)
    return made


@pytest.fixture(scope="module")
def analyzed(pairs: dict[str, Path], random_checkpoint: Callable[..., Path]) -> dict[str, list[Estimate]]:
    rows = {}
    with FileAnalyzer(load_predictor(None, random_checkpoint("ia"), "cpu", "eager")) as analyzer:
        for name, path in pairs.items():
            rows[name] = [row for row in analyzer.analyze(path) if not isinstance(row, FileSummary)]
    return rows


def test_the_voice_goes_to_the_face_that_speaks(analyzed: dict[str, list[Estimate]]) -> None:
    assert "av" in {row.modality for row in analyzed["speaker"]}
    assert {row.modality for row in analyzed["listener"]} == {"v"}, "the sound is of the other face"


@pytest.mark.parametrize("name", ["speaker", "listener"])
def test_a_session_gives_the_rows_of_analyze(
    name: str, pairs: dict[str, Path], analyzed: dict[str, list[Estimate]], watch: Callable
) -> None:
    streamed = watch(pairs[name], paced=False).until_finished()
    assert_equal(streamed, {round(row.t_s / 0.24): row for row in analyzed[name]})


def test_the_window_gives_the_rows_of_analyze_and_shows_both_faces(
    pairs: dict[str, Path], analyzed: dict[str, list[Estimate]], random_checkpoint: Callable[..., Path]
) -> None:
    config = SessionConfig(
        source=str(pairs["listener"]), checkpoint=random_checkpoint("ia"), device="cpu", backend="eager"
    )
    loan = ModelShelf().borrow()
    session = PlayerSession(config, loan, speaker=lambda clock: Speaker(clock, no_device))
    session.set_playing(False)
    session.start()
    try:
        eventually(lambda: session._analysis.complete, "the analysis", 120)
        assert_equal(
            session._analysis.track.estimates, {round(r.t_s / 0.24): r for r in analyzed["listener"]}
        )
        seen = session._analysis.observation_at(10**9)
        assert seen is not None
        assert seen.face is not None
        (other,) = seen.others
        assert other.width_px < seen.face.box_px.width_px
        voices = {s.code for w in session._analysis.track.windows for s in w.statuses if s.source == "voice"}
        assert "another" in voices, "it is said that somebody else speaks"
        assert "speech" not in voices
    finally:
        assert session.stop(20)
        loan.give_back()
