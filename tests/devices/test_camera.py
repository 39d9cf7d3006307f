"""A loopback camera: frames, faults and reconnection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from emolive._compat.opencv import cv2
from emolive.capture import devices
from emolive.capture.camera import CameraSource
from emolive.capture.factory import create_source
from emolive.capture.network_camera import NetworkCamera
from emolive.clock import now_ns
from emolive.errors import MediaError
from emolive.types import Image
from tests.helpers.faulty_camera import FaultyCamera
from tests.helpers.listener import Collector, eventually
from tests.helpers.numbered_images import number_of

pytestmark = pytest.mark.devices


@contextmanager
def running(spec: str) -> Iterator[Collector]:
    listener = Collector()
    source = create_source(spec)
    assert isinstance(source, CameraSource)
    source.start(listener)
    try:
        yield listener
    finally:
        assert source.stop(60)


def test_frames_come_in_order_with_increasing_stamps(webcam: FaultyCamera) -> None:
    started_ns = now_ns()
    with running(webcam.url) as listener:
        eventually(lambda: len(listener.frames) >= 40, "forty frames")
    frames = listener.frames
    assert [frame.index for frame in frames] == list(range(len(frames)))
    stamps = [frame.t_ns for frame in frames]
    assert started_ns < stamps[0]
    assert (np.diff(stamps) > 0).all()
    # The virtual camera still serves the connection that asked what it is, which takes some numbers.
    numbers = [number_of(frame.image) for frame in frames[10:]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert frames[0].image.shape == (240, 320, 3)
    assert all(frame.image.flags.c_contiguous for frame in frames)
    assert listener.codes[:2] == ["opening", "live"]


def test_a_camera_that_is_cut_is_lost_and_comes_back(webcam: FaultyCamera) -> None:
    with running(webcam.url) as listener:
        eventually(lambda: listener.code == "live", "live")
        webcam.cut()
        eventually(lambda: listener.code == "lost", "lost")
        count = len(listener.frames)
        webcam.start()
        eventually(lambda: listener.code == "live", "live again")
        eventually(lambda: len(listener.frames) > count, "new frames")
    assert [frame.index for frame in listener.frames] == list(range(len(listener.frames)))


def test_a_frozen_camera_is_stalled_and_comes_back(webcam: FaultyCamera) -> None:
    with running(webcam.url) as listener:
        eventually(lambda: listener.code == "live", "live")
        webcam.freeze()
        eventually(lambda: "stalled" in listener.codes, "stalled")
        webcam.thaw()
        eventually(lambda: listener.code == "live", "live again")


def test_the_same_picture_for_ever_is_stalled_but_still_shown(webcam: FaultyCamera) -> None:
    with running(webcam.url) as listener:
        eventually(lambda: listener.code == "live", "live")
        webcam.hold()
        eventually(lambda: listener.code == "stalled", "stalled")
        count = len(listener.frames)
        eventually(lambda: len(listener.frames) > count + 10, "frames all the same")
        webcam.hold(False)
        eventually(lambda: listener.code == "live", "live again")


def test_nothing_is_delivered_after_stop_even_while_frozen(webcam: FaultyCamera) -> None:
    listener = Collector()
    source = CameraSource(webcam.url)
    source.start(listener)
    eventually(lambda: listener.code == "live", "live")
    webcam.freeze()
    eventually(lambda: "stalled" in listener.codes, "stalled")
    # The driver blocks in a read now; stop does not wait longer than its timeout.
    source.stop(timeout_s=0.01)
    frames, statuses = len(listener.frames), len(listener.statuses)
    webcam.thaw()
    assert source.stop(60)
    assert (len(listener.frames), len(listener.statuses)) == (frames, statuses)


def test_a_camera_that_is_not_there_is_missing_until_it_comes(webcam: FaultyCamera) -> None:
    webcam.cut()
    with running(webcam.url) as listener:
        eventually(lambda: listener.code == "missing", "missing")
        assert not listener.frames
        webcam.start()
        eventually(lambda: listener.code == "live", "live")


def test_a_reader_and_a_watch_that_fail_are_started_again(
    webcam: FaultyCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = {"_read_frames": 1, "_watch": 1}

    def plant(name: str) -> None:
        real = getattr(CameraSource, name)

        def fails(self: CameraSource, *arguments: object) -> object:
            if failures[name]:
                failures[name] -= 1
                raise RuntimeError("a planted bug")
            return real(self, *arguments)

        monkeypatch.setattr(CameraSource, name, fails)

    for name in failures:
        plant(name)
    with running(webcam.url) as listener:
        eventually(lambda: listener.code == "live", "live")
        assert "a planted bug" in listener.statuses[1].text
        webcam.freeze()
        eventually(lambda: "stalled" in listener.codes, "a watch that works")
        webcam.thaw()


@pytest.mark.parametrize("shape", [(0, 0, 3), (48, 64, 2), (4, 4, 3)])
def test_pictures_that_cannot_be_used_are_said_and_left_out(shape: tuple[int, ...]) -> None:
    class Capture:
        def __init__(self) -> None:
            self.images = [np.full((48, 64), 7, np.uint8), *[np.zeros(shape, np.uint8)] * 3]

        def grab(self) -> bool:
            return bool(self.images)

        def retrieve(self) -> tuple[bool, object]:
            return True, self.images.pop(0)

        def release(self) -> None:
            pass

    source, listener = CameraSource("http://127.0.0.1:9/x"), Collector()
    source._listener = listener
    assert source._read_frames(Capture(), listener)  # type: ignore[arg-type]
    (frame,) = listener.frames
    assert frame.image.shape == (48, 64, 3), "a grey picture is one of three equal channels"
    assert listener.code == "unusable"


def test_a_camera_that_was_unplugged_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    there = devices.Device(97, "Camera 97", False)
    monkeypatch.setattr(devices, "cameras", lambda: [there])
    with running("97") as listener:
        eventually(lambda: listener.code == "missing", "missing")
    assert "Camera 97" in listener.statuses[-1].text


def picture(number: int) -> Image:
    """A disc in a picture that is wide, then tall."""
    width, height = (320, 240) if number < 10 else (360, 480)
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (width // 2, height // 2), 60 + number % 5, (255, 255, 255), -1)
    return image


def test_a_camera_that_changes_its_shape_is_not_squashed() -> None:
    with FaultyCamera(picture) as camera, running(camera.url) as listener:
        eventually(lambda: len(listener.frames) >= 30, "pictures of both shapes")
    shapes = {frame.image.shape for frame in listener.frames}
    assert shapes == {(240, 320, 3), (480, 360, 3)}
    for frame in (listener.frames[0], listener.frames[-1]):
        rows, columns = np.nonzero(frame.image[..., 0] > 128)
        assert abs(np.ptp(rows) - np.ptp(columns)) <= 2, "a disc stays one"


@contextmanager
def answering(status: int, **headers: str) -> Iterator[str]:
    """The address of a server that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "asks for a user name and password"),
        (403, "forbids access"),
        (404, "does not exist"),
        (500, "cannot be opened"),
    ],
)
def test_an_answer_of_a_camera_is_said(status: int, sentence: str) -> None:
    with answering(status) as place, pytest.raises(MediaError, match=sentence) as error:
        NetworkCamera(f"http://ann:s3cret@{place}/live?pwd=s3cret", 3, 2)
    assert "s3cret" not in str(error.value)


def test_a_redirect_is_said_and_not_followed(webcam: FaultyCamera) -> None:
    with answering(302, Location=webcam.url) as place, pytest.raises(MediaError) as error:
        NetworkCamera(f"http://{place}/live", 3, 2)
    assert f"sends on to {webcam.url}" in str(error.value)


def test_a_password_in_an_address_is_not_shown(webcam: FaultyCamera) -> None:
    source = CameraSource("rtsp://ann:secret@127.0.0.1/live")
    assert source.info.name == "rtsp://127.0.0.1/live"
    assert source.stop()
