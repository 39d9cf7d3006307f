"""Speaker profiles: updates, saving and loading."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.errors import EmoliveError
from emolive.models.feature_space import FeatureSpace
from emolive.models.input_spec import AudioSpec
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES, GlobalStats
from emolive.paths import user_dir
from emolive.profile import ABSENCE_RESET_S, SpeakerProfile
from emolive.windowing import FeatureWindow

SPEC = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean", baselines=MODES)


def window(face=True, speech_at=(), level=-50.0):
    spoken = np.zeros(156, bool)
    spoken[list(speech_at)] = True
    return FeatureWindow(
        end_ns=0,
        video=np.full((15, 272), 7, np.float32),
        video_present=np.array([True] * 14 + [face]),
        audio=np.full((156, 10), level, np.float32),
        audio_present=np.ones(156, bool),
        speech=spoken,
    )


def global_stats(width, rate_hz):
    return GlobalStats(
        np.zeros(width, np.float32), np.full(width, 100, np.float32), np.ones(width, np.float32), rate_hz
    )


STATS = global_stats(272, 25 / 6), global_stats(10, 43.07)


def test_only_the_newest_bin_counts_so_that_nothing_is_counted_twice():
    person = SpeakerProfile(SPEC)
    person.running.add(window(face=True, speech_at=range(0, 146)), SPEC, *STATS)
    assert (person.running.video.count, person.running.audio.count) == (1, 0)
    person.running.add(window(face=False, speech_at=range(150, 156)), SPEC, *STATS)
    assert (person.running.video.count, person.running.audio.count) == (1, 6)
    person.reset()
    assert (person.running.video.count, person.running.audio.count) == (0, 0)


def calibrated(name="Ann", spec=SPEC):
    person = SpeakerProfile(spec, name)
    for i in range(60):
        person.neutral.add(window(speech_at=range(146, 156), level=-50.0 - i / 7), spec, *STATS)
    return person


def test_a_saved_neutral_comes_back_exactly():
    person = calibrated()
    path = person.save()
    assert path.parent == user_dir() / "people"
    again = SpeakerProfile(SPEC, "Ann")
    assert again.load()
    for stream in ("video", "audio"):
        saved, loaded = getattr(person.neutral, stream), getattr(again.neutral, stream)
        assert (saved.count, saved.total.tolist(), saved.squares.tolist()) == (
            loaded.count,
            loaded.total.tolist(),
            loaded.squares.tolist(),
        )
    assert not [p for p in path.parent.iterdir() if p != path]


def test_an_uncalibrated_profile_has_no_neutral_statistics():
    person = SpeakerProfile(SPEC, "nobody yet")
    assert not person.load()
    assert person.normalizers("neutral", *STATS)[0].mode == "none"


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, pooling="middle"),
        replace(SPEC, landmarker="none"),
        replace(SPEC, n_bins=30),
        replace(SPEC, audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64)),
        replace(SPEC, audio=replace(SPEC.audio, n_mfcc=13)),
    ],
)
def test_a_neutral_of_another_measure_is_refused(other):
    calibrated().save()
    assert FeatureSpace.of(other) != FeatureSpace.of(SPEC)
    person = SpeakerProfile(other, "Ann")
    with pytest.raises(EmoliveError, match=r"Ann was measured with .* this model measures with"):
        person.load()
    assert person.neutral.video.count == 0


def test_a_neutral_serves_every_fusion_of_the_same_measure():
    calibrated().save()
    assert SpeakerProfile(replace(SPEC, fusion="lt", num_heads=4, dropout=0.2), "Ann").load()


def spoil(stored, **changes):
    return json.dumps({**stored, "video": {**stored["video"], **changes}})


@pytest.mark.parametrize(
    "content",
    [
        lambda stored: b"",
        lambda stored: b"{",
        lambda stored: b"[]",
        lambda stored: b"\xff\xfe\x00",
        lambda stored: json.dumps({"format": 2}).encode(),
        lambda stored: json.dumps({**stored, "format": 99}).encode(),
        lambda stored: json.dumps({**stored, "format": 1}).encode(),
        lambda stored: json.dumps({**stored, "space": {"encoders": 3}}).encode(),
        lambda stored: json.dumps({**stored, "space": None}).encode(),
        lambda stored: json.dumps({**stored, "audio": 3}).encode(),
        lambda stored: spoil(stored, count=None).encode(),
        lambda stored: spoil(stored, count=-1).encode(),
        lambda stored: spoil(stored, total=[1.0, 2.0]).encode(),
        lambda stored: spoil(stored, squares="x").encode(),
        lambda stored: spoil(stored, total=[float("nan")] * 272).encode(),
    ],
    ids=[
        "empty",
        "cut",
        "list",
        "binary",
        "bare",
        "newer",
        "bare format 1",
        "space",
        "no space",
        "number",
        "null",
        "negative",
        "short",
        "text",
        "nan",
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(content):
    path = calibrated().save()
    path.write_bytes(content(json.loads(path.read_text())))
    person = SpeakerProfile(SPEC, "Ann")
    with pytest.raises(EmoliveError) as error:
        person.load()
    assert "calibrate again" in str(error.value)
    assert "\n" not in str(error.value)
    assert person.neutral.video.count == 0


ODD = [
    "Ann Lee",
    "Ann_Lee",
    "Ann/Lee",
    "../../etc/passwd",
    "Zoë",
    "李明",
    "...",
    "a" * 400,
    "con",
    "é" * 200,
    "x\0y",
]


@pytest.mark.parametrize("name", ODD)
def test_any_name_can_be_saved(name):
    path = calibrated(name).save()
    assert path.parent == user_dir() / "people"
    assert SpeakerProfile(SPEC, name).load()


def test_no_two_names_share_a_file():
    paths = [calibrated(name).save() for name in [*ODD, "guest", "GUEST"]]
    assert len({path.name.casefold() for path in paths}) == len(paths)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_no_name_leaves_the_folder(name):
    path = SpeakerProfile(SPEC, name).save()
    assert path.parent == user_dir() / "people"
    assert len(path.name.encode()) < 200
    assert path.suffix == ".json"


# A file as emolive 0.1 wrote it, before the streams were named video and audio.
FORMAT_1 = (
    '{"format": 1, "face": {"measure": "geometry by dlib68, mean of 240 ms", "count": 3.0, '
    '"total": [1.5' + ", 0.0" * 271 + '], "squares": [2.5' + ", 1.0" * 271 + "]}, "
    '"voice": {"measure": "mfcc 22050 Hz, 2048/512, 10 channels of 128, 0-11025 Hz, floor -80 dB", '
    '"count": 2.0, "total": [-100.0' + ", -50.0" * 9 + '], "squares": [5000.0' + ", 1250.0" * 9 + "]}}"
)


@pytest.fixture
def saved_format_1():
    path = user_dir() / "people" / "ann.json"
    path.parent.mkdir(parents=True)
    path.write_text(FORMAT_1)
    return path


def test_a_calibration_of_format_1_is_loaded(saved_format_1):
    profile = SpeakerProfile(SPEC, "ann")
    assert profile.load()
    video, audio = profile.neutral.video, profile.neutral.audio
    assert (video.count, video.total[0], video.squares[:2].tolist()) == (3, 1.5, [2.5, 1.0])
    assert (audio.count, audio.total[:2].tolist(), audio.squares[9]) == (2, [-100, -50], 1250)
    assert profile.save() == saved_format_1
    stored = json.loads(saved_format_1.read_text())
    assert (stored["format"], FeatureSpace.from_dict(stored["space"])) == (2, FeatureSpace.of(SPEC))
    assert SpeakerProfile(SPEC, "ann").load()


@pytest.mark.parametrize(
    "other", [{"n_bins": 30}, {"window_s": 3.606}, {"landmarker": "none"}, {"pooling": "middle"}]
)
@pytest.mark.usefixtures("saved_format_1")
def test_a_calibration_of_format_1_of_another_space_is_refused(other):
    with pytest.raises(EmoliveError, match=r"measured with geometry by dlib68, mean of 240 ms; mfcc"):
        SpeakerProfile(replace(SPEC, **other), "ann").load()


def test_bins_that_differ_by_less_than_a_millisecond_are_not_measured_alike():
    calibrated().save()
    other = replace(SPEC, window_s=15 * 0.2404)
    assert [FeatureSpace.of(spec).bin_ns for spec in (SPEC, other)] == [240_000_000, 240_400_000]
    with pytest.raises(
        EmoliveError, match=r"mean of 240 ms; .* this model measures with .* mean of 240.4 ms"
    ):
        SpeakerProfile(other, "Ann").load()


def test_running_statistics_are_reset_after_a_long_absence():
    profile = SpeakerProfile(SPEC)
    times = [0, 240_000_000, 240_000_000 + int(ABSENCE_RESET_S * 1e9), 20_000_000_000]
    counts = []
    for end_ns in times:
        profile.update(replace(window(), end_ns=end_ns), *STATS)
        counts.append(profile.running.video.count)
    assert counts == [1, 2, 3, 1]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no permission bits")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_user_can_read_a_calibration(umask):
    before = os.umask(umask)
    try:
        path = SpeakerProfile(SPEC, "ann").save()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"format": 2, "space": ' + b"[" * 500 + b"]" * 500 + b"}",
        b" " * (2 << 20) + b"{}",
        b'{"format": 2, "video": {"count": 1' + b"0" * 400 + b"}}",
        b"\xff\xfe",
    ],
    ids=["open", "deep", "long", "large number", "no text"],
)
def test_what_no_calibration_looks_like_is_refused(content):
    profile = SpeakerProfile(SPEC, "ann")
    profile.save().write_bytes(content)
    with pytest.raises(EmoliveError, match="cannot be read: calibrate again"):
        profile.load()


def test_a_space_that_would_take_gigabytes_is_refused_before_it_is_built():
    profile = SpeakerProfile(SPEC, "ann")
    path = profile.save()
    stored = json.loads(path.read_text())
    stored["space"]["audio"]["n_fft"] = 2**30
    path.write_text(json.dumps(stored))
    with pytest.raises(EmoliveError, match="cannot be read: calibrate again"):
        profile.load()


def test_a_neutral_face_unlike_the_one_in_view_does_not_fit():
    person, (video, _) = calibrated(), STATS
    assert person.neutral_fits(video)
    seen = window()
    for count in range(120):
        # 20 s are needed before it is compared.
        assert person.neutral_fits(video) or count >= 83
        person.running.add(replace(seen, video=seen.video + 3), SPEC, *STATS)
    assert not person.neutral_fits(video)
    person.reset()
    for _ in range(120):
        person.running.add(seen, SPEC, *STATS)
    assert person.neutral_fits(video)
    assert SpeakerProfile(SPEC).neutral_fits(video)
