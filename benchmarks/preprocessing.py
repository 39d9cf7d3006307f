"""Clips a second of our preprocessing, against decoding everything and MTCNN on 15 full frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks import fixtures
from benchmarks.mtcnn import Mtcnn
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive import paths as settings
from emolive.capture.decode import iter_media
from emolive.errors import EmoliveError
from emolive.types import Frame
from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor
from preprocessing.output import OutputFolder
from preprocessing.records import PreprocessConfig

CLIP_S = 4.0
TURNS = 2
TARGET = 10.0
BOTTLENECK = "Decoding the video, which both need, takes a large part of the time."
FRAMES = 15


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`preprocess`: one process, one thread; crops, landmarks and sound are written."""
    torch.set_num_threads(1)
    paths, kind = _clips(config)
    root = paths[0].parent
    processor = ClipProcessor(
        root, OutputFolder(config.folder / "prepared"), PreprocessConfig(), ("faces", "audio")
    )
    clips = [ClipEntry(path.stem, path.name, path.name, "happy", "1", "") for path in paths]
    own_s, reference_s = 0.0, 0.0
    try:
        mtcnn, reason = Mtcnn(), ""
    except EmoliveError as error:
        mtcnn, reason = None, str(error)
    processor(clips[0])
    for _ in range(TURNS):
        own_s += _cpu_s(lambda: [processor(clip) for clip in clips])
        if mtcnn is not None:
            reference_s += _cpu_s(lambda: [_reference(path, mtcnn) for path in paths])
    count = TURNS * len(clips)
    yield Measurement("preprocess.clips", "preprocessing", count / own_s, "clips a CPU second", note=kind)
    if mtcnn is None:
        yield Measurement("preprocess.mtcnn", "  decode all, MTCNN on 15 frames", note=reason)
        return
    yield Measurement(
        "preprocess.mtcnn", "  decode all, MTCNN on 15 frames", count / reference_s, "clips a CPU second"
    )
    yield Measurement(
        "preprocess.ratio",
        "  times more",
        reference_s / own_s,
        "×",
        TARGET,
        at_least=True,
        bottleneck=BOTTLENECK,
    )


def _clips(config: BenchmarkConfig) -> tuple[list[Path], str]:
    """Clips of one folder: real ones if there are any, else a drawn one."""
    real = sorted((settings.data_dir() / "ravdess" / "video").resolve().rglob("*.mp4"))
    if real:
        same_actor = [path for path in real if path.parent == real[0].parent][:4]
        return same_actor, f"{len(same_actor)} RAVDESS clips"
    return [fixtures.write_clip(config.folder / "clip.mp4", CLIP_S, fixtures.HD)], "a drawn clip, 1280x720"


def _cpu_s(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _reference(path: Path, mtcnn: Mtcnn) -> int:
    """All frames decoded, 15 of them searched in full and in RGB, as published; how many had a face."""
    frames = [item.image for item in iter_media(path, audio=False) if isinstance(item, Frame)]
    return sum(bool(mtcnn.detect(frames[i * len(frames) // FRAMES])) for i in range(FRAMES))
