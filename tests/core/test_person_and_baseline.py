"""A person's statistics: what they are, how they grow, how they are kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolive.errors import EmoliveError
from emolive.models.spec import AudioSpec, ModelSpec
from emolive.normalization import MODES, GlobalStats, RunningStats, baseline
from emolive.paths import user_dir
from emolive.profile import SpeakerProfile, measure_of
from emolive.windowing import FeatureWindow

WIDTH = 3
FACE = GlobalStats(
    np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32), np.array([1, 1, 2], np.float32), 25 / 6
)
SPEC = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean", baselines=MODES)


def rows_of(mean, std, n, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((n, WIDTH))
    drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    return (drawn * std + mean).astype(np.float32)


# --- moments

matrices = st.integers(0, 8).flatmap(
    lambda n: arrays(np.float32, (n, WIDTH), elements=st.floats(-100, 100, width=32))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(matrices, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_moments_merge_in_any_order(parts, random):
    atomic_write = RunningStats.of(np.concatenate(parts))
    shuffled = list(parts)
    random.shuffle(shuffled)
    merged = RunningStats.zero(WIDTH)
    for part in shuffled:
        merged = merged + RunningStats.of(part)
    assert merged.count == atomic_write.count
    np.testing.assert_allclose(merged.mean, atomic_write.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(merged.variance, atomic_write.variance, rtol=1e-6, atol=1e-6)


def test_moments_of_nothing_are_zero_and_not_nan():
    nothing = RunningStats.zero(WIDTH)
    assert (nothing.mean.tolist(), nothing.variance.tolist()) == ([0] * 3, [0] * 3)


# --- modes


def test_none_is_the_population():
    none = baseline("none", FACE, RunningStats.of(rows_of(9, 1, 100)))
    assert (none.mode, none.shift.tolist(), none.scale.tolist()) == ("none", [1, 2, 3], [4, 5, 6])


def test_neutral_is_the_person_s_mean_and_the_spread_within_persons():
    neutral = baseline("neutral", FACE, RunningStats.of(rows_of(9, 3, 100)))
    assert neutral.mode == "neutral"
    np.testing.assert_allclose(neutral.shift, [9] * 3, rtol=1e-5)
    assert neutral.scale.tolist() == [1, 1, 2]


@pytest.mark.parametrize("evidence", [None, RunningStats.zero(WIDTH), RunningStats.of(rows_of(9, 1, 4))])
def test_neutral_without_a_second_of_evidence_is_none_and_says_so(evidence):
    assert baseline("neutral", FACE, evidence).mode == "none"


def test_running_goes_from_the_population_to_the_person_with_evidence():
    shifts = [
        baseline("running", FACE, RunningStats.of(rows_of(9, 3, n))).shift[0] for n in (2, 20, 200, 5000)
    ]
    assert baseline("running", FACE, None).shift[0] == pytest.approx(1)
    assert 1 < shifts[0] < shifts[1] < shifts[2] < shifts[3]
    assert shifts[0] < 2.5
    assert shifts[3] == pytest.approx(9, abs=0.1)
    # Four seconds of evidence weigh as much as the population.
    assert baseline("running", FACE, RunningStats.of(rows_of(9, 3, 17))).shift[0] == pytest.approx(5, abs=0.1)
    assert baseline("running", FACE, RunningStats.of(rows_of(9, 3, 5000))).scale[0] == pytest.approx(
        3, abs=0.05
    )


def test_a_face_that_never_moves_does_not_divide_by_zero():
    still = RunningStats.of(np.ones((100_000, WIDTH), np.float32))
    applied = baseline("running", FACE, still).apply(np.ones((2, WIDTH), np.float32), np.ones(2, bool), MODES)
    assert np.isfinite(applied).all()


@pytest.mark.parametrize("mode", MODES)
def test_applied_features_carry_one_flag_and_are_zero_where_missing(mode):
    made = baseline(mode, FACE, RunningStats.of(rows_of(9, 3, 50)))
    rows = np.array([[1, 2, 3], [np.nan] * 3], np.float32)
    applied = made.apply(rows, np.array([True, False]), MODES)
    assert applied.shape == (2, WIDTH + 3)
    assert applied[0, WIDTH:].tolist() == [float(m == mode) for m in MODES]
    assert applied[1].tolist() == [0] * 6
    np.testing.assert_allclose(applied[0, :WIDTH], (rows[0] - made.shift) / made.scale, rtol=1e-6)


def test_a_slip_of_the_tracker_bends_nothing_for_long():
    clip_outliers = FACE.clip_outliers(np.array([[1e6, -1e6, 3]], np.float32))
    assert clip_outliers.tolist() == [[1 + 5 * 4, 2 - 5 * 5, 3]]


# --- a person's evidence


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
        level_dbfs=level,
    )


def population(width, rate_hz):
    return GlobalStats(
        np.zeros(width, np.float32), np.full(width, 100, np.float32), np.ones(width, np.float32), rate_hz
    )


POPULATIONS = population(272, 25 / 6), population(10, 43.07)


def test_only_the_newest_bin_counts_so_that_nothing_is_counted_twice():
    person = SpeakerProfile(SPEC)
    person.running.add(window(face=True, speech_at=range(0, 146)), SPEC, *POPULATIONS)
    assert (person.running.video.count, person.running.audio.count) == (1, 0)
    person.running.add(window(face=False, speech_at=range(150, 156)), SPEC, *POPULATIONS)
    assert (person.running.video.count, person.running.audio.count) == (1, 6)
    person.reset()
    assert (person.running.video.count, person.running.audio.count) == (0, 0)


def calibrated(name="Ann", spec=SPEC):
    person = SpeakerProfile(spec, name)
    for i in range(60):
        person.neutral.add(window(speech_at=range(146, 156), level=-50.0 - i / 7), spec, *POPULATIONS)
    return person


def test_a_saved_neutral_comes_back_exactly():
    person = calibrated()
    path = person.save()
    assert path.parent == user_dir() / "people"
    again = SpeakerProfile(SPEC, "Ann")
    assert again.load()
    for stream in ("face", "voice"):
        mine, theirs = getattr(person.neutral, stream), getattr(again.neutral, stream)
        assert (mine.count, mine.total.tolist(), mine.squares.tolist()) == (
            theirs.count,
            theirs.total.tolist(),
            theirs.squares.tolist(),
        )
    assert not [p for p in path.parent.iterdir() if p != path]


def test_somebody_who_never_calibrated_has_none():
    person = SpeakerProfile(SPEC, "nobody yet")
    assert not person.load()
    assert person.normalizers("neutral", *POPULATIONS)[0].mode == "none"


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, pooling="middle"),
        replace(SPEC, encoders=("efficientface",), landmarker="none"),
        replace(SPEC, n_bins=30),
        replace(SPEC, audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64)),
        replace(SPEC, audio=replace(SPEC.audio, n_mfcc=13)),
    ],
)
def test_a_neutral_of_another_measure_is_refused(other):
    calibrated().save()
    assert measure_of(other) != measure_of(SPEC)
    person = SpeakerProfile(other, "Ann")
    with pytest.raises(EmoliveError, match=r"Ann was measured with .* this model measures with"):
        person.load()
    assert person.neutral.video.count == 0


def test_a_neutral_serves_every_fusion_of_the_same_measure():
    calibrated().save()
    assert SpeakerProfile(replace(SPEC, fusion="lt", num_heads=4, dropout=0.2), "Ann").load()


def spoil(stored, **changes):
    return json.dumps({**stored, "face": {**stored["face"], **changes}})


@pytest.mark.parametrize(
    "content",
    [
        lambda stored: b"",
        lambda stored: b"{",
        lambda stored: b"[]",
        lambda stored: b"\xff\xfe\x00",
        lambda stored: json.dumps({"format": 1}).encode(),
        lambda stored: json.dumps({**stored, "format": 99}).encode(),
        lambda stored: json.dumps({**stored, "voice": 3}).encode(),
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
def test_any_name_can_be_kept(name):
    path = calibrated(name).save()
    assert path.parent == user_dir() / "people"
    assert SpeakerProfile(SPEC, name).load()


def test_no_two_names_share_a_file():
    paths = [calibrated(name).save() for name in [*ODD, "guest", "GUEST"]]
    assert len({path.name.casefold() for path in paths}) == len(paths)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_whatever_the_name_it_stays_in_its_folder(name):
    from emolive.profile import _path

    path = _path(name)
    assert path.parent == user_dir() / "people"
    assert len(path.name.encode()) < 200
    assert path.suffix == ".json"
