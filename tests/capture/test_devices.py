"""Device names, without real devices."""

from __future__ import annotations

import builtins
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emolive._compat.opencv import cv2
from emolive.capture import devices
from emolive.capture.camera import CameraSource
from emolive.capture.devices import (
    Device,
    cameras,
    find_again,
    find_camera,
    find_microphone,
    microphones,
)
from emolive.capture.factory import create_microphone, create_source
from emolive.capture.media_file import MediaFileSource
from emolive.errors import DeviceError, EmoliveError

TWO = [
    Device(0, "Integrated Camera", True),
    Device(2, "Logitech C920", False),
    Device(4, "Logitech BRIO", False),
]


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cameras", lambda: TWO)
    monkeypatch.setattr(devices, "microphones", lambda **_: TWO)
    monkeypatch.setattr(devices.portaudio, "sounddevice", lambda: None)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("find", [find_camera, find_microphone])
def test_a_name_in_any_case_or_a_unique_part_of_it(find: Any) -> None:
    assert find("logitech c920").index == 2
    assert find("brio").index == 4
    assert find("0").name == "Integrated Camera"


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("find", [find_camera, find_microphone])
def test_a_name_that_fits_none_or_several_names_what_there_is(find: Any) -> None:
    with pytest.raises(EmoliveError, match=r"Several .* 'logi': .*2 Logitech C920, 4 Logitech BRIO"):
        find("logi")
    with pytest.raises(EmoliveError, match=r"no .* 'webcam': .*0 Integrated Camera, 2 Logitech"):
        find("webcam")


def test_an_exact_name_wins_over_a_substring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cameras", lambda: [Device(0, "Cam 2", True), Device(1, "Cam", False)])
    assert find_camera("cam").index == 1


@pytest.mark.parametrize("find", [find_camera, find_microphone])
def test_an_index_is_no_part_of_a_name(find: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """--source 0 with camera 0 gone must not open the C920, in whose name there is a 0."""
    left = [Device(2, "Logitech C920", True), Device(3, "7", False)]
    monkeypatch.setattr(devices, "cameras", lambda: left)
    monkeypatch.setattr(devices, "microphones", lambda **_: left)
    monkeypatch.setattr(devices.portaudio, "sounddevice", lambda: None)
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    for text in ("0", "20", "9" * 5000):
        with pytest.raises(DeviceError, match="choose one of 2 Logitech C920, 3 7"):
            find(text)
    assert find("7").index == 3, "the whole name is a name"
    with pytest.raises(DeviceError, match="choose one of"):
        find_camera("/dev/v4l/by-id/usb-gone-video-index0")


CAMERAS = [
    Device(0, "Webcam", True, id="/dev/v4l/by-id/usb-A"),
    Device(1, "Webcam", False, id="/dev/v4l/by-id/usb-B"),
    Device(2, "Other", False),
]


def test_a_device_is_found_again_under_another_index() -> None:
    moved = [replace(CAMERAS[1], index=0), replace(CAMERAS[0], index=4), replace(CAMERAS[2], index=1)]
    for camera, index in zip(CAMERAS, (4, 0, 1), strict=True):
        assert find_again(camera, moved, "camera").index == index


def test_a_device_can_be_named_by_what_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that opens its camera again, because another microphone was chosen, gets the same one."""
    monkeypatch.setattr(devices, "cameras", lambda: CAMERAS)
    source = create_source("1")
    assert isinstance(source, CameraSource)
    moved = [replace(CAMERAS[1], index=0), replace(CAMERAS[0], index=1)]
    monkeypatch.setattr(devices, "cameras", lambda: moved)
    again = create_source(source.lasting_text)
    assert isinstance(again, CameraSource)
    assert again._camera == moved[0]
    assert CameraSource("http://host/x").lasting_text == ""


def test_another_device_never_takes_the_place_of_one_that_is_gone() -> None:
    with pytest.raises(DeviceError, match=r"The camera Webcam is not connected: .*, or choose 0"):
        find_again(CAMERAS[0], [replace(CAMERAS[1], index=0)], "camera")
    with pytest.raises(DeviceError, match="The camera Other is not connected: connect it again"):
        find_again(CAMERAS[2], [], "camera")
    twins = [Device(0, "Other", True), Device(1, "Other", False)]
    with pytest.raises(DeviceError, match="cannot be told apart"):
        find_again(CAMERAS[2], twins, "camera")


def test_the_default_camera_is_found_under_another_index(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    monkeypatch.setattr(devices, "cameras", lambda: [Device(0, "Webcam", True)])
    source = create_source("auto")
    assert isinstance(source, CameraSource)
    monkeypatch.setattr(devices, "cameras", lambda: [Device(0, "New", True), Device(2, "Webcam", False)])
    monkeypatch.setattr(cv2, "VideoCapture", lambda index, _: opened.append(index) or Closed())
    with pytest.raises(DeviceError, match="Webcam cannot be opened"):
        source._open()
    assert opened == [2]
    monkeypatch.setattr(devices, "cameras", lambda: [Device(0, "New", True)])
    with pytest.raises(DeviceError, match="The camera Webcam is not connected"):
        source._open()
    assert opened == [2], "a wrong camera is not opened"


def test_a_camera_whose_place_another_took_while_it_was_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [[Device(0, "Webcam", True)], [Device(0, "Webcam", True)], [Device(0, "New", True)]]
    monkeypatch.setattr(devices, "cameras", lambda: listed.pop(0))
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Open())
    source = CameraSource("0")
    with pytest.raises(DeviceError, match="The camera Webcam is not connected"):
        source._open()


class Closed:
    """A capture that could not be opened."""

    def isOpened(self) -> bool:  # noqa: N802
        return False

    def set(self, *_: object) -> None:
        return

    def release(self) -> None:
        return


class Open(Closed):
    def isOpened(self) -> bool:  # noqa: N802
        return True


def test_control_characters_in_a_name_are_escaped() -> None:
    with pytest.raises(DeviceError) as error:
        find_camera("a\x1b[31m\nb\u202e")
    assert r"'a\\x1b[31m\\nb\\u202e'" in str(error.value) or r"a\x1b[31m\nb\u202e" in str(error.value)
    assert str(error.value).isprintable()
    with pytest.raises(DeviceError) as error:
        find_camera("camera rtsp")
    with pytest.raises(DeviceError) as error:
        devices._find("rtsp://ann:s3cret@host/?pwd=s3cret", [], "microphone")
    assert "s3cret" not in str(error.value)


def test_no_devices_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cameras", list)
    with pytest.raises(EmoliveError, match="no camera is connected"):
        find_camera("Logitech")
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    assert find_camera("3") == Device(3, "Camera 3", False)
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    with pytest.raises(EmoliveError, match="no camera is connected"):
        find_camera("777")


def test_lists_never_fail() -> None:
    assert all(isinstance(device, Device) for device in [*cameras(), *microphones()])


def test_a_driver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    blocked = threading.Event()
    monkeypatch.setattr(devices, "TIMEOUT_S", 0.01)
    monkeypatch.setattr(devices, "_cameras", lambda: [TWO[0]] if blocked.wait(60) else [])
    assert cameras() == []
    blocked.set()


def test_without_portaudio_the_error_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    devices.portaudio.sounddevice.cache_clear()
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert microphones(refresh=True) == []
    for spec in ("default", "some microphone"):
        with pytest.raises(EmoliveError, match="install libportaudio2"):
            create_microphone(spec)


def test_none_is_no_source() -> None:
    assert create_source("none") is None
    assert create_microphone("None") is None


@pytest.mark.parametrize("spec", ["http://127.0.0.1:9/a.mjpg", "rtsp://host/live.mp4", "0", "/dev/video3"])
def test_cameras_and_streams(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [Device(0, "Cam", True), Device(3, "Other", False)]
    monkeypatch.setattr(devices, "cameras", lambda: there)
    source = create_source(spec)
    assert isinstance(source, CameraSource)
    assert source.info.live
    assert (source.info.has_video, source.info.has_audio) == (True, False)


def test_files_by_path_and_by_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wave

    with wave.open(str(tmp_path / "a b.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(1600))
    monkeypatch.chdir(tmp_path)
    for spec in ("a b.wav", f"{tmp_path}/a b.wav", (tmp_path / "a b.wav").as_uri(), " a b.wav "):
        source = create_source(spec)
        assert isinstance(source, MediaFileSource)
        assert source.info.name == "a b.wav"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "No source is named"),
        ("clip.mp4", r"no file clip\.mp4"),
        ("videos/clip", "no file videos/clip"),
        ("~/no-such-folder/clip.mkv", "no file .*no-such-folder"),
        ("gopher://host/x", "gopher://host/x is no stream"),
        ("No Such Camera", "no camera 'No Such Camera'"),
    ],
)
def test_an_unopenable_source_raises_at_once(spec: str, message: str) -> None:
    with pytest.raises(EmoliveError, match=message):
        create_source(spec)
