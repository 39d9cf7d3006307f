"""The checks of `emolive doctor`. Nothing in them is private: no name of a user, a host or a folder, no
serial number, no picture and no sound."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emolive import paths
from emolive.capture import devices
from emolive.capture.camera import CameraSource
from emolive.capture.microphone import MicrophoneSource
from emolive.capture.trial import Trial, try_source
from emolive.errors import EmoliveError
from emolive.gui.display import has_display
from emolive.types import Severity

PACKAGES = (
    "torch",
    "onnxruntime",
    "opencv-python",
    "mediapipe",
    "av",
    "sounddevice",
    "PySide6-Essentials",
    "numpy",
    "onnx",
)
_OPTIONAL = {"onnx"}
_DARK, _QUIET_DBFS, _SLOW_HZ = 8.0, -75.0, 12.0
_MIN_FREE_BYTES = 200 << 20
_OWNER = re.compile(r"^.{1,60}?['’]s?\s+(?=\S)")

PERMISSIONS = {
    "Darwin": (
        "System Settings > Privacy & Security > Camera, and > Microphone: switch on the terminal or app that "
        "starts emolive, then start it again."
    ),
    "Windows": (
        "Settings > Privacy & security > Camera, and > Microphone: switch on access, also for desktop apps."
    ),
    "Linux": (
        "Your user needs access to /dev/video* and /dev/snd: sudo usermod -aG video,audio $USER, then log in "
        "again; for a Flatpak or Snap, permit camera and audio in the software settings."
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    area: str
    """system, packages, models, runtimes, cameras, microphones, permissions, files."""
    name: str
    level: Severity
    text: str
    """A sentence or a few words."""
    values: dict[str, Any] = field(default_factory=dict)
    """Numbers for programs."""


def examine(seconds: float, source: str | None = None) -> Iterator[Finding]:
    """Run all checks, one after another.

    Args:
        seconds: length of the trial of each device.
        source: another camera to try: a stream's address, a path or a name.
    """
    yield from _system()
    yield from _packages()
    yield from _models()
    yield from _runtimes()
    yield from _files()
    yield from _cameras(seconds, source)
    yield from _microphones(seconds)
    yield from _permissions()


def impersonal(name: str) -> str:
    """A device's name without the name of its owner: "Ann's AirPods" → "AirPods"."""
    return _OWNER.sub("", name)


def _system() -> Iterator[Finding]:
    version = importlib.metadata.version("emolive")
    yield Finding("system", "emolive", "ok", version)
    where = "in a virtual environment" if sys.prefix != sys.base_prefix else "of the system"
    yield Finding("system", "Python", "ok", f"{platform.python_version()} {where}")
    text = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors"
    yield Finding("system", "computer", "ok", text)
    if has_display():
        yield Finding("system", "display", "ok", "there is one")
    else:
        yield Finding("system", "display", "info", "none: emolive run needs --headless here")


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding("packages", name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            if name in _OPTIONAL:
                yield Finding("packages", name, "info", "not installed: emolive[onnx] has it, for ONNX files")
            else:
                yield Finding("packages", name, "error", "not installed: install emolive again")


def _models() -> Iterator[Finding]:
    for path in paths.asset_files(paths.assets_dir()):
        name = path.relative_to(paths.assets_dir()).as_posix()
        try:
            paths.asset(*name.split("/"))
        except EmoliveError:
            yield Finding("models", name, "error", "was changed or is damaged: install emolive again")
        else:
            yield Finding("models", name, "ok", "as shipped")


def _runtimes() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError):
        yield Finding("runtimes", "torch", "error", "cannot be loaded: install emolive again")
        return
    yield Finding("runtimes", "eager, folded", "ok", f"on the processor, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        yield Finding("runtimes", "cuda", "ok", torch.cuda.get_device_name(0))
    if torch.backends.mps.is_available():
        yield Finding("runtimes", "mps", "ok", "available")
    missing = [name for name in ("onnxruntime", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding("runtimes", "onnx", "info", f"{', '.join(missing)} not installed: emolive[onnx] has it")
    else:
        yield Finding("runtimes", "onnx", "ok", "available")


def _files() -> Iterator[Finding]:
    """Whether settings and baselines can be saved; the folder itself is not shown."""
    folder = paths.user_dir()
    existing = next((p for p in (folder, *folder.parents) if p.is_dir()), Path(folder.anchor or "."))
    if not os.access(existing, os.W_OK):
        yield Finding("files", "user folder", "error", "cannot be written: baselines would be lost")
        return
    free = shutil.disk_usage(existing).free
    level: Severity = "ok" if free >= _MIN_FREE_BYTES else "warning"
    text = f"can be written, {free / 2**30:.1f} GB are free"
    yield Finding("files", "user folder", level, text, {"free_bytes": free})


def _cameras(seconds: float, source: str | None) -> Iterator[Finding]:
    try:
        import emolive._compat.opencv  # noqa: F401 (its absence is a finding)
    except EmoliveError as error:
        yield Finding("cameras", "OpenCV", "error", str(error))
        return
    texts = {device.lasting_text: impersonal(device.name) for device in devices.cameras()}
    if source is not None:
        from emolive.capture.source_spec import parse_source

        texts[source] = parse_source(source).title
    if not texts:
        yield Finding("cameras", "cameras", "warning", "none found: connect one, or check the permissions")
    for text, name in texts.items():
        try:
            yield _camera_finding(name, try_source(CameraSource(text), seconds))
        except EmoliveError as error:
            yield Finding("cameras", name, "error", impersonal(str(error)))


def _camera_finding(name: str, trial: Trial) -> Finding:
    values: dict[str, Any] = {
        "frames": trial.frames,
        "frame_rate_hz": round(trial.frame_rate_hz, 1),
        "size_px": trial.size_px,
        "luma": None if trial.luma is None else round(trial.luma),
        "first_s": None if trial.first_s is None else round(trial.first_s, 2),
    }
    if not trial.frames or trial.size_px is None or trial.luma is None:
        text = trial.problem or "delivers no picture: check that no other program uses it"
        return Finding("cameras", name, "error", text, values)
    text = f"{trial.size_px[0]} x {trial.size_px[1]}, {trial.frame_rate_hz:.0f} pictures a second"
    if trial.problem:
        return Finding("cameras", name, "warning", f"{text}; {trial.problem}", values)
    if trial.luma < _DARK:
        return Finding("cameras", name, "warning", f"{text}; black: is it covered?", values)
    if trial.frame_rate_hz < _SLOW_HZ:
        return Finding("cameras", name, "warning", f"{text}; slow: more light helps most cameras", values)
    return Finding("cameras", name, "ok", text, values)


def _microphones(seconds: float) -> Iterator[Finding]:
    found = devices.microphones(refresh=True)
    try:
        from emolive.capture import portaudio

        portaudio.sounddevice()
    except EmoliveError as error:
        yield Finding("microphones", "PortAudio", "error", str(error))
        return
    if not found:
        yield Finding("microphones", "microphones", "warning", "none found: connect one")
    for device in found:
        name = f"{impersonal(device.name)}{' (default)' if device.default else ''}"
        try:
            yield _microphone_finding(name, try_source(MicrophoneSource(device.lasting_text), seconds))
        except EmoliveError as error:
            yield Finding("microphones", name, "error", impersonal(str(error)))


def _microphone_finding(name: str, trial: Trial) -> Finding:
    values: dict[str, Any] = {
        "blocks": trial.blocks,
        "sample_rate_hz": trial.sample_rate_hz,
        "level_dbfs": None if trial.level_dbfs is None else round(trial.level_dbfs, 1),
        "first_s": None if trial.first_s is None else round(trial.first_s, 2),
    }
    if trial.level_dbfs is None:
        text = trial.problem or "delivers no sound: check that it is permitted"
        return Finding("microphones", name, "error", text, values)
    text = f"{trial.sample_rate_hz} Hz, level {trial.level_dbfs:.0f} dBFS"
    if trial.problem or trial.level_dbfs < _QUIET_DBFS:
        problem = trial.problem or "very quiet: unmute it or turn it up"
        return Finding("microphones", name, "warning", f"{text}; {problem}", values)
    return Finding("microphones", name, "ok", text, values)


def _permissions() -> Iterator[Finding]:
    system = platform.system()
    where = PERMISSIONS.get(system, PERMISSIONS["Linux"])
    if system != "Linux":
        yield Finding("permissions", "camera and microphone", "info", where)
        return
    nodes = [*Path("/dev").glob("video*"), *Path("/dev/snd").glob("pcm*c")]
    refused = [str(node) for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
    if refused:
        text = f"no access to {', '.join(sorted(refused)[:4])}. {where}"
        yield Finding("permissions", "devices", "error", text)
    else:
        yield Finding("permissions", "devices", "ok", f"nothing is refused. If a device is missing: {where}")
