"""The example plug-in with an augmentation, in a separate process and in this one."""

from __future__ import annotations

from pathlib import Path

from emolive.cli.config_file import read_config
from emolive.plugins import isolated_plugins
from tests.helpers.training_runs import losses, run
from training.cli import train

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin_augmentation.py"


def test_an_augmentation_is_added_in_one_file(small: list[str], tmp_path: Path) -> None:
    options = [*small, "--n_epochs", "1", "--plugin", str(EXAMPLE)]
    assert run([*options, "--hum-prob", "1", "--result_path", str(tmp_path / "1")]).wait(170) == 0
    with isolated_plugins():
        assert train([*options, "--hum-prob", "0", "--result_path", str(tmp_path / "0")]) == 0
    assert losses(tmp_path / "0") != losses(tmp_path / "1")
    assert read_config(tmp_path / "1" / "config.yaml")["hum_prob"] == 1
