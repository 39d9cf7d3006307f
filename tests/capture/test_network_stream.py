"""Network addresses: what is a recording and what a camera, and why one cannot be opened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emolive.capture.camera import CameraSource
from emolive.capture.decode import iter_media, probe
from emolive.capture.media_file import MediaFileSource
from emolive.capture.network_stream import NetworkStream, has_own_time
from emolive.capture.source_spec import parse_source
from emolive.errors import MediaError
from emolive.types import AudioBlock, Frame
from tests.helpers.listener import Collector
from tests.helpers.media import FRAMES_MS, chirp, write_media


class Files(SimpleHTTPRequestHandler):
    """Serves a folder; /camera is a motion JPEG stream, /private asks for a password."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/camera":
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
            self.end_headers()
        elif path == "/private":
            self.send_response(401)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: object, outputfile: object) -> None:
        # Whoever reads may have seen enough.
        try:
            super().copyfile(source, outputfile)
        except OSError:
            self.close_connection = True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("www")
    write_media(
        folder / "clip.mp4", frame_ms=FRAMES_MS, sound=chirp(1.2), audio_codec="aac", movflags="faststart"
    )
    write_media(folder / "silent.mp4", frame_ms=FRAMES_MS, movflags="faststart")
    write_media(
        folder / "list.m3u8",
        frame_ms=FRAMES_MS,
        sound=chirp(1.2),
        codec="libx264",
        audio_codec="aac",
        hls_list_size="0",
    )
    handler: type[BaseHTTPRequestHandler] | partial[Files] = partial(Files, directory=str(folder))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.mark.parametrize("name", ["clip.mp4", "list.m3u8"])
def test_a_recording_has_its_own_time_and_its_sound(server: str, name: str) -> None:
    url = f"{server}/{name}"
    assert has_own_time(url)
    source = NetworkStream.from_spec(parse_source(url), paced=True, loop=False)
    assert isinstance(source, MediaFileSource)
    assert (source.info.has_video, source.info.has_audio, source.info.live) == (True, True, False)
    items = list(iter_media(url))
    times_ms = [round(item.t_ns / 1e6) for item in items if isinstance(item, Frame)]
    assert len(times_ms) == len(FRAMES_MS)
    assert times_ms[-1] - times_ms[0] == pytest.approx(FRAMES_MS[-1], abs=5)
    assert any(isinstance(item, AudioBlock) for item in items)


def test_a_camera_has_not(server: str) -> None:
    url = server.replace("//", "//user:secret@") + "/camera"
    assert not has_own_time(url)
    source = NetworkStream.from_spec(parse_source(url), paced=True, loop=False)
    assert isinstance(source, CameraSource)
    assert "secret" not in source.info.name


@pytest.mark.parametrize(("name", "has_sound"), [("clip.mp4", True), ("silent.mp4", False)])
def test_that_the_sound_of_a_live_stream_is_not_used_is_said_if_it_has_any(
    server: str, name: str, has_sound: bool
) -> None:
    source, heard = CameraSource(parse_source(f"{server}/{name}")), Collector(1)
    source.start(heard)
    assert heard.enough.wait(120)
    assert source.stop(60)
    assert not heard.blocks
    texts = [status.text for status in heard.statuses if status.code == "live"]
    # It is live again if it was read to its end and opened anew meanwhile.
    assert set(texts) == {
        f"{server}/{name}{', of which only the picture is used,' if has_sound else ''} is live."
    }


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1:9/a", "udp://127.0.0.1:9", "http://127.0.0.1:9/a.mp4"])
def test_what_does_not_answer_is_left_to_the_camera(url: str) -> None:
    assert not has_own_time(url)


def test_why_it_cannot_be_opened_is_said_without_the_password(server: str) -> None:
    private = server.replace("//", "//user:p@ss@") + "/private?pwd=secret"
    sentences = {
        private: "asks for a user name and password",
        f"{server}/none.mp4": "does not exist",
        "http://user:secret@127.0.0.1:9/a": "nothing answers there",
    }
    for url, part in sentences.items():
        with pytest.raises(MediaError, match=part) as caught:
            probe(url)
        assert not any(word in str(caught.value) for word in ("ss@", "secret", "user:"))


def test_a_recording_that_is_not_there(server: str) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        probe(f"{server}/none.mp4")


def test_a_list_of_files_cannot_lead_to_this_computer(server: str, tmp_path: Path) -> None:
    write_media(tmp_path / "here.ts", frame_ms=FRAMES_MS)
    (tmp_path / "local.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/here.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError, match=r"list of other files|cannot be read"):
        probe(tmp_path / "local.m3u8")
