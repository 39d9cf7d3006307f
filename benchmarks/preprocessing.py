"""Clips that preprocessing handles per second of CPU time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks import fixtures
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.paths import data_dir
from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor
from preprocessing.output import OutputFolder
from preprocessing.records import PreprocessConfig

CLIP_S = 4.0
ROUNDS = 2


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`preprocess`: one process, one thread; crops, landmarks and audio are written."""
    torch.set_num_threads(1)
    paths, description = _clips(config)
    output = OutputFolder(config.folder / "prepared")
    processor = ClipProcessor(paths[0].parent, output, PreprocessConfig(), ("faces", "audio"))
    clips = [ClipEntry(path.stem, path.name, path.name, "happy", "1", "") for path in paths]
    processor(clips[0])
    start_s = time.process_time()
    for _ in range(ROUNDS):
        for clip in clips:
            processor(clip)
    rate = ROUNDS * len(clips) / (time.process_time() - start_s)
    yield Measurement("preprocess.clips", "preprocessing", rate, "clips a CPU second", note=description)


def _clips(config: BenchmarkConfig) -> tuple[list[Path], str]:
    """Real clips of one folder if available, otherwise a synthetic one; and their description."""
    real = sorted((data_dir() / "ravdess" / "video").rglob("*.mp4"))
    if real:
        clips = [path for path in real if path.parent == real[0].parent][:4]
        return clips, f"{len(clips)} RAVDESS clips"
    return [fixtures.write_clip(config.folder / "clip.mp4", CLIP_S, fixtures.HD)], "a drawn clip, 1280x720"
