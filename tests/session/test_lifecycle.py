"""Start and stop of a session, and the end of files."""

from __future__ import annotations

import threading
import time

import pytest

from emolive.errors import EmoliveError
from emolive.session.config import SessionConfig
from emolive.session.session import Session


def test_stopping_while_loading(watch):
    for _ in range(3):
        watched = watch("demo")
        assert watched.session.stop(20)
        assert not watched.session.snapshot().running


def test_stopping_is_idempotent_and_final(watch, clips):
    watched = watch(clips["full"])
    watched.until_estimates(1)
    assert watched.session.stop(20)
    assert watched.session.stop(20)
    count, frames = len(watched.estimates), watched.session.snapshot().counters.frames_captured
    time.sleep(0.4)
    assert len(watched.estimates) == count
    assert watched.session.snapshot().counters.frames_captured == frames
    with pytest.raises(EmoliveError, match="has been stopped"):
        watched.session.start()
    with pytest.raises(EmoliveError, match="has been stopped"):
        watched.session.set_source("demo")
    assert not watched.session.snapshot().running


def test_a_session_that_was_never_started_stops_too(watch):
    assert watch("demo", start=False).session.stop()


def test_starting_twice_is_starting_once(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    before = watched.estimates[-1].t_s
    watched.session.start()
    watched.until_estimates(1)
    assert watched.estimates[-1].t_s > before


def test_requests_return_at_once_and_stop_is_timely_while_a_source_opens(watch, monkeypatch):
    from emolive.session import stream_opening

    watched = watch("demo")
    watched.until_estimates(1)
    search_started, search_ended = threading.Event(), threading.Event()
    real = stream_opening.open_spec

    def slow(spec, **options):
        search_started.set()
        assert search_ended.wait(120)
        return real(spec, **options)

    monkeypatch.setattr(stream_opening, "open_spec", slow)
    change = watched.session.set_source("demo")
    assert search_started.wait(60)
    # The request has returned, though the search has not ended.
    assert not change.done()
    watched.until_estimates(2)
    assert watched.session.stop(20)
    assert not search_ended.is_set()
    search_ended.set()
    change.result(60)
    assert not watched.session.snapshot().running


def test_as_a_context_it_starts_and_stops(random_checkpoint, clips):
    config = SessionConfig(source=str(clips["video_only"]), checkpoint=random_checkpoint("ia"), device="cpu")
    with Session(config) as session:
        assert session.snapshot().running
    assert not session.snapshot().running


def test_the_end_of_a_file_is_reported(watch, clips):
    # A source that is not paced waits for its subscribers: so it has not ended while one looks.
    watched = watch(clips["video_only"], paced=False, start=False)
    ended = []
    watched.session.subscribe(
        lambda _: ended.append((watched.session.finished, watched.session.snapshot().ended))
    )
    watched.session.start()
    watched.until_finished()
    assert ended[0] == (False, False)
    assert not any(finished for finished, _ in ended)
    snapshot = watched.session.snapshot()
    assert snapshot.ended
    assert snapshot.running
    assert watched.code("camera") == "ended"
    # The last frame stays visible.
    assert snapshot.estimate is watched.estimates[-1]


def test_a_loop_goes_on_past_the_end(watch, clips):
    watched = watch(clips["video_only"], loop=True, paced=False)
    watched.until(lambda: watched.estimates and watched.estimates[-1].t_s > 7, "the third round")
    assert not watched.session.finished


def test_a_session_that_cannot_be_entered_leaves_no_thread() -> None:
    session = Session(SessionConfig(source="no-such-file.mp4"))
    with pytest.raises(EmoliveError), session:
        pass
    with pytest.raises(EmoliveError, match="has been stopped"):
        session.start()
