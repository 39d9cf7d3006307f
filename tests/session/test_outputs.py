"""What is written: a disk that is full is said for as long as it lasts, and stops nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.capture.base import SourceInfo
from emolive.cli.headless import EstimateWriter
from emolive.session.snapshot import with_outputs
from emolive.session.stream import Stream
from emolive.session.stream_listener import StreamListener
from emolive.session.subscription import Publisher
from emolive.snapshot import RecordingState, Snapshot
from emolive.types import AudioBlock, Estimate
from tests.helpers.estimates import make_estimate

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_under_the_rows_is_a_lasting_error_and_said_once():
    publisher, passed, said = Publisher(), [], []
    with EstimateWriter(FULL) as writer:
        writer.report_problems(said.append)
        subscription = publisher.subscribe(writer)
        publisher.subscribe(passed.append)
        assert publisher.statuses() == ()
        for _ in range(3):
            publisher.publish(make_estimate())
        publisher.wait_idle(lambda: False)
        for _ in range(2):
            (status,) = publisher.statuses()
            assert (status.source, status.level, status.code) == ("rows", "error", "unwritten")
            assert status.text.startswith("The estimates are not written any more (No space left on device)")
        assert said == [status.text]
        assert len(passed) == 3
        subscription.close()
    assert publisher.statuses() == ()
    assert publisher.close(5)


def test_any_other_fault_of_a_subscriber_is_no_problem_of_the_user():
    publisher = Publisher()

    def faulty(_: Estimate) -> None:
        raise RuntimeError

    publisher.subscribe(faulty)
    publisher.publish(make_estimate())
    publisher.wait_idle(lambda: False)
    assert publisher.statuses() == ()
    assert publisher.close(5)


def test_a_recording_that_has_ended_by_itself_is_a_lasting_error():
    problem = "The recording has ended because less than 1 GB is free on the disk."
    running = RecordingState(Path("r"), running=True, seconds=1.0)
    ended = RecordingState(Path("r"), running=False, seconds=2.0, problem=problem)
    for recording in (None, running):
        assert with_outputs(Snapshot(), recording, ()) == Snapshot(recording=recording)
    snapshot = with_outputs(Snapshot(), ended, ())
    assert [(s.source, s.level, s.text) for s in snapshot.statuses] == [("recording", "error", problem)]
    assert with_outputs(snapshot, running, ()).recording is running


def test_a_recording_gets_no_values_that_can_be_no_sound():
    class Tap:
        heard: np.ndarray

        def add_audio(self, block: AudioBlock, *, wait: bool) -> None:
            assert not wait
            self.heard = block.samples

    info = SourceInfo("Mic", has_video=False, has_audio=True, live=True)
    stream = Stream(
        source="0", video_info=None, audio_info=info, realtime=True, has_video=False, window_s=3.6
    )
    stream.tap = tap = Tap()
    StreamListener(stream).on_audio(AudioBlock(0, np.array([0.5, np.nan, 1e9, 0.25], np.float32), 8000))
    assert tap.heard.tolist() == [0.5, 0.0, 0.0, 0.25]
    assert stream.samples_refused == 2
