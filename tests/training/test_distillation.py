from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.errors import EmoliveError
from preprocessing.annotations import ClipEntry
from training import distillation

LABELS = ("calm", "sad")
ITEMS = tuple(ClipEntry(name, "v", "a", "sad", "1", "") for name in ("01-07", "02-07", "own"))
HEAD = "trial,face_calm,face_sad,voice_calm,voice_sad,AU01_r\n"


def table(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "soft.csv"
    path.write_text(head + "\n".join(lines) + "\n")
    return path


def test_posteriors_are_matched_by_id_or_suffix(tmp_path: Path) -> None:
    path = table(tmp_path, "07,0.2,0.6,1,0,9", "own,0.5,0.5,0.1,0.9,9")
    video, audio = distillation.read_posteriors(path, ITEMS, LABELS)
    assert np.allclose(video, [[0.25, 0.75], [0.25, 0.75], [0.5, 0.5]])
    assert np.allclose(audio, [[1, 0], [1, 0], [0.1, 0.9]])


def test_without_a_posterior_the_label_stands_alone(tmp_path: Path) -> None:
    path = table(tmp_path, "own,0.5,0.5,0.1,0.9,9")
    video, audio = distillation.read_posteriors(path, ITEMS, LABELS)
    assert np.isnan(video[:2]).all()
    soft = distillation.SoftTargets(video, audio, video_share=0.4, audio_share=0.5, joint_share=0.0)
    targets = distillation.make_targets(np.array([1, 1, 1]), 2, soft)
    assert torch.equal(targets[:2], torch.tensor([0.0, 1.0]).expand(2, 3, 2))
    assert torch.allclose(targets[2], torch.tensor([[0.0, 1.0], [0.2, 0.8], [0.05, 0.95]]))


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("trial,face_calm,face_sad,voice_calm\n", "own,1,0,1", "lack the column voice_sad"),
        ("name,face_calm,face_sad,voice_calm,voice_sad\n", "own,1,0,1,0", "lack the column id"),
        (HEAD, "own,1,0,much,0,0", "own in .* are not numbers"),
        (HEAD, "own,1,0,-1,2,0", "own in .* are not probabilities"),
        (HEAD, "own,0,0,1,0,0", "own in .* are not probabilities"),
        (HEAD, "else,1,0,1,0,0", "do not contain any of the clips"),
    ],
)
def test_a_table_that_does_not_fit_is_rejected(tmp_path: Path, head: str, line: str, message: str) -> None:
    with pytest.raises(EmoliveError, match=message):
        distillation.read_posteriors(table(tmp_path, line, head=head), ITEMS, LABELS)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmoliveError, match=r"nothing\.csv cannot be read"):
        distillation.read_posteriors(tmp_path / "nothing.csv", ITEMS, LABELS)
