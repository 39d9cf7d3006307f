"""Windows that are late: a model that is too slow, a computer that slept."""

from __future__ import annotations

import pytest

from emolive.capture.base import SourceInfo
from emolive.clock import to_ns
from emolive.session import inference_worker
from emolive.session.inference_worker import InferenceWorker
from emolive.session.pipeline import LivePipeline
from emolive.session.status import StatusRegistry
from emolive.session.stream import Stream
from tests.helpers.estimates import make_estimate

BIN_NS = to_ns(0.24)


@pytest.mark.parametrize("late_s", [2.4, 3600.0])
def test_late_windows_are_skipped_and_counted_and_the_newest_is_read(monkeypatch, late_s):
    now_ns = 10**12
    monkeypatch.setattr(inference_worker, "now_ns", lambda: now_ns)
    info = SourceInfo("C920", has_video=False, has_audio=True, live=True)
    stream = Stream(
        source="0", video_info=None, audio_info=info, realtime=True, has_video=False, window_s=3.6
    )
    stream.origin_ns = now_ns
    stream.audio_lost = True
    read: list[int] = []
    published: list[int] = []

    def predict(_: LivePipeline, end_ns: int):
        read.append(end_ns)
        stream.estimates += 1
        return make_estimate(t_ns=end_ns)

    monkeypatch.setattr(LivePipeline, "predict", predict)
    worker = InferenceWorker(
        "none",
        "guest",
        StatusRegistry(),
        lambda estimate, _: published.append(estimate.t_ns),
        lambda: None,
    )
    for _ in range(3):
        now_ns += BIN_NS
        worker._estimate(stream, BIN_NS)
    assert stream.estimates_skipped == 0
    now_ns += to_ns(late_s)
    worker._estimate(stream, BIN_NS)
    n_late = to_ns(late_s) // BIN_NS
    assert stream.estimates_skipped == pytest.approx(n_late, abs=1)
    assert now_ns - read[-1] < BIN_NS
    assert published == read
    assert len(read) == 4
