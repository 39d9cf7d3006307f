"""Distances from the people whom a model was trained on, and what they decide."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.models import factory
from emolive.models.spec import ModelSpec
from emolive.novelty import LEADING, Population
from emolive.types import Modality
from tests.test_opinion_pool import SMILE, SPEC, UNKNOWN, pool

WIDTH = 40
SCALE = np.linspace(0.5, 2, WIDTH).astype(np.float32)


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(0)
    return Population.fit(rng.standard_normal((2000, WIDTH)) * SCALE + 3, SCALE)


def test_the_people_of_the_training_data_are_near_and_others_far(population):
    rng = np.random.default_rng(1)
    same = rng.standard_normal((200, WIDTH)) * SCALE + 3
    assert population.distance(same).mean() == pytest.approx(1, abs=0.1)
    assert population.distance(same + 2 * SCALE).min() > population.distance(same).max()
    assert population.whitening.shape == (WIDTH, WIDTH - LEADING)


def test_what_varies_most_in_training_is_not_novel():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2000, WIDTH)) * 0.1
    rows[:, :LEADING] *= 50
    population = Population.fit(rows, np.ones(WIDTH, np.float32))
    moved = np.zeros(WIDTH)
    moved[0] = 10
    assert population.distance(moved) < 0.5
    moved[0], moved[-1] = 0, 2
    assert population.distance(moved) > 2


def test_the_network_counts_as_far_as_the_input_resembles_its_training_data():
    gated = pool(novelty_limits=(1.8, 2.0, 1.5), novelty_width=0.1)
    assert gated.resemblance(1.5, None) == pytest.approx(0.5)
    assert gated.resemblance(1.8, 0.5) == pytest.approx(0.5)
    assert gated.resemblance(1.0, 1.0) > 0.98
    assert gated.resemblance(1.0, 5.0) < 1e-6
    assert gated.resemblance(None, None) == 1
    network = np.log(np.full(8, 0.02) + 0.84 * np.eye(8)[3])
    near = gated.combine(network, SMILE, UNKNOWN, Modality.AV, 1.0)
    np.testing.assert_allclose(near, network, atol=1e-12)
    far = gated.combine(network, SMILE, UNKNOWN, Modality.AV, 0.0)
    np.testing.assert_allclose(far, gated.combine(network, SMILE, UNKNOWN, Modality.AV))


def test_a_network_with_a_pool_holds_the_populations():
    spec = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean", pool=SPEC)
    names = {name for name, _ in factory.build(spec).named_buffers() if "population" in name}
    assert names == {
        f"{stream}_population_{part}" for stream in ("video", "audio") for part in ("mean", "whitening")
    }
    without = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean")
    assert not any("population" in name for name, _ in factory.build(without).named_buffers())


def test_a_novel_voice_alone_is_doubted():
    network = np.log(np.full(8, 0.02) + 0.84 * np.eye(8)[3])
    gated = pool(novelty_limits=(1.8, 1.2, 1.5), novel_voice_weight=0.5)
    known, novel = (np.exp(gated.voice_alone(network, gated.resemblance(None, d))) for d in (0.5, 3.0))
    np.testing.assert_allclose(known, np.exp(network), atol=1e-3)
    assert novel.argmax() == 3
    assert novel.max() < 0.6 < known.max()
    assert novel.sum() == pytest.approx(1)
