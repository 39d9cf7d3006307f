"""Sources and microphones of a running session: replaced and refused."""

from __future__ import annotations

import pytest

from emolive.errors import EmoliveError


def test_another_source_starts_at_time_zero(watch, clips):
    watched = watch(clips["video_only"], loop=True)
    watched.until_estimates(2)
    assert watched.estimates[-1].modality == "v"
    before = watched.session.snapshot().counters
    watched.session.set_source("demo").result(30)
    assert watched.session.snapshot().is_synthetic
    count = len(watched.estimates)
    watched.until_estimates(3)
    assert watched.estimates[count].t_s < 2
    assert watched.estimates[count].source == "demo"
    assert watched.estimates[count - 1].source == str(clips["video_only"])
    after = watched.session.snapshot().counters
    assert after.frames_captured > before.frames_captured
    assert after.estimates > before.estimates


@pytest.mark.parametrize("missing", ["missing.mp4", "no such camera", "", "gopher://x/y"])
def test_a_source_that_is_not_there_is_refused_and_the_old_one_goes_on(watch, missing):
    watched = watch("demo")
    watched.until_estimates(1)
    microphone, before = watched.status("microphone"), watched.estimates[-1].t_s
    with pytest.raises(EmoliveError):
        watched.session.set_source(missing).result(30)
    watched.until_estimates(2)
    assert watched.estimates[-1].t_s > before
    assert watched.status("microphone") == microphone


def test_a_microphone_that_is_not_there_is_refused_and_the_old_sound_goes_on(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    with pytest.raises(EmoliveError):
        watched.session.set_mic("no such microphone").result(30)
    watched.until_estimates(2)
    assert watched.session.snapshot().voice_dbfs > -120


def test_without_a_microphone_the_face_goes_on_alone_and_back(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    watched.session.set_mic("none").result(30)
    count = len(watched.estimates)
    watched.until(lambda: len(watched.estimates) > count + 1, "estimates")
    assert watched.estimates[-1].modality == "v"
    assert watched.code("microphone") == watched.code("voice") == "none"
    watched.session.set_mic("auto").result(30)
    watched.until(lambda: "a" in watched.estimates[-1].modality, "a voice")
    assert watched.code("voice") == "speech"


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
