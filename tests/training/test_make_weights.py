"""The commands that make the shipped weights, without what they do: their order, files and options."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from emolive.cli.parser import OptionsParser
from training import config, fit_opinion_pool, fit_stream_reading
from training.backbone import config as backbone_config
from training.commands import CrossvalOptions

SCRIPT = Path(__file__).parents[2] / "tools" / "make_weights.sh"
PROGRAM = """#!/bin/sh
for word in "$(basename "$0")" "$@"; do printf "'%s' " "$word" >> "$LOG"; done
echo >> "$LOG"
while [ $# -gt 1 ]; do
    case $1 in
        --result_path) mkdir -p "$2"; touch "$2/backbone.safetensors" "$2/model.safetensors" ;;
        --out) touch "$2" ;;
    esac
    shift
done
"""


def commands(folder: Path, *options: str) -> list[list[str]]:
    """The arguments of each program that the script calls, with the program before them."""
    programs, data, work = folder / "bin", folder / "data", folder / "work"
    programs.mkdir()
    for name in ("emolive-train", "emolive-preprocess", "python"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    for name in ("ferplus/ferplus.zip", "strangers/truth.json", "ravdess/portraits/Actor_02.png"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    if options:
        shutil.copytree(data, work / "data")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", str(SCRIPT), *options, str(data), str(work)],
        cwd=folder,
        env={**os.environ, "PATH": path, "LOG": str(folder / "log")},
        check=True,
        capture_output=True,
    )
    return [shlex.split(line) for line in (folder / "log").read_text().splitlines()]


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh")
@pytest.mark.parametrize("options", [(), ("--rehearse",)])
def test_every_step_is_a_command_with_options_that_are_there(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    kinds = []
    for program, *argv in commands(tmp_path, *options):
        kinds.append(" ".join((program, *argv[: 2 if argv[0] == "-m" else 1])))
        if program == "emolive-train" and argv[0] == "backbone":
            backbone_config.parse(argv[1:], prog="x", description="")
        elif program == "emolive-train":
            extra = (CrossvalOptions,) if argv[0] == "crossval" else ()
            parsed = config.parse(argv[len(extra) :], prog="x", extra=extra)
            assert parsed[0].shifts == (1 if options else 3)
        elif argv[:2] == ["-m", "training.fit_stream_reading"]:
            OptionsParser(fit_stream_reading.FitOptions, prog="x").parse(argv[2:])
        elif argv[:2] == ["-m", "training.fit_opinion_pool"]:
            OptionsParser(fit_opinion_pool.FitOptions, prog="x").parse(argv[2:])
    of_fusion = [
        "emolive-train crossval",
        "emolive-train --annotation_path",
        "python -m training.fit_stream_reading",
    ]
    assert kinds == [
        "python -m preprocessing.mean_shape",
        "emolive-preprocess landmarks",
        *["emolive-train backbone"] * 3,
        *of_fusion * 3,
        "python -m training.fit_opinion_pool",
        "python -m training.model_card",
        *([] if options else ["python tools/asset_digests.py"]),
    ]
    assets = tmp_path / ("work/assets" if options else "assets") / "models"
    assert sorted(path.name for path in assets.iterdir()) == [
        f"{name}.safetensors" for name in ("efficientface", "ia", "it", "lt")
    ]
    assert (tmp_path / "assets").exists() == (not options), "a rehearsal leaves the shipped files as they are"
