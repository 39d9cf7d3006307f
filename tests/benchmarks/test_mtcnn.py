"""What the bench's reference is given in torchvision's place."""

from __future__ import annotations

import sys

import pytest
import torch

from benchmarks import mtcnn

BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [100, 0, 110, 10], [0, 0, 10, 5]])
SCORES = torch.tensor([0.8, 0.9, 0.7, 0.6])


@pytest.mark.parametrize(
    ("groups", "threshold", "expected"),
    [
        # Overlaps with the second box: 81 / 119 of the first, 36 / 114 of the last.
        ((0, 0, 0, 0), 0.5, [1, 2, 3]),
        ((0, 0, 0, 0), 0.7, [1, 0, 2, 3]),
        ((0, 0, 0, 0), 0.3, [1, 2]),
        ((0, 1, 0, 1), 0.3, [1, 0, 2]),
        ((0, 1, 0, 2), 0.3, [1, 0, 2, 3]),
    ],
)
def test_overlapped_boxes_of_a_group_are_removed(
    groups: tuple[int, ...], threshold: float, expected: list[int]
) -> None:
    indices = mtcnn.batched_nms(BOXES, SCORES, torch.tensor(groups), threshold)
    assert indices.tolist() == expected
    none = torch.zeros(0, dtype=torch.long)
    assert mtcnn.batched_nms(BOXES[:0], SCORES[:0], none, threshold).tolist() == []


def test_what_stands_for_torchvision_is_gone_afterwards() -> None:
    before = {name for name in sys.modules if name.startswith("torchvision")}
    with mtcnn._torchvision():
        from torchvision.ops.boxes import batched_nms

        assert batched_nms is mtcnn.batched_nms
    assert {name for name in sys.modules if name.startswith("torchvision")} == before
