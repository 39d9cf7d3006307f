from __future__ import annotations

import torch

from emolive.models.temporal_pooling import (
    AttentiveStatisticsPooling,
    MeanPooling,
    StatisticsPooling,
    present_steps,
)


def test_all_steps_count_alike_in_mean_and_statistics():
    x = torch.randn(2, 3, 7)
    nowhere = torch.zeros(2, 7, dtype=torch.bool)
    assert torch.allclose(MeanPooling()(x, nowhere), x.mean(-1))
    statistics = StatisticsPooling()(x, nowhere)
    assert statistics.shape == (2, StatisticsPooling.width(3))
    assert torch.allclose(statistics[:, :3], x.mean(-1))
    assert torch.allclose(statistics, StatisticsPooling()(x.flip(-1), nowhere))


@torch.no_grad()
def test_attention_prefers_the_newest_steps_and_leaves_absent_ones_out():
    pooling = AttentiveStatisticsPooling(3)
    pooling.score.weight.zero_()
    x, present = torch.zeros(1, 3, 15), torch.ones(1, 15, dtype=torch.bool)
    x[..., -3:] = 1.0
    mean = pooling(x, present)[0, :3]
    assert (mean > 0.6).all()
    assert torch.allclose(pooling(x.flip(-1), present)[0, :3], torch.full((3,), 0.02), atol=0.02)
    present[:, -3:] = False
    assert torch.allclose(pooling(x, present)[0, :3], torch.zeros(3), atol=1e-6)
    assert pooling(x, torch.zeros_like(present)).isfinite().all()
    assert pooling(x, present).shape == (1, AttentiveStatisticsPooling.width(3))


@torch.no_grad()
def test_attention_takes_the_presence_of_a_stream_that_has_more_steps_than_are_pooled():
    pooling = AttentiveStatisticsPooling(2)
    x = torch.randn(1, 2, 8)
    present = torch.zeros(1, 120, dtype=torch.bool)
    present[:, 105:] = True
    alone = pooling(x[..., 7:], torch.ones(1, 1, dtype=torch.bool))
    assert torch.allclose(pooling(x, present), alone, atol=1e-5)


def test_a_step_is_present_if_any_channel_is():
    x = torch.zeros(1, 2, 4)
    x[0, 1, 2] = -1e-3
    assert present_steps(x).tolist() == [[False, False, True, False]]
