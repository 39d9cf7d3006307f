"""Ownership of state: a blocked disk delays neither frames nor estimates; buffers follow the window."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from emolive import profile as profile_module
from emolive.clock import to_ns
from emolive.models.io import checkpoint
from emolive.profile import SpeakerProfile
from emolive.session.stream import HISTORY_MARGIN_S


def counts(watched) -> tuple[int, int]:
    counters = watched.session.snapshot().counters
    return counters.frames_perceived, counters.estimates


def until_more(watched, frames: int = 20, estimates: int = 6) -> None:
    """Wait until more frames are perceived and more estimates published."""
    before = counts(watched)
    watched.until(
        lambda: counts(watched)[0] >= before[0] + frames and counts(watched)[1] >= before[1] + estimates,
        f"{frames} frames and {estimates} estimates",
        60,
    )


@pytest.fixture
def disk(monkeypatch):
    """Writes wait for `disk.set()`; `disk.requested` is set by the first."""
    released = threading.Event()
    released.requested = threading.Event()
    real = profile_module.atomic_write

    @contextmanager
    def blocked(path, **options):
        released.requested.set()
        assert released.wait(150)
        with real(path, **options) as part:
            yield part

    monkeypatch.setattr(profile_module, "atomic_write", blocked)
    yield released
    released.set()


@pytest.mark.usefixtures("demo_as_person")
def test_frames_and_estimates_go_on_while_the_disk_blocks_a_save(watch, disk, random_checkpoint):
    watched = watch("demo", person="Ann")
    watched.until_estimates(1)
    watched.session.calibrate(1.0)
    watched.until(disk.requested.is_set, "the save")
    until_more(watched)
    snapshot = watched.session.snapshot()
    assert snapshot.calibration is None
    assert (snapshot.baseline, snapshot.estimate.baseline) == ("neutral", "neutral")
    assert watched.code("baseline") == "neutral"
    disk.set()
    profile = SpeakerProfile(checkpoint.describe(random_checkpoint("ia")).spec, "Ann")
    watched.until(profile.load, "the file")


@pytest.mark.usefixtures("demo_as_person")
def test_a_disk_that_blocks_does_not_block_stop(watch, disk):
    watched = watch("demo")
    watched.until_estimates(1)
    watched.session.calibrate(1.0)
    watched.until(disk.requested.is_set, "the save")
    # The baseline is still being saved: `stop` reports it and does not wait.
    assert not watched.session.stop(1.0)
    disk.set()
    assert watched.session.stop(60)


@pytest.fixture
def blocked_load(monkeypatch):
    """After `block()`, loading a profile sets `requested` and waits for `released`."""
    requested, released = threading.Event(), threading.Event()
    load = SpeakerProfile.load

    def blocked(self):
        requested.set()
        assert released.wait(150)
        return load(self)

    def block():
        monkeypatch.setattr(SpeakerProfile, "load", blocked)

    yield SimpleNamespace(block=block, requested=requested, released=released)
    released.set()


def test_frames_and_estimates_go_on_while_the_disk_blocks_a_load(watch, blocked_load):
    watched = watch("demo")
    watched.until_estimates(1)
    blocked_load.block()
    watched.session.set_person("Ann")
    watched.until(blocked_load.requested.is_set, "the load")
    until_more(watched)
    assert watched.session.snapshot().person == "Ann"
    blocked_load.released.set()


def test_the_model_in_use_goes_on_while_the_next_waits_for_the_disk(watch, random_checkpoint, blocked_load):
    watched = watch("demo")
    watched.until_estimates(1)
    blocked_load.block()
    watched.session.set_checkpoint(random_checkpoint("lt"))
    watched.until(blocked_load.requested.is_set, "the load")
    until_more(watched)
    assert watched.estimates[-1].fusion == "ia"
    blocked_load.released.set()
    watched.until(lambda: watched.estimates[-1].fusion == "lt", "the next model")


@pytest.mark.usefixtures("demo_as_person")
def test_a_failed_save_is_reported_and_the_baseline_is_in_use(watch, monkeypatch):
    from emolive.errors import OutputError

    def full(self):
        raise OutputError("people/guest.json cannot be written: no space left on device.")

    monkeypatch.setattr(SpeakerProfile, "save", full)
    watched = watch("demo")
    watched.until_estimates(1)
    watched.session.calibrate(1.0)
    watched.until(lambda: watched.code("baseline") == "unsaved", "the status")
    watched.until_estimates(2)
    assert watched.code("baseline") == "unsaved"
    assert "no space left" in watched.status("baseline").text
    watched.session.set_baseline("running")
    watched.until(lambda: watched.code("baseline") == "running", "the status of the next baseline")


def when_it_reaches(watched, t_s, look):
    """What `look(estimate)` returns for the first estimate later than `t_s`, for which the source waits."""
    seen = []

    def take(estimate):
        if estimate.t_s > t_s and not seen:
            seen.append(look(estimate))

    watched.session.subscribe(take)
    watched.until(lambda: seen, f"an estimate later than {t_s} s")
    return seen[0]


def test_buffers_follow_a_window_of_twelve_seconds(watch, clips, random_checkpoint):
    """With buffers of a fixed 8 s its window would never be full."""
    path = random_checkpoint("ia", window_s=12.0, n_bins=50)
    watched = watch(clips["full"], checkpoint=path, loop=True, paced=False)

    def look(estimate):
        stream, end_ns = watched.session._stream, estimate.t_ns
        assert stream.history_s == pytest.approx(12 + HISTORY_MARGIN_S)
        assert stream.window_s == 12.0
        video = stream.features.buffer.between(end_ns - to_ns(12.0), end_ns)
        return end_ns, video, stream.audio.read(end_ns, round(11.9 * stream.audio.rate_hz))

    end_ns, (stamps, _, has_face), (_, has_sound) = when_it_reaches(watched, 12.5, look)
    # The buffer reaches back to the start of the window, at any frame rate.
    assert stamps[0] < end_ns - to_ns(11.0)
    assert has_face.mean() > 0.9
    assert has_sound.all()


def test_a_longer_window_is_full_after_a_change_of_the_model(watch, clips, random_checkpoint):
    watched = watch(clips["full"], loop=True, paced=False)
    watched.until_estimates(2)
    watched.session.set_checkpoint(random_checkpoint("ia", window_s=9.6, n_bins=40))
    watched.until(lambda: watched.session._stream.window_s == 9.6, "the longer window")
    stream = watched.session._stream
    began_s = watched.estimates[-1].t_s
    _, has_sound = when_it_reaches(
        watched,
        began_s + 10,
        lambda estimate: stream.audio.read(estimate.t_ns, round(9.5 * stream.audio.rate_hz)),
    )
    assert has_sound.all()


def test_a_new_source_has_state_of_its_own(watch, clips):
    watched = watch("demo")
    watched.until_estimates(2)
    old = watched.session._stream
    watched.session.set_source(str(clips["video_only"])).result(30)
    watched.until(lambda: watched.estimates[-1].source == str(clips["video_only"]), "an estimate of the file")
    new = watched.session._stream
    assert old.cancelled.is_set()
    for name in ("profile", "smoother", "extractor", "features", "frame_slot", "statuses"):
        assert getattr(old, name) is not getattr(new, name), name
    count = old.estimates
    watched.until_estimates(2)
    assert old.estimates == count
