from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.errors import EmoliveError
from emolive.predictor import assemble_inputs
from emolive.profile import SpeakerStats
from emolive.types import FaceObservation, Frame
from emolive.vision.encoders import landmarks
from emolive.windowing import centre_window_end_ns, extract_window
from preprocessing import annotations
from training import augment, config
from training import normalizer_sampler as baselines
from training import window_dataset as windows
from training.batches import Batches, BatchNormalizer
from training.clip_reader import ClipReader
from training.modality_dropout import mask
from training.trainer import seed_step

OPTIONS = config.options_from({})
SPEC = config.spec_of(OPTIONS, ("angry", "happy", "neutral"))


@pytest.fixture(scope="module")
def cut(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> windows.WindowDataset:
    found = annotations.read(clips)
    found = annotations.Annotations(found.items[:18], found.root)
    return windows.cut(found, SPEC, cache=tmp_path_factory.mktemp("cache"), shifts_s=(-0.3, 0.0, 0.3))


def test_windows_and_live_rows_are_those_of_the_live_session(cut: windows.WindowDataset, clips: Path) -> None:
    found = annotations.read(clips)
    clip = ClipReader(found, SPEC).read(found.items[3])
    window = extract_window(clip.video, clip.audio, centre_window_end_ns(clip.duration_s, SPEC), SPEC)
    kept = cut.window(3)
    assert np.array_equal(kept.video, window.video)
    assert np.abs(kept.audio - window.audio).max() < 0.05
    known = baselines.populations(cut, SPEC, range(18))
    live = SpeakerStats.none(SPEC)
    for hop in range(1, int(clip.duration_s / SPEC.bin_s) + 1):
        live.add(
            extract_window(clip.video, clip.audio, hop * 240_000_000, SPEC), SPEC, known.face, known.voice
        )
    for stream in ("face", "voice"):
        ours = baselines.clip_moments(cut.live, stream, 3, getattr(known, stream))
        theirs = getattr(live, stream)
        assert ours.count == theirs.count > 10
        assert np.allclose(ours.total, theirs.total)
        assert np.allclose(ours.squares, theirs.squares)


def test_a_batch_without_augmentation_is_what_the_interpreter_feeds(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    batches = Batches(cut, np.arange(18), SPEC, known, strengths=augment.NONE, shares=(1.0, 0.0, 0.0))
    rng = np.random.default_rng(0)
    shifts = np.random.default_rng(0).integers(3, size=2)
    video, audio, target = batches.batch(np.array([4, 11]), rng)
    drawn = baselines.session_baselines(cut, [4, 11], "none", known)
    for row, (clip, pair) in enumerate(zip((4, 11), drawn, strict=True)):
        seen, heard = assemble_inputs(cut.window(clip, int(shifts[row])), *pair, SPEC)
        assert np.allclose(video[row].numpy(), seen, atol=1e-5)
        assert np.allclose(audio[row].numpy(), heard, atol=1e-5)
        assert [SPEC.labels[i] for i in target[row].argmax(dim=-1)] == [cut.items[clip].label] * 3


def test_a_map_of_the_plane_moves_a_face_and_its_own_baseline_alike(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    bank = baselines.NormalizerSampler(cut, list(range(18)), known, SPEC)
    drawn = [bank.draw(3, mode, np.random.default_rng(0))[0] for mode in ("none", "neutral")]
    faces = BatchNormalizer.of(drawn, SPEC)
    maps = torch.tensor([[[1.0, 0.1], [0.0, 0.9]]]).expand(2, -1, -1)
    moved = faces.seen(lambda x: augment.apply_affine(x, maps))
    assert torch.equal(moved.shift[0], faces.shift[0])
    n = landmarks.LandmarkEncoder.dim
    points = faces.shift[1, 0, :n].reshape(-1, 2)
    expected = torch.stack([points[:, 0] + 0.1 * points[:, 1], 0.9 * points[:, 1]], dim=1)
    assert torch.allclose(moved.shift[1, 0, :n].reshape(-1, 2), expected, atol=1e-6)
    assert torch.equal(moved.shift[..., n:], faces.shift[..., n:])
    assert torch.equal(moved.scale, faces.scale)
    # A person who never moves stays at rest, however they look.
    still = moved.apply(augment.apply_affine(faces.shift, maps))
    assert still[1].abs().max() < 1e-5
    assert still[0].abs().max() > 0.1


def test_a_slow_camera_shrinks_what_moves_within_a_bin_and_nothing_else(cut: windows.WindowDataset) -> None:
    torch.manual_seed(0)
    strengths = replace(augment.NONE, few_frames=0.5)
    factor = augment.std_scale(4000, strengths)
    assert factor.shape == (4000, 1, 1)
    assert abs(float((factor == 1).float().mean()) - 0.5) < 0.05
    assert abs(float((factor == 0).float().mean()) - 0.25) < 0.05
    face = torch.from_numpy(np.array(cut.bins[:4, 1]))
    slow = augment.apply_std_scale(face, torch.tensor([1.0, 0.5, 0.0, 0.0])[:, None, None])
    n = landmarks.LandmarkEncoder.dim
    assert torch.equal(slow[..., :n], face[..., :n])
    assert torch.equal(slow[0], face[0])
    assert torch.equal(slow[1, :, n:], face[1, :, n:] / 2)
    assert not slow[2:, :, n:].any()


def test_a_slow_camera_is_slow_for_a_persons_own_baseline_too(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    clips = np.arange(18)
    batches = Batches(
        cut, clips, SPEC, known, strengths=replace(augment.NONE, few_frames=1.0), shares=(0.0, 1.0, 0.0)
    )
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    video, _, _ = batches.batch(clips, rng)
    n = landmarks.LandmarkEncoder.dim
    seen = video.abs().amax(dim=2) > 0
    still = (video[..., n : 2 * n].abs().amax(dim=2) < 1e-4) | ~seen
    # Half of the clips have one frame a bin: no deviation, in the clip as in the baseline.
    assert 3 < int(still.all(dim=1).sum()) < 15


def test_nobody_held_out_leaves_a_trace_in_the_populations(cut: windows.WindowDataset) -> None:
    mine = [i for i, item in enumerate(cut.items) if item.actor == "1"]
    before = baselines.populations(cut, SPEC, mine)
    cut.live.face[cut.live.face_first[mine[-1] + 1] :] *= 1.0  # the others' rows are writable
    theirs = cut.live.face[cut.live.face_first[mine[-1] + 1] :].copy()
    cut.live.face[cut.live.face_first[mine[-1] + 1] :] += 100
    after = baselines.populations(cut, SPEC, mine)
    cut.live.face[cut.live.face_first[mine[-1] + 1] :] = theirs
    assert np.array_equal(before.face.mean, after.face.mean)
    assert np.array_equal(before.face.within_speaker_std, after.face.within_speaker_std)


def test_a_running_baseline_holds_the_clip_itself_and_neutral_does_not(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    alone = baselines.NormalizerSampler(cut, [0], known, SPEC)
    running, _ = alone.draw(0, "running", np.random.default_rng(0))
    person, _ = baselines.session_baselines(cut, [0], "running", known)[0]
    assert np.allclose(running.shift, person.shift)
    neutral, _ = alone.draw(0, "neutral", np.random.default_rng(0))
    assert cut.items[0].label == "neutral"
    assert neutral.mode == "none"


def test_a_mirrored_person_has_a_mirrored_baseline(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    bank = baselines.NormalizerSampler(cut, list(range(18)), known, SPEC)
    plain, _ = bank.draw(3, "neutral", np.random.default_rng(5))
    flipped, _ = bank.draw(3, "neutral", np.random.default_rng(5), flipped=True)
    n, mirrored = landmarks.LandmarkEncoder.dim, landmarks.LandmarkEncoder.mirror
    assert np.allclose(flipped.shift[:n], mirrored(plain.shift[:n]), atol=1e-6)
    assert np.allclose(flipped.shift[n:], np.abs(mirrored(plain.shift[n:])), atol=1e-6)
    assert np.array_equal(plain.scale, flipped.scale)


def test_calibration_clips_are_ravdess_repetition_1_or_the_first_two() -> None:
    names = ["01-01-01-01-01-01-07", "01-01-01-01-01-02-07", "01-01-01-01-02-01-07", "01-01-03-01-01-01-07"]
    labels = ["neutral", "neutral", "neutral", "happy"]
    ravdess = [
        annotations.ClipEntry(n, "v", "", label, "07", "") for n, label in zip(names, labels, strict=True)
    ]
    assert baselines.calibration_clips(ravdess) == {0, 2}
    own = [annotations.ClipEntry(f"x{i}", "v", "", "neutral", "a", "") for i in range(4)]
    assert baselines.calibration_clips(own) == {0, 1}


def test_an_epoch_follows_from_seed_and_number_and_a_batch_from_its_step(cut: windows.WindowDataset) -> None:
    known = baselines.populations(cut, SPEC, range(18))
    batches = Batches(cut, np.arange(18), SPEC, known, strengths=augment.NONE, shares=(1.0, 0.0, 0.0))
    assert np.array_equal(batches.order(1, 2), batches.order(1, 2))
    assert not np.array_equal(batches.order(1, 2), batches.order(1, 3))
    batches = Batches(
        cut, np.arange(18), SPEC, known, strengths=config.strengths(OPTIONS), shares=(0.3, 0.3, 0.4)
    )
    drawn = [batches.batch(np.arange(6), seed_step(1, 2, step)) for step in (3, 3, 4)]
    assert all(torch.equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert not torch.equal(drawn[0][0], drawn[2][0])


def test_masks_do_what_the_paper_says() -> None:
    video, audio, target = torch.ones(5, 3, 4), torch.ones(5, 2, 6), torch.eye(5)
    soft = mask(video, audio, target, "softhard")
    assert len(soft.target) == 20
    shares_v, shares_a = soft.video[5:10].flatten(1), soft.audio[5:10].flatten(1)
    assert torch.allclose(shares_v[:, 0] + shares_a[:, 0], torch.ones(5))
    assert not soft.audio[10:15].any()
    assert soft.video[10:15].all()
    assert not soft.video[15:].any()
    assert soft.audio[15:].all()
    assert soft.has_video.tolist() == [1.0] * 15 + [0.0] * 5
    noise = mask(video, audio, target, "noise")
    assert len(noise.target) == 15
    assert torch.equal(noise.video[5:10], video)
    assert not torch.equal(noise.audio[5:10], audio)
    assert torch.equal(noise.audio[10:], audio)
    assert mask(video, audio, target, "nodropout").video is video
    drop = mask(video, audio, target, "drop", p_video=0.5, p_audio=0.5)
    assert (drop.has_video + drop.has_audio).tolist() == [1.0] * 5
    with pytest.raises(EmoliveError, match="no modality dropout"):
        mask(video, audio, target, "sofhard")


def test_stretches_stay_inside_and_are_no_longer_than_asked() -> None:
    found = augment.random_spans(500, 10, 3)
    lengths = found.sum(dim=1)
    assert int(lengths.max()) == 3
    assert int(lengths.min()) == 0
    assert all(int(row.int().diff().abs().sum()) <= 2 for row in found)


def test_crops_are_followed_anew_in_each_clip(tmp_path: Path) -> None:
    """Whoever was seen before does not decide where the next face is looked for."""

    class Follower:
        resets = 0

        def reset(self) -> None:
            self.resets += 1

        def observe(self, frame: Frame) -> FaceObservation:
            return FaceObservation(
                frame.t_ns, None, np.full(landmarks.LandmarkEncoder.dim, frame.image[0, 0, 0], np.float32)
            )

    crops = np.full((4, 8, 8), 7, np.uint8)
    crops[2] = 0
    np.save(tmp_path / "crops.npy", crops)
    items = tuple(annotations.ClipEntry(name, "crops.npy", "", "happy", "1", "") for name in "ab")
    reader = ClipReader(annotations.Annotations(items, tmp_path), SPEC)
    follower = Follower()
    reader._perceiver = follower  # type: ignore[assignment]
    for count, item in enumerate(items, 1):
        track = reader.read(item).video
        assert track is not None
        assert follower.resets == count
        assert track.present.tolist() == [True, True, False, True]
        assert track.vectors[:, 0].tolist() == [7, 7, 0, 7]
        assert track.stamps_ns[0] == 450_000_000
