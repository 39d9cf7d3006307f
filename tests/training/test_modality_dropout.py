from __future__ import annotations

import torch

from training.modality_dropout import apply_mask


def test_softhard_makes_four_batches_of_one() -> None:
    video, audio, target = torch.ones(5, 3, 4), torch.ones(5, 2, 6), torch.eye(5)
    masked = apply_mask(video, audio, target, "softhard")
    assert len(masked.target) == 20
    video_share, audio_share = masked.video[5:10].flatten(1), masked.audio[5:10].flatten(1)
    assert torch.allclose(video_share[:, 0] + audio_share[:, 0], torch.ones(5))
    assert not masked.audio[10:15].any()
    assert masked.video[10:15].all()
    assert not masked.video[15:].any()
    assert masked.audio[15:].all()
    assert masked.has_video.tolist() == [1.0] * 15 + [0.0] * 5


def test_noise_makes_three() -> None:
    video, audio, target = torch.ones(5, 3, 4), torch.ones(5, 2, 6), torch.eye(5)
    masked = apply_mask(video, audio, target, "noise")
    assert len(masked.target) == 15
    assert torch.equal(masked.video[5:10], video)
    assert not torch.equal(masked.audio[5:10], audio)
    assert torch.equal(masked.audio[10:], audio)


def test_drop_removes_one_stream_and_never_both() -> None:
    video, audio, target = torch.ones(50, 3, 4), torch.ones(50, 2, 6), torch.eye(50)
    masked = apply_mask(video, audio, target, "drop", p_video=0.5, p_audio=0.5)
    assert (masked.has_video + masked.has_audio).tolist() == [1.0] * 50
    assert torch.equal(masked.video.amax(dim=(1, 2)), masked.has_video)
    assert torch.equal(masked.audio.amax(dim=(1, 2)), masked.has_audio)


def test_nodropout_changes_nothing() -> None:
    video, audio, target = torch.ones(5, 3, 4), torch.ones(5, 2, 6), torch.eye(5)
    assert apply_mask(video, audio, target, "nodropout").video is video
