"""The runtime in use is reported, with the reason if it is not the requested one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emolive.cli import main

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def test_a_session_reports_its_runtime(watch: Callable[..., Any]) -> None:
    one = watch("demo", backend="onnx", mic="none")
    one.until(lambda: one.session.model_settled, "the model")
    status = one.status("model")
    assert status.code == "ready"
    assert "by ONNX Runtime" in status.text


def test_a_session_reports_the_fallback_to_torch(
    watch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    one = watch("demo", backend="onnx", mic="none")
    one.until(lambda: one.session.model_settled, "the model")
    status = one.status("model")
    assert (status.level, status.code) == ("warning", "fallback")
    assert "plain torch is used instead" in status.text
    assert one.until_estimates()


def test_analyze_reports_the_fallback_to_torch(
    clips: dict[str, Path],
    random_checkpoint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    given = ["--checkpoint", str(random_checkpoint("ia")), "--format", "jsonl", "--backend", "onnx"]
    assert main(["analyze", str(clips["audio_only"]), *given]) == 0
    told = capsys.readouterr()
    assert told.out.count("\n") > 5
    assert told.err.strip().endswith("plain torch is used instead.")
