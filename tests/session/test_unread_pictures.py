"""A computer that is too slow to look at the pictures does not say that there is no face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.capture.base import SourceInfo
from emolive.clock import to_ns
from emolive.gui import strings
from emolive.models.spec import ModelSpec
from emolive.session.status import TOO_SLOW
from emolive.session.stream import Stream, VideoFeatures
from emolive.session.unread_pictures import pictures_unread
from emolive.snapshot import Snapshot
from emolive.types import Frame, Status
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler

BIN_S = 0.24
END_NS = 10**12
CAMERA = SourceInfo("C920", has_video=True, has_audio=False, live=True)
DRAWING = replace(CAMERA, is_synthetic=True)


def stream(info: SourceInfo, *, arrived_s_ago: float, looked_at_s_ago: float | None) -> Stream:
    """A live source with one picture, and one that was looked at."""
    one = Stream(source="0", video_info=info, audio_info=None, realtime=True, has_video=True, window_s=3.6)
    if looked_at_s_ago is not None:
        buffer = FeatureBuffer(4, 8.0)
        buffer.append(END_NS - to_ns(looked_at_s_ago), np.ones(4, np.float32))
        spec = ModelSpec(fusion="ia", encoders=("landmarks",), pooling="mean", landmarker="dlib68")
        one.features = VideoFeatures("space", buffer, FrameSampler(spec, 0))
    one.frame = Frame(END_NS - to_ns(arrived_s_ago), np.zeros((4, 4, 3), np.uint8), 0)
    return one


@pytest.mark.parametrize(
    ("info", "arrived_s_ago", "looked_at_s_ago", "unread"),
    [
        (CAMERA, 0.1, 0.2, None),
        (CAMERA, 0.1, 2.0, "slow"),
        (CAMERA, 0.1, None, "starting"),
        (CAMERA, 1.5, 2.0, None),  # it pauses
        (DRAWING, 1.5, 2.0, "slow"),
        (DRAWING, 1.5, 0.5, None),
    ],
)
def test_pictures_that_came_and_were_not_looked_at(
    info: SourceInfo, arrived_s_ago: float, looked_at_s_ago: float | None, unread: str | None
) -> None:
    source = stream(info, arrived_s_ago=arrived_s_ago, looked_at_s_ago=looked_at_s_ago)
    assert pictures_unread(source, END_NS, BIN_S) == unread
    source.video_lost = True
    assert not pictures_unread(source, END_NS, BIN_S), "that is the camera's"


def test_a_file_that_is_decoded_too_slowly_does_not_lack_a_face() -> None:
    source = stream(replace(CAMERA, live=False), arrived_s_ago=1.5, looked_at_s_ago=2.0)
    assert pictures_unread(source, END_NS, BIN_S) is None, "one that holds a picture"
    source.statuses.put(Status("camera", "warning", "slow", "This computer is too slow."))
    assert pictures_unread(source, END_NS, BIN_S) == "slow"


def test_a_starved_demo_says_too_slow_and_not_that_there_is_no_face(
    watch: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Perception takes as long for its second picture as the test lasts."""
    looked_at = FacePipeline.process
    codes: list[str] = []

    def slow(self: FacePipeline, frame: Frame) -> object:
        observation = looked_at(self, frame)
        if watched.session.snapshot().counters.frames_perceived:
            watched.until(lambda: codes.count("slow") > 2 or "missing" in codes, "the status of the face")
        return observation

    monkeypatch.setattr(FacePipeline, "process", slow)
    watched = watch("demo", start=False, mic="none")
    watched.session.start()

    def seen() -> bool:
        codes.append(watched.code("face"))
        return codes.count("slow") > 2 or "missing" in codes

    watched.until(seen, "the status of the face")
    assert "missing" not in codes


def test_what_is_waited_for_says_so_too() -> None:
    face = Status("face", "warning", "slow", TOO_SLOW)
    assert strings.waiting_text(Snapshot(fusion="ia", statuses=(face,))) == TOO_SLOW
