"""Checks of a run's options against its clips, before anything is extracted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive.errors import ConfigError
from emolive.models.spec import ModelSpec
from preprocessing.annotations import Annotations, ClipEntry
from training.data_module import check_frame_rate


@pytest.mark.parametrize(
    ("n_bins", "n_crops", "fits"), [(30, 15, False), (30, 30, True), (15, 8, True), (7, 15, True)]
)
def test_more_bins_than_crops_are_refused(tmp_path: Path, n_bins: int, n_crops: int, fits: bool) -> None:
    np.save(tmp_path / "crops.npy", np.zeros((n_crops, 4, 4, 3), np.uint8))
    annotations = Annotations((ClipEntry("a", "crops.npy", "", "happy", "1"),), tmp_path)
    if fits:
        check_frame_rate(annotations, ModelSpec(n_bins=n_bins))
    else:
        with pytest.raises(ConfigError, match=r"--sample-duration is 30, but crops\.npy holds 15 crops"):
            check_frame_rate(annotations, ModelSpec(n_bins=n_bins))
