"""Playing streams at their time: late video does not hold back the sound."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from emolive.capture import paced
from emolive.capture.paced import LATE_NS, DecoderPolicy, Player
from emolive.clock import now_ns, to_ns
from emolive.types import AudioBlock, Frame

IMAGE = np.zeros((2, 2, 3), np.uint8)
SAMPLES = np.zeros(160, np.float32)


def video(stamps_s: list[float], gate: threading.Event | None = None) -> Iterator[Frame]:
    for i, stamp_s in enumerate(stamps_s):
        if gate is not None:
            assert gate.wait(120)
        yield Frame(to_ns(stamp_s), IMAGE, i)


def audio(stamps_s: list[float]) -> Iterator[AudioBlock]:
    for stamp_s in stamps_s:
        yield AudioBlock(to_ns(stamp_s), SAMPLES, 8000)


class Recorder:
    """Plays streams and notes what came."""

    def __init__(self, *streams: Iterator[Frame | AudioBlock], start_ns: int | None = None) -> None:
        self.items: list[tuple[Frame | AudioBlock, int]] = []
        self.jumps: list[int] = []
        self.slow = 0
        self.stopping = threading.Event()
        self.on_item = lambda item: None
        self.player = Player(
            list(streams),
            now_ns() if start_ns is None else start_ns,
            self._deliver,
            lambda _, length_ns: self.jumps.append(length_ns),
            self.stopping,
            may_starve=False,
            policy=DecoderPolicy(self._note_slow),
        )

    def _deliver(self, item: Frame | AudioBlock, due_ns: int) -> None:
        self.items.append((item, due_ns))
        self.on_item(item)

    def _note_slow(self) -> None:
        self.slow += 1

    def kinds(self) -> list[str]:
        return [type(item).__name__ for item, _ in self.items]


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A clock of the player that goes on by 5 ms whenever it is looked at, so that nothing comes late."""
    ticks = count(10**12, to_ns(0.005))
    monkeypatch.setattr(paced, "now_ns", lambda: next(ticks))
    return paced.now_ns


def test_items_of_all_streams_come_in_order_and_when_they_are_due(ticking: Callable[[], int]):
    start_ns = ticking()
    played = Recorder(video([0, 0.04, 0.08]), audio([0, 0.02, 0.04, 0.06]), start_ns=start_ns)
    early: list[int] = []
    played.on_item = lambda item: early.append(item.t_ns) if ticking() < start_ns + item.t_ns else None
    assert played.player.run()
    assert len(played.items) == 7
    times = [due_ns for _, due_ns in played.items]
    assert times == sorted(times)
    assert not early


def test_sound_does_not_wait_for_video_that_is_not_decoded_yet():
    gate = threading.Event()
    played = Recorder(video([0, 0.04], gate), audio([0.02 * i for i in range(10)]), start_ns=1)
    n_audio = 0

    def on_item(item: Frame | AudioBlock) -> None:
        nonlocal n_audio
        n_audio += isinstance(item, AudioBlock)
        if n_audio == 10:
            gate.set()

    played.on_item = on_item
    assert played.player.run()
    assert played.kinds()[:10] == ["AudioBlock"] * 10
    assert "Frame" in played.kinds()


def test_a_jump_of_all_streams_is_no_wait(ticking: Callable[[], int]):
    played = Recorder(video([0, 0.04, 90_000.0]), audio([0, 0.02, 90_000.0]), start_ns=ticking())
    assert played.player.run()
    assert len(played.items) == 6
    assert len(played.jumps) == 1
    assert played.items[-1][1] < ticking()


def test_what_a_stream_raises_comes_behind_what_it_gave():
    def broken() -> Iterator[Frame]:
        yield Frame(0, IMAGE, 0)
        raise ValueError("no more")

    played = Recorder(broken())
    with pytest.raises(ValueError, match="no more"):
        played.player.run()
    assert len(played.items) == 1


def test_it_stops_at_once_and_leaves_no_thread():
    # An hour.
    played = Recorder(video([0, 3600.0]), audio([0.02 * i for i in range(180_000)]))
    threading.Timer(0.1, played.stopping.set).start()
    assert not played.player.run()
    assert not [t for t in threading.enumerate() if t.name == "emolive-decode"]


# --- what the decoder leaves out


@pytest.fixture
def slow() -> list[bool]:
    return []


@pytest.fixture
def policy(slow: list[bool]) -> DecoderPolicy:
    return DecoderPolicy(lambda: slow.append(True))


def test_nothing_is_left_out_in_time(policy, slow):
    for i in range(10):
        assert policy.accept(i * to_ns(0.04), -to_ns(0.1))
        assert policy(False) == "DEFAULT"
    assert not slow


def test_late_frames_are_left_out_but_some_come_and_it_is_said_once(policy, slow):
    accepted = [policy.accept(i * to_ns(0.02), to_ns(0.5)) for i in range(100)]
    assert 7 <= sum(accepted) <= 8
    assert policy(False) == "NONREF"
    assert slow == [True]


def test_in_time_again_it_decodes_all(policy):
    policy.accept(0, LATE_NS + 1)
    assert policy(False) == "NONREF"
    policy.accept(to_ns(1), -1)
    assert policy(False) == "DEFAULT"


def test_far_behind_it_goes_on_at_a_key_frame(policy):
    policy.accept(0, to_ns(3))
    assert policy(False) == policy(True) == "NONKEY"
    policy.accept(to_ns(5), 0)
    # Frames up to the next key frame refer to what was left out.
    assert policy(False) == "NONKEY"
    assert policy(True) == "NONREF"
