"""Requirements for every registered source that can run on this computer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from emolive.capture import factory
from emolive.capture.base import Source
from emolive.capture.source_spec import SourceSpec, parse_source
from emolive.capture.synthetic import SyntheticSource
from emolive.plugins import SOURCES, isolated_plugins, load_plugin
from tests.helpers.clips import demo_audio, demo_frames, write_clip
from tests.helpers.listener import Collector, eventually

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin_source.py"
STOP_S = 60.0
"""A camera that is being opened cannot be interrupted, which takes long on a busy computer."""


@pytest.fixture(autouse=True, scope="module")
def _example() -> Iterator[None]:
    with isolated_plugins():
        load_plugin(EXAMPLE)
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", demo_frames(1), demo_audio(1))


@pytest.fixture(params=sorted({*SOURCES, "gradient"}))
def open_source(
    request: pytest.FixtureRequest, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Source]]:
    """`open_source(**options)` creates a registered source with its requirements."""
    name: str = request.param
    texts = {"file": f"file:{clip}", "demo": "demo", "gradient": "gradient:1"}
    if name in ("stream", "camera"):
        webcam = request.getfixturevalue("webcam")
        texts[name] = webcam.url
    if name == "microphone":
        request.getfixturevalue("sound_server")
        texts[name] = "microphone:default"
    if name not in texts:
        pytest.skip(f"no test knows how to open {name}")

    def create(**options: bool) -> Source:
        spec = parse_source(texts[name])
        if name == "demo" and not options.get("paced", True):
            # A full pass of the demo takes a minute to draw.
            created.append(SyntheticSource(paced=False, duration_s=1))
            return created[-1]
        source = SOURCES.get(name).from_spec(spec, **{"paced": True, "loop": False, **options})
        created.append(source)
        return source

    created: list[Source] = []
    yield create
    for source in created:
        assert source.stop(STOP_S)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("emolive-")}


def received(source: Source, listener: Collector) -> bool:
    frames, blocks = len(listener.frames), len(listener.blocks)
    return (not source.info.has_video or frames >= 5) and (not source.info.has_audio or blocks >= 5)


def test_the_info_is_there_before_the_start(open_source: Callable[..., Source]) -> None:
    info = open_source().info
    assert info.name
    assert info.has_video or info.has_audio
    assert info.duration_s is None or info.duration_s > 0


def test_it_delivers_in_order_and_stops_in_time_and_leaves_no_thread(
    open_source: Callable[..., Source],
) -> None:
    before = threads()
    source, listener = open_source(), Collector()
    source.start(listener)
    eventually(lambda: received(source, listener), f"frames and audio of {source.info.name}", 60)
    assert source.stop(STOP_S)
    counts = len(listener.frames), len(listener.blocks), len(listener.statuses)
    assert not threads() - before
    for stamps in ([f.t_ns for f in listener.frames], [b.t_ns for b in listener.blocks]):
        assert all(a < b for a, b in pairwise(stamps))
    assert [frame.index for frame in listener.frames] == sorted({frame.index for frame in listener.frames})
    for frame in listener.frames:
        assert frame.image.ndim == 3
        assert frame.image.dtype == np.uint8
    for block in listener.blocks:
        assert block.samples.ndim == 1
        assert block.samples.dtype == np.float32
        assert np.abs(block.samples).max(initial=0) <= 1.5
    assert listener.statuses
    assert all(status.source in ("camera", "microphone") and status.text for status in listener.statuses)
    time.sleep(0.1)
    assert counts == (len(listener.frames), len(listener.blocks), len(listener.statuses))


def test_it_starts_once_and_stops_again_and_again(open_source: Callable[..., Source]) -> None:
    source, listener = open_source(), Collector()
    source.start(listener)
    with pytest.raises(RuntimeError, match="only once"):
        source.start(listener)
    assert source.stop(STOP_S)
    assert source.stop(STOP_S)
    with pytest.raises(RuntimeError, match="only once"):
        source.start(listener)


def test_one_that_was_never_started_stops(open_source: Callable[..., Source]) -> None:
    assert open_source().stop(STOP_S)


def test_recorded_sources_are_stamped_from_the_start_and_end_once(
    open_source: Callable[..., Source],
) -> None:
    source = open_source(paced=False)
    if source.info.live:
        pytest.skip("a live source has no end")
    ends: list[None] = []
    listener = Collector()
    listener.on_end = lambda: (ends.append(None), listener.ended.set())  # type: ignore[method-assign, assignment, func-returns-value]
    source.start(listener, 1_000_000)
    assert listener.ended.wait(60)
    assert source.stop(STOP_S)
    assert len(ends) == 1
    assert min(item.t_ns for item in [*listener.frames, *listener.blocks]) == 1_000_000


def test_a_listener_that_raises_ends_the_source_with_a_status(open_source: Callable[..., Source]) -> None:
    source = open_source(paced=False)
    if source.info.live:
        pytest.skip("a device's callback must not raise")

    class Broken(Collector):
        def on_frame(self, frame: object) -> None:
            raise ValueError("a bug")

    listener = Broken()
    source.start(listener)
    assert listener.ended.wait(120)
    eventually(lambda: listener.statuses and listener.statuses[-1].level == "error", "the status")
    assert "a bug" in listener.statuses[-1].text


def test_faults_are_statuses(clip: Path, tmp_path: Path) -> None:
    vanished = tmp_path / "gone.mkv"
    vanished.write_bytes(clip.read_bytes())
    source = factory.open_spec(SourceSpec("file", str(vanished)))
    assert source is not None
    vanished.unlink()
    listener = Collector()
    source.start(listener)
    assert listener.ended.wait(120)
    assert {status.code for status in listener.statuses if status.level == "error"} == {"damaged"}
    assert source.stop(STOP_S)
