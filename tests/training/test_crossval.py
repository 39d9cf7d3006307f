from __future__ import annotations

import json
from pathlib import Path

import pytest

from emolive.models.io import checkpoint
from emolive.types import MODALITIES
from training.cli import train


def test_all_actors_are_tested_and_the_results_go_into_a_model(small: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "cv"
    options = [*small, "--n_epochs", "2", "--result_path", str(folder)]
    assert train(["crossval", *options, "--scheme", "2fold"]) == 0
    crossval = json.loads((folder / "crossval.json").read_text())
    assert set(crossval["figures"]) == {"none", "neutral", "running", "person"}
    assert set(crossval["figures"]["person"]["av"]["per_actor_top1"]) == {"1", "2", "3", "4"}
    before = (folder / "fold1" / "heldout.npz").stat().st_mtime_ns
    assert train(["crossval", *options, "--scheme", "2fold"]) == 0
    assert (folder / "fold1" / "heldout.npz").stat().st_mtime_ns == before, "a finished fold is not repeated"
    assert train(["crossval", *options, "--scheme", "2fold", "--gain_db", "1"]) == 2
    assert (folder / "fold2" / "model.safetensors").is_file()
    assert train(["crossval", *options, "--scheme", "2fold", "--streams", "running,none"]) == 0
    streams = json.loads((folder / "crossval.json").read_text())["streams"]
    of_fold = json.loads((folder / "fold1" / "streams.json").read_text())
    assert list(streams) == list(of_fold) == ["none", "running"]
    assert streams["running"]["n_hops"] > of_fold["running"]["n_hops"] > 0
    final = tmp_path / "final"
    results = ["--figures", str(folder / "crossval.json"), "--licence", "for tests"]
    assert train([*small, "--n_epochs", "1", *results, "--result_path", str(final)]) == 0
    loaded = checkpoint.load(final / "model.safetensors")
    temperatures = dict(zip(MODALITIES, loaded.net.temperature.tolist(), strict=True))
    assert temperatures == pytest.approx(crossval["temperature"])
    assert loaded.provenance["figures"]["figures"] == crossval["figures"]
    assert loaded.provenance["licence"] == "for tests"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--scheme", "sevenfold"], "no split named"),
        (["--scheme", "2fold", "--only", "3"], "no fold 3"),
        (["--test_actors", "1"], "leave out --fold"),
        (["--streams", "often"], "no baseline often"),
    ],
)
def test_schemes_that_do_not_fit_are_rejected(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], message: str
) -> None:
    assert train(["crossval", *small, *extra, "--result_path", str(tmp_path / "cv")]) == 2
    assert message in capsys.readouterr().err
