"""The example plug-ins for models and vision run unchanged."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from emolive.plugins import FACE_TRACKERS, FRAME_ENCODERS, FUSIONS
from emolive.registry import Registry

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("file", "registry", "name", "output"),
    [
        ("plugin_fusion.py", FUSIONS, "gated", "neutral"),
        ("plugin_frame_encoder.py", FRAME_ENCODERS, "grid", "0."),
        ("plugin_face_tracker.py", FACE_TRACKERS, "centre", "the tip of the nose is at x = "),
    ],
)
def test_it_runs(
    file: str, registry: Registry, name: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        runpy.run_path(str(EXAMPLES / file), run_name="__main__")
        assert name in registry
        assert capsys.readouterr().out.startswith(output)
    finally:
        registry.unregister(name)
