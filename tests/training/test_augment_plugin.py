"""The example plug-in with an augmentation, in a separate process."""

from __future__ import annotations

from pathlib import Path

from emolive.cli.config_file import read_config
from tests.helpers.training_runs import losses, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin_augmentation.py"


def test_an_augmentation_is_added_in_one_file(small: list[str], tmp_path: Path) -> None:
    for share in ("0", "1"):
        options = [*small, "--n_epochs", "1", "--plugin", str(EXAMPLE), "--hum-prob", share]
        assert run([*options, "--result_path", str(tmp_path / share)]).wait(170) == 0
    assert losses(tmp_path / "0") != losses(tmp_path / "1")
    assert read_config(tmp_path / "1" / "config.yaml")["hum_prob"] == 1
