"""Sources and microphones of a running session: replaced and refused."""

from __future__ import annotations

import pytest

from emolive.clock import now_ns, to_ns
from emolive.errors import EmoliveError


def test_another_source_starts_at_time_zero(watch, clips):
    watched = watch(clips["video_only"], loop=True)
    watched.until_estimates(2)
    assert watched.estimates[-1].modality == "v"
    before, switched_ns = watched.session.snapshot().counters, now_ns()
    watched.session.set_source("demo").result(60)
    assert watched.session.snapshot().is_synthetic
    watched.until(lambda: [e.source for e in watched.estimates].count("demo") >= 3, "estimates of the demo")
    sources = [estimate.source for estimate in watched.estimates]
    count = sources.index("demo")
    assert set(sources[:count]) == {str(clips["video_only"])}
    assert set(sources[count:]) == {"demo"}
    first = watched.estimates[count]
    assert first.t_ns - to_ns(first.t_s) >= switched_ns
    after = watched.session.snapshot().counters
    assert after.frames_captured > before.frames_captured
    assert after.estimates > before.estimates


@pytest.mark.parametrize("missing", ["missing.mp4", "no such camera", "", "gopher://x/y"])
def test_a_source_that_is_not_there_is_refused_and_the_old_one_goes_on(watch, missing):
    watched = watch("demo")
    watched.until_estimates(1)
    microphone, before = watched.status("microphone"), watched.estimates[-1].t_s
    with pytest.raises(EmoliveError):
        watched.session.set_source(missing).result(60)
    watched.until_estimates(2)
    assert watched.estimates[-1].t_s > before
    assert watched.status("microphone") == microphone


def test_a_microphone_that_is_not_there_is_refused_and_the_old_sound_goes_on(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    with pytest.raises(EmoliveError):
        watched.session.set_mic("no such microphone").result(60)
    watched.until_estimates(2)
    watched.until(lambda: watched.session.snapshot().voice_dbfs > -120, "sound")


def test_without_a_microphone_the_face_goes_on_alone_and_back(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    count = len(watched.estimates)
    watched.session.set_mic("none").result(60)
    assert {estimate.modality for estimate in watched.until_anew(count)} == {"v"}
    assert watched.code("microphone") == watched.code("voice") == "none"
    watched.session.set_mic("auto").result(60)
    watched.until(lambda: "a" in watched.estimates[-1].modality, "a voice")
    watched.until(lambda: watched.code("voice") == "speech", "its status")


def test_neither_picture_nor_sound_is_refused(watch):
    watched = watch("none", mic="none", start=False)
    with pytest.raises(EmoliveError, match="neither a picture nor a sound"):
        watched.session.start()
    assert not watched.session.snapshot().running


def test_a_drawing_is_known_to_be_one_and_a_file_after_it_is_not(watch, clips):
    watched = watch("demo")
    watched.until_estimates(1)
    assert watched.session._perception._pipeline.shows_drawing
    watched.session.set_source(str(clips["full"])).result(60)
    watched.until(lambda: watched.estimates[-1].source != "demo", "an estimate of the file")
    assert not watched.session._perception._pipeline.shows_drawing
