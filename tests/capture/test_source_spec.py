"""Source strings: the parser, the factory and the window agree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emolive.capture import devices, factory
from emolive.capture.camera import CameraSource
from emolive.capture.devices import Device
from emolive.capture.factory import create_source
from emolive.capture.media_file import MediaFileSource
from emolive.capture.source_spec import SourceSpec, listening_notice, parse_microphone, parse_source
from emolive.capture.synthetic import SyntheticSource
from emolive.errors import ConfigError, EmoliveError, MediaError
from emolive.gui import strings

NAMES = [
    # text, kind, value, title
    ("auto", "auto", "", "Automatic"),
    ("AUTO", "auto", "", "Automatic"),
    (" none ", "none", "", "No video"),
    ("Demo", "demo", "", "Drawn demo"),
    ("demo:", "demo", "", "Drawn demo"),
    ("0", "camera", "0", "Camera 0"),
    ("/dev/video2", "camera", "2", "Camera 2"),
    ("/dev/v4l/by-id/usb-cam", "camera", "/dev/v4l/by-id/usb-cam", "usb-cam"),
    ("USB Camera v1.05", "camera", "USB Camera v1.05", "USB Camera v1.05"),
    ("Logitech 2.0", "camera", "Logitech 2.0", "Logitech 2.0"),
    ("camera:Front.HD", "camera", "Front.HD", "Front.HD"),
    ("rtsp://user:p@host/x", "stream", "rtsp://user:p@host/x", "host"),
    ("http://10.0.0.2:8080/video", "stream", "http://10.0.0.2:8080/video", "10.0.0.2:8080"),
    (
        "HTTPS://example.org/a.m3u8?pwd=secret",
        "stream",
        "HTTPS://example.org/a.m3u8?pwd=secret",
        "example.org",
    ),
    ("file:///a/clip.mp4", "file", "/a/clip.mp4", "clip.mp4"),
    ("file:///a/two%20words.mp4", "file", "/a/two words.mp4", "two words.mp4"),
    (r"C:\clip.mp4", "file", r"C:\clip.mp4", "clip.mp4"),
    ("clip.MP4", "file", "clip.MP4", "clip.MP4"),
    ("clips/one", "file", "clips/one", "one"),
    ("~x", "file", "~x", "~x"),
    ("recording", "file", "recording", "recording"),
    ("file:recording 2", "file", "recording 2", "recording 2"),
    ("microphone:default", "microphone", "default", "Default microphone"),
    ("microphone:2", "microphone", "2", "Microphone 2"),
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recording").write_bytes(b"a file without an extension")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "cameras", lambda: [Device(0, "USB Camera v1.05", True)])


@pytest.mark.parametrize(("text", "kind", "value", "title"), NAMES)
def test_the_parser_and_the_window_agree(text: str, kind: str, value: str, title: str) -> None:
    if kind == "file" and sys.platform == "win32":
        value = str(Path(value)) if "/a/" in value else value
    spec = parse_source(text)
    assert (spec.kind, spec.value, spec.title) == (kind, value, title)
    assert (strings.source_kind(text), strings.source_title(text)) == (kind, title)
    assert parse_source(text) == spec
    assert spec.is_live == (kind in ("camera", "stream", "microphone"))


@pytest.mark.parametrize(("text", "kind", "value", "title"), NAMES)
def test_the_factory_follows_the_parser(
    text: str, kind: str, value: str, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, SourceSpec]] = []

    class Anything:
        @classmethod
        def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Anything:
            opened[-1] = (opened[-1][0], spec)
            return cls()

    def get(name: str) -> type[Anything]:
        opened.append((name, SourceSpec("none")))
        return Anything

    monkeypatch.setattr(factory.SOURCES, "get", get)
    source = create_source(text)
    if kind == "none":
        assert source is None
    elif kind == "auto":
        assert opened == [("camera", SourceSpec("camera", "0"))]
    else:
        assert opened == [(kind, parse_source(text))]


@pytest.mark.parametrize(
    ("text", "source_class"),
    [
        ("Demo", SyntheticSource),
        ("auto", CameraSource),
        ("usb camera", CameraSource),
        ("http://127.0.0.1:9/a.mjpg", CameraSource),
    ],
)
def test_classes_of_the_registry(text: str, source_class: type) -> None:
    assert isinstance(create_source(text), source_class)


def test_a_file_without_an_extension_is_opened_as_a_file() -> None:
    with pytest.raises(MediaError, match="recording"):
        create_source("recording")
    assert issubclass(MediaFileSource, object)


@pytest.mark.parametrize("text", ["", "  ", "gopher://host/x"])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_source(text)
    with pytest.raises(ConfigError):
        create_source(text)
    assert strings.source_kind(text) == "none"


def test_an_unknown_home_folder_is_a_missing_file() -> None:
    with pytest.raises(EmoliveError, match="There is no file ~x"):
        create_source("~x")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("rtsp://user:p@host/x", "rtsp://host/x"),
        ("rtsp://user:p@ss@host/x", "rtsp://host/x"),
        ("rtsp://user:pa/ss@host:554/x", "rtsp://host:554/x"),
        ("rtsp://user:p?s@host/x", "rtsp://host/x"),
        ("http://host:8080/video?user=a&pwd=secret#t", "http://host:8080/video"),
        ("http://host:8080/at@home", "http://host:8080/at@home"),
        ("https://token@host/", "https://host/"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
    ],
)
def test_passwords_are_not_shown(text: str, redacted: str) -> None:
    spec = parse_source(text)
    assert spec.value == text
    assert spec.redacted == redacted
    for secret in ("user", "p@", "ss", "secret", "token"):
        assert secret not in spec.title
        assert secret not in strings.source_title(text)


def test_an_address_that_is_refused_is_shown_without_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_source("gopher://ann:secret@host/x")
    assert "secret" not in str(caught.value)
    assert "secret" not in strings.source_title("gopher://ann:secret@host/x")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("auto", "auto", ""),
        ("None", "none", ""),
        ("default", "microphone", "default"),
        ("", "microphone", "default"),
        ("3", "microphone", "3"),
        ("Desk: USB v1.0", "microphone", "Desk: USB v1.0"),
        ("microphone:auto", "microphone", "auto"),
    ],
)
def test_microphones(text: str, kind: str, value: str) -> None:
    spec = parse_microphone(text)
    assert (spec.kind, spec.value) == (kind, value)


def test_a_camera_is_no_microphone() -> None:
    with pytest.raises(ConfigError, match="no microphone"):
        parse_microphone("camera:0")


@pytest.mark.parametrize(
    "text", ["tcp://0.0.0.0:9000?listen=1", "rtmp://host/live?a=1&listen=2", "http://0.0.0.0:80/?listen=1"]
)
def test_nothing_waits_for_a_connection(text: str) -> None:
    with pytest.raises(ConfigError, match="asks emolive to wait for a connection, which it does not"):
        parse_source(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("udp://@:1234", True),
        ("udp://0.0.0.0:1234", True),
        ("rtp://[::]:5004", True),
        ("udp://127.0.0.1:1234", False),
        ("rtp://239.1.2.3:5004", False),
        ("rtsp://0.0.0.0/live", False),
        ("http://camera/?listen=0", False),
    ],
)
def test_an_address_that_anybody_can_send_to_is_said(text: str, said: bool) -> None:
    assert parse_source(text).kind == "stream"
    assert ("accepts pictures from every computer" in listening_notice(text)) is said


def test_an_address_that_cannot_be_split_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="is no valid address"):
        parse_source("http://[::1/x")


def test_names_are_shown_without_control_characters() -> None:
    for text in ("a\x1b[2J.mp4", "http://host\u202e/x"):
        assert parse_source(text).title.isprintable()
