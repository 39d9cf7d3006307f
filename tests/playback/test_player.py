"""Playing, pausing, searching and looping a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import DeviceError
from emolive.playback.clock import PlaybackClock
from emolive.playback.player import Player
from emolive.playback.speaker import Speaker
from tests.helpers.listener import eventually
from tests.helpers.media import chirp, write_media
from tests.helpers.numbered_images import number_of

Play = Callable[..., Player]


def no_device(rate_hz: int, callback: object) -> object:
    raise DeviceError("no loudspeaker")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, the number of each frame in it."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    return write_media(
        path, frame_ms=[40 * i for i in range(50)], sound=chirp(2.0), codec="libx264", audio_codec="aac"
    )


@pytest.fixture
def play(film: Path) -> Iterator[Play]:
    players: list[Player] = []

    def begin(*, playing: bool = True, loop: bool = False, at_s: float = 0.0) -> Player:
        clock = PlaybackClock()
        player = Player(film, 2.0, loop=loop, audio=True, clock=clock, speaker=Speaker(clock, no_device))
        player.set_playing(playing)
        if at_s:
            player.seek(at_s)
        players.append(player)
        player.start()
        return player

    yield begin
    for player in players:
        assert player.close(60)


def shown(player: Player) -> int | None:
    return None if player.frame is None else number_of(player.frame.image)


def test_it_plays_to_its_end_and_keeps_the_last_frame(play: Play) -> None:
    player = play()
    eventually(lambda: player.ended, "the end")
    assert shown(player) == 49
    assert player.clock.position_ns() >= 2e9
    # In a loop it does not end again meanwhile.
    player.loop = True
    player.set_playing(True)
    eventually(lambda: shown(player) != 49, "it plays again")
    assert not player.ended


def test_paused_it_shows_the_frame_of_each_position(play: Play) -> None:
    player = play(playing=False)
    eventually(lambda: shown(player) == 0, "the first frame")
    for position_s, number in ((1.21, 30), (0.5, 12), (1.96, 49), (0.0, 0), (9.0, 49)):
        player.seek(position_s)
        eventually(lambda number=number: shown(player) == number, f"frame {number}")
        assert player.clock.position_ns() == pytest.approx(min(position_s, 1.96) * 1e9)
    assert not player.ended


def test_it_goes_on_from_a_position(play: Play) -> None:
    player = play(at_s=1.5)
    eventually(lambda: player.ended, "the end")
    assert player.frames_shown <= 14


def test_a_loop_begins_again(play: Play) -> None:
    player = play(loop=True, at_s=1.8)
    eventually(lambda: shown(player) not in (None, *range(44, 50)), "the beginning")
    assert not player.ended
    player.loop = False
    eventually(lambda: player.ended, "the end")


def test_many_seeks_at_once_end_at_the_last(play: Play) -> None:
    player = play(playing=False)
    rng = np.random.default_rng(0)
    for position_s in (*rng.uniform(0, 2, 40), 1.0):
        player.seek(float(position_s))
    eventually(lambda: shown(player) == 25, "the last position")


def test_a_file_that_vanishes_is_said(tmp_path: Path) -> None:
    clock = PlaybackClock()
    player = Player(
        tmp_path / "gone.mp4", 1.0, loop=False, audio=True, clock=clock, speaker=Speaker(clock, no_device)
    )
    player.start()
    eventually(lambda: player.ended, "the end")
    assert "gone.mp4" in player.error
    assert player.close(60)
