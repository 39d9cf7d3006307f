"""Files and sessions without a face, a voice, video or audio."""

from __future__ import annotations

from itertools import pairwise


def test_a_file_without_audio_is_estimated_from_the_face(watch, clips):
    estimates = (watched := watch(clips["video_only"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"v"}
    assert (watched.code("microphone"), watched.code("voice"), watched.code("face")) == (
        "none",
        "none",
        "found",
    )


def test_a_file_without_video_is_estimated_from_the_voice(watch, clips):
    estimates = (watched := watch(clips["audio_only"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"a"}
    assert (watched.code("camera"), watched.code("face"), watched.code("voice")) == ("none", "none", "speech")
    assert watched.session.snapshot().frame is None


def test_silence_is_masked_and_reported(watch, clips):
    estimates = (watched := watch(clips["silence"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"v"}
    assert watched.code("voice") == "silent"
    video_only = watch(clips["video_only"], paced=False).until_finished()
    assert [e.raw_probs for e in estimates] == [e.raw_probs for e in video_only]


def test_an_absent_face_is_reported(watch, clips):
    watched = watch(clips["absent_face"], paced=False)
    codes = set()
    watched.session.subscribe(lambda _: codes.add(watched.code("face")))
    estimates = watched.until_finished()
    spans = [e.t_s for e in estimates]
    assert max(b - a for a, b in pairwise(spans)) > 5, "no estimates of an empty room"
    assert codes == {"found", "missing"}
