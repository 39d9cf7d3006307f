"""Reads changed copies of a file of one format; run as a child process, whose memory is limited.

Usage: python -m tests.fuzz.run_fuzz FOLDER FORMAT:COUNT[:FIRST SEED]...

Prints the seeds whose reading ended in anything else than success or an `EmoliveError`; the exit code is
their number. A crash ends the process.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from emolive.errors import EmoliveError
from tests.helpers.mutations import change_bytes, change_json

MEMORY_BYTES = 6 << 30
"""Of addresses: torch alone reserves more than 3 GB of them."""

Reader = Callable[[random.Random], None]
"""Writes a changed file and reads it."""


def _checkpoint(folder: Path) -> Reader:
    from emolive.models.factory import build
    from emolive.models.io import checkpoint
    from tests.helpers.checkpoints import SMALL

    path = folder / "model.safetensors"
    checkpoint.save(path, build(SMALL), provenance={"licence": "none"})
    content = path.read_bytes()
    return _safetensors(path, content, "emolive", checkpoint.load)


def _backbone(folder: Path) -> Reader:
    from emolive.models.input_spec import PixelSpec
    from emolive.models.io.backbone import FaceClassifier, load_backbone, save_backbone

    path = folder / "backbone.safetensors"
    save_backbone(path, FaceClassifier(("a", "b"), PixelSpec(size=32)), provenance={})
    return _safetensors(path, path.read_bytes(), "emolive-backbone", load_backbone)


def _safetensors(path: Path, content: bytes, entry: str, load: Callable[[Path], Any]) -> Reader:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    values = json.loads(header["__metadata__"][entry])

    def read(rng: random.Random) -> None:
        if rng.random() < 0.3:
            changed = change_bytes(content, rng)
        else:
            text = change_json(values, rng).decode(errors="replace")
            new = json.dumps({**header, "__metadata__": {entry: text}}).encode()
            changed = len(new).to_bytes(8, "little") + new + content[8 + length :]
        path.write_bytes(changed)
        load(path)

    return read


def _onnx(folder: Path) -> Reader:
    import onnx

    from emolive.models.factory import build
    from emolive.models.io import checkpoint
    from emolive.models.io.onnx import load
    from emolive.models.io.onnx_export import export_onnx
    from tests.helpers.checkpoints import SMALL

    source, path = folder / "model.safetensors", folder / "model.onnx"
    checkpoint.save(source, build(SMALL), provenance={})
    export_onnx(source, path)
    content = path.read_bytes()
    model = onnx.load_model_from_string(content)
    (entry,) = (prop for prop in model.metadata_props if prop.key == "emolive")
    values = json.loads(entry.value)

    def read(rng: random.Random) -> None:
        if rng.random() < 0.5:
            path.write_bytes(change_bytes(content, rng))
        else:
            entry.value = change_json(values, rng).decode(errors="replace")
            path.write_bytes(model.SerializeToString())
        load(path)

    return read


def _published(folder: Path) -> Reader:
    import torch

    from emolive.models.io.chumachenko2022 import convert_checkpoint
    from tests.helpers.checkpoints import published_ia

    path = folder / "published.pth"
    _, weights = published_ia()
    torch.save({"state_dict": weights}, path)
    content = path.read_bytes()
    odd = (
        torch.zeros(1).expand(10**12),
        torch.zeros(1, dtype=torch.float16).expand(10**12),
        torch.zeros(()),
        torch.zeros(3, dtype=torch.complex64),
        torch.zeros(3, 3).to_sparse(),
        torch.full((8,), float("nan")),
        torch.zeros(8, dtype=torch.int8),
        None,
        "text",
        [1, 2],
    )

    def read(rng: random.Random) -> None:
        if rng.random() < 0.5:
            path.write_bytes(change_bytes(content, rng))
        else:
            changed: dict[Any, Any] = dict(weights)
            name = rng.choice([*changed, "module.classifier_1.0.weight"])
            match rng.randrange(4):
                case 0:
                    del changed[name]
                case 1:
                    changed[f"{name}.x"] = changed[name]
                case 2:
                    changed[rng.randrange(3)] = changed[name]
                case _:
                    changed[name] = rng.choice(odd)
            torch.save(
                rng.choice(({"state_dict": changed}, {"state_dict": changed}, changed, [changed])), path
            )
        convert_checkpoint(path)

    return read


def _baseline(folder: Path) -> Reader:
    from emolive import profile
    from emolive.models.input_spec import AudioSpec
    from emolive.models.spec import ModelSpec

    os.environ["EMOLIVE_HOME"] = str(folder)
    spec = ModelSpec(encoders=("landmarks",), landmarker="dlib68", audio=AudioSpec(kind="logmel", n_mels=8))
    saved = profile.SpeakerProfile(spec, "ann")
    path = saved.save()
    values = json.loads(path.read_text())
    older = {
        "format": 1,
        "face": {**values["video"], "measure": "geometry"},
        "voice": {**values["audio"], "measure": "logmel"},
    }

    def read(rng: random.Random) -> None:
        path.write_bytes(change_json(rng.choice((values, values, older)), rng))
        profile.SpeakerProfile(spec, "ann").load()

    return read


def _annotations(folder: Path) -> Reader:
    from preprocessing import annotations

    rows = [["id", "video", "audio", "label", "actor", "split"]]
    rows += [[f"c{i}", f"v/{i}.mp4", "a.npz#k", "calm", str(i % 4), "train"] for i in range(6)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    contents = {
        ".csv": text.getvalue().encode(),
        ".txt": b"a/Actor_01/01-01-03-01-02-01-12_facecroppad.npy;a.wav;3;training\n" * 2,
    }

    def read(rng: random.Random) -> None:
        suffix = rng.choice(tuple(contents))
        path = folder / f"annotations{suffix}"
        path.write_bytes(change_bytes(contents[suffix], rng))
        annotations.read(path, check_files=rng.random() < 0.5)

    return read


def _landmarks(folder: Path) -> Reader:
    import numpy as np

    from emolive.models.spec import ModelSpec
    from preprocessing.annotations import Annotations, ClipEntry
    from preprocessing.array_archive import ArrayArchive
    from preprocessing.mean_shape import read_faces
    from training.clip_reader import ClipReader

    spec = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean")
    path = folder / "landmarks.npz"
    key = "01-01-03-01-02-01-12"
    points = np.random.default_rng(0).uniform(0, 200, (6, 68, 2)).astype(np.float32)
    good = {f"{key}/xy": points, f"{key}/frame": np.arange(6), f"{key}/rate": np.array(30.0)}
    np.savez(path, **good)
    content = path.read_bytes()
    compressed = io.BytesIO()
    np.savez_compressed(compressed, **good)
    odd: tuple[Any, ...] = (
        np.array(["text"]),
        np.zeros((6, 68, 3)),
        np.zeros((0, 68, 2)),
        np.full((6, 68, 2), np.nan),
        np.full((6, 68, 2), 1e300),
        np.zeros((6, 68, 2), complex),
        np.array(-1.0),
        np.array(np.nan),
        np.array(1e-300),
        np.arange(6)[::-1].copy(),
        np.array([0, 1, 2, 3, 4, 2**62]),
        np.array([0, 1, 2, 3, 4, np.inf]),
        np.zeros(3, dtype="datetime64[s]"),
        np.zeros(3, dtype=[("a", "f4")]),
        np.array([None], dtype=object),
    )

    def read(rng: random.Random) -> None:
        match rng.randrange(3):
            case 0:
                path.write_bytes(change_bytes(content, rng))
            case 1:
                path.write_bytes(change_bytes(compressed.getvalue(), rng))
            case _:
                np.savez(path, **{**good, rng.choice(tuple(good)): rng.choice(odd)})
        item = ClipEntry("c", f"{path.name}#{key}", "", "calm")
        readers: tuple[Callable[[], object], ...] = (
            lambda: ArrayArchive(path).close(),
            lambda: read_faces(path, [], 1),
            lambda: ClipReader(Annotations((item,), folder), spec).read(item),
        )
        for reader in readers:
            try:
                reader()
            except EmoliveError:
                continue

    return read


def _settings(folder: Path) -> Reader:
    from emolive.gui.ui_settings import UiSettings, with_remembered
    from emolive.session.config import SessionConfig
    from emolive.session.session import Session

    os.environ["EMOLIVE_HOME"] = str(folder)
    content = (
        b"[session]\nfusion=it\nbaseline=neutral\nperson=ann\n\n[view]\nmirror=true\n"
        b"geometry=@ByteArray(\\x1\\xd9\\xd0\\xcb\\0\\x3\\0\\0)\n"
    )
    values = (b"it", b"neutral", b"ann", b"true")
    odd = (
        b"no-such",
        b"@Variant(\\0\\0\\0\\x7f)",
        b"",
        b"@Invalid()",
        b"a, b",
        b"\xff\xfe",
        b"x" * 9000,
        b"1e9",
    )

    def read(rng: random.Random) -> None:
        changed = content.replace(rng.choice(values), rng.choice(odd))
        (folder / "window.ini").write_bytes(change_bytes(changed, rng) if rng.random() < 0.5 else changed)
        Session(with_remembered(SessionConfig(source="demo"))).stop()
        settings = UiSettings()
        settings.flag("mirror", True)
        settings.geometry()

    return read


def _configuration(folder: Path) -> Reader:
    from emolive.cli.config import parse_options
    from emolive.cli.run import RunOptions

    path = folder / "options.yaml"
    values = {"source": "demo", "duration": 3.0, "loop": True, "fusion": "ia", "jsonl": "a.jsonl"}

    def read(rng: random.Random) -> None:
        path.write_bytes(change_json(values, rng))
        parse_options(RunOptions, ["--config", str(path)], prog="emolive run")

    return read


def _media(folder: Path) -> Reader:
    import numpy as np

    from emolive.capture.decode import iter_media
    from emolive.types import Frame
    from tests.helpers.media import chirp, write_media

    sound = np.stack([chirp(0.4)] * 2)
    kinds = (
        ("mp4", "aac"),
        ("mkv", "pcm_s16le"),
        ("mov", "aac"),
        ("avi", "pcm_s16le"),
        ("ts", "aac"),
        ("flac", "flac"),
    )
    contents = {}
    for suffix, codec in kinds:
        path = folder / f"clip.{suffix}"
        frames = None if suffix == "flac" else [40 * i for i in range(10)]
        write_media(path, frame_ms=frames, sound=sound, audio_codec=codec, codec="mpeg4")
        contents[path] = path.read_bytes()

    def read(rng: random.Random) -> None:
        path = rng.choice(tuple(contents))
        path.write_bytes(change_bytes(contents[path], rng))
        for item in iter_media(path):
            if isinstance(item, Frame):
                _ = item.image

    return read


def _spans(folder: Path) -> Reader:
    from emolive.recording.spans import add_spans, load_spans

    path = folder / "spans.json"
    values = [{"start_s": 1.5 * i, "end_s": 1.5 * i + 1, "label": label} for i, label in enumerate("abc")]

    def read(rng: random.Random) -> None:
        path.write_bytes(change_json(values, rng))
        add_spans((), load_spans(path))

    return read


def _recording(folder: Path) -> Reader:
    """The folder of a recording, up to its report."""
    from emolive.recording.folder import JSONL_NAME, MEDIA_NAME, SETTINGS_NAME, read_recording
    from emolive.recording.report import report_html
    from emolive.recording.report_subject import recording_subject
    from tests.helpers.estimates import make_estimate

    (folder / MEDIA_NAME).touch()
    settings = {
        "format": 1,
        "started": "2026-11-26T13:00:00",
        "session": {"person": "ann", "source": "demo"},
        "is_synthetic": False,
        "ended": {"seconds": 3.0, "frames": 90, "frames_dropped": 2},
    }
    rows: list[dict[str, Any]] = [
        {**make_estimate(t_s=0.24 * i).to_dict(), "media_s": 0.24 * i, "wall_time": "2026-11-26T13:00:00.240"}
        for i in range(1, 9)
    ]

    def read(rng: random.Random) -> None:
        is_of_settings, odd = rng.random() < 0.3, rng.randrange(len(rows))
        changed = change_json(settings if is_of_settings else rows[odd], rng)
        (folder / SETTINGS_NAME).write_bytes(changed if is_of_settings else json.dumps(settings).encode())
        lines = [json.dumps(row).encode() for row in rows]
        if not is_of_settings:
            lines[odd] = changed.replace(b"\n", b" ")
        (folder / JSONL_NAME).write_bytes(b"\n".join(lines))
        (folder / "report.html").write_text(
            report_html(recording_subject(read_recording(folder))), encoding="utf-8"
        )

    return read


def _archives(folder: Path) -> Reader:
    import tarfile
    import zipfile

    from preprocessing.archives import list_archive, local_file

    clip = random.Random(0).randbytes(3000)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b.mp4", clip)
    contents: dict[str, bytes] = {}
    for suffix in ("zip", "tar", "tar.gz"):
        file = io.BytesIO()
        if suffix == "zip":
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("Actor_01/a.mp4", clip)
                archive.writestr("inner.zip", inner.getvalue())
        else:
            with tarfile.open(fileobj=file, mode="w:gz" if suffix == "tar.gz" else "w") as tar:
                member = tarfile.TarInfo("Actor_01/a.mp4")
                member.size = len(clip)
                tar.addfile(member, io.BytesIO(clip))
        contents[suffix] = file.getvalue()

    def read(rng: random.Random) -> None:
        suffix = rng.choice(tuple(contents))
        path = folder / f"clips.{suffix}"
        path.write_bytes(change_bytes(contents[suffix], rng))
        for name in list_archive(path).members:
            try:
                with local_file(path / name) as copy:
                    copy.read_bytes()
            except EmoliveError:
                continue

    return read


FORMATS: dict[str, Callable[[Path], Reader]] = {
    "checkpoint": _checkpoint,
    "backbone": _backbone,
    "onnx": _onnx,
    "published": _published,
    "baseline": _baseline,
    "annotations": _annotations,
    "landmarks": _landmarks,
    "settings": _settings,
    "configuration": _configuration,
    "spans": _spans,
    "recording": _recording,
    "archives": _archives,
    "media": _media,
}


def failures(reader: Reader, seeds: Iterator[int]) -> int:
    """Read once for each seed; the number of other exceptions than `EmoliveError`."""
    failed = 0
    for seed in seeds:
        try:
            reader(random.Random(seed))
        except EmoliveError as error:
            if not str(error) or "\n" in str(error):
                failed += 1
                sys.stdout.write(f"seed {seed}: not one sentence: {error!r}\n")
        except Exception:  # noqa: BLE001 (any other is what is looked for)
            failed += 1
            sys.stdout.write(f"seed {seed}:\n{traceback.format_exc()}\n")
    return failed


def main(arguments: list[str]) -> int:
    import resource  # not on Windows

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    failed = 0
    for argument in arguments[1:]:
        name, count, first = (*argument.split(":"), "0")[:3]
        folder = Path(arguments[0]) / name
        folder.mkdir()
        sys.stdout.write(f"{name} …\n")
        sys.stdout.flush()
        seeds = range(int(first), int(first) + int(count))
        n = failures(FORMATS[name](folder), iter(seeds))
        sys.stdout.write(f"{name}: {n} of {count} failed\n")
        failed += n
    return min(failed, 100)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
