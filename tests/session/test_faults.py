"""Errors in subscribers, workers and files."""

from __future__ import annotations

import pytest

from emolive.session.pipeline import LivePipeline
from emolive.vision.face_pipeline import FacePipeline


def test_a_subscriber_that_fails_stops_nothing(watch, clips):
    for paced in (True, False):
        watched = watch(clips["video_only"], paced=paced, start=False)
        received, after = [], []

        def fail(estimate, received=received):
            received.append(estimate)
            raise RuntimeError("a bug of a subscriber")

        watched.session.subscribe(fail)
        watched.session.subscribe(after.append)
        watched.session.start()
        watched.until_finished()
        assert len(received) == len(after) == len(watched.estimates) > 1


def test_a_subscription_that_is_closed_gets_nothing_more(watch):
    watched = watch("demo")
    first, second = [], []
    with watched.session.subscribe(first.append) as other:
        subscription = watched.session.subscribe(second.append)
        watched.until(lambda: first and second, "estimates for both")
        subscription.close()
        subscription.close()
    # What was being delivered meanwhile has been.
    assert subscription.end(60)
    assert other.end(60)
    counts = len(first), len(second)
    watched.until_estimates(2)
    assert (len(first), len(second)) == counts


@pytest.mark.parametrize(
    ("part", "paced"),
    [
        ((FacePipeline, "process"), False),
        ((LivePipeline, "predict"), True),
        ((LivePipeline, "predict"), False),
    ],
)
def test_a_fault_in_one_part_is_reported_and_the_file_is_played_to_its_end(
    watch, clips, monkeypatch, part, paced
):
    (owner, name), calls = part, []
    real = getattr(owner, name)

    def sometimes(self, *args):
        calls.append(1)
        # Soon, since of a file that is played a slow computer reads few windows.
        if len(calls) % 4 == 3:
            raise RuntimeError("out of memory")
        return real(self, *args)

    monkeypatch.setattr(owner, name, sometimes)
    watched = watch(clips["video_only"], paced=paced, start=False)
    codes = set()
    watched.session.subscribe(lambda _: codes.add(watched.code("model")))
    watched.session.start()
    watched.until_finished()
    assert len(watched.estimates) > 1
    if name == "predict":
        assert "failed" in codes


def test_a_file_deleted_before_playback_is_reported(watch, clips, tmp_path):
    path = tmp_path / "gone.mkv"
    path.write_bytes(clips["video_only"].read_bytes())
    watched = watch(path, start=False)
    watched.session.start()
    path.unlink()
    watched.until_finished()
    status = watched.status("camera")
    assert status.level in ("error", "info")
