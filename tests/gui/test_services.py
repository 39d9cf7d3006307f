"""The fusions that the window offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive.gui.services import registered_fusions
from emolive.gui.strings import fusion_title
from emolive.plugins import FUSIONS


def test_shipped_fusions_can_be_chosen() -> None:
    shipped = [(fusion.name, fusion.problem) for fusion in registered_fusions()]
    assert shipped == [("lt", ""), ("it", ""), ("ia", "")]


def test_a_fusion_without_a_checkpoint_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "ia.safetensors").write_bytes(b"x")
    problems = {fusion.name: fusion.problem for fusion in registered_fusions()}
    assert problems["ia"] == ""
    assert problems["lt"] == "There is no checkpoint of the fusion lt: train one and load it."


def test_a_registered_fusion_without_weights_is_listed_with_the_reason() -> None:
    FUSIONS.register("mine", title="my fusion")(object)
    try:
        *shipped, registered = registered_fusions()
    finally:
        FUSIONS.unregister("mine")
    assert [fusion.problem for fusion in shipped] == ["", "", ""]
    assert registered.title == "my fusion"
    assert "no checkpoint of the fusion mine" in registered.problem


def test_titles_of_fusions() -> None:
    assert fusion_title("lt", "late transformer") == "Late transformer (lt)"
    assert fusion_title("mine", "mine") == "mine"
