"""`emolive sync-test`: how far apart picture and sound of a camera and a microphone arrive."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError, DeviceError, MissingDependencyError
from emolive.user_output import check_replaceable

if TYPE_CHECKING:
    from emolive.capture.flash_beep import SyncMeter, SyncResult

MIN_PAIRS = 4
SETTLE_S = 1.0
CLIP_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class SyncTestOptions:
    """Measure how far apart the picture of a camera and the sound of a microphone arrive.

    Write a clip of flashes and beeps with --make FILE, and play it on a phone, loud and bright, before the
    camera while this command runs. It prints the median offset (p50), which --av-offset-ms of run and analyze
    takes, and the 95th percentile of the distances (p95).
    """

    make: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the clip (mp4) instead of measuring."""
    overwrite: bool = False
    """Replace the file of --make if it exists."""
    source: Annotated[str, Arg(metavar="S")] = "auto"
    """Camera, stream's address or media file; auto is the default camera."""
    mic: Annotated[str, Arg(metavar="M")] = "auto"
    """Microphone; auto is the audio of the file, or the default microphone beside a camera."""
    seconds: Annotated[float, Range(5, 600), Arg(metavar="S")] = 20.0
    """How long to measure."""
    virtual: bool = False
    """Measure a camera and a microphone that this command plays itself (needs a checkout)."""
    json: bool = False
    """Print JSON."""


def sync_test(options: SyncTestOptions) -> int:
    """Measure and print the offset.

    Raises:
        DeviceError: no flashes were seen, or no beeps heard.
    """
    if options.make is not None:
        return _make(options.make, overwrite=options.overwrite)
    if options.virtual:
        with _virtual_devices() as (source, mic):
            result = measure(source, mic, options.seconds)
    else:
        result = measure(options.source, options.mic, options.seconds)
    _print(result, as_json=options.json)
    return 0


def measure(source: str, mic: str, seconds: float) -> SyncResult:
    """Open a source and a microphone as a session does, and compare what they deliver.

    Raises:
        EmoliveError: they cannot be opened, or deliver no flashes and beeps.
    """
    from emolive.capture.factory import resolve
    from emolive.capture.flash_beep import SyncMeter
    from emolive.capture.source_spec import parse_source
    from emolive.session.stream_opening import open_stream

    if resolve(parse_source(source)).kind in ("demo", "none"):
        raise ConfigError("There is no camera to measure: name one with --source.")
    stream = open_stream(source, mic, paced=True, loop=False, window_s=seconds)
    if stream.audio_info is None:
        raise DeviceError("There is no sound to measure: name a microphone with --mic.")
    meter = SyncMeter(seconds + SETTLE_S + 1)
    listeners = [_Part(meter, video=part.uses_video, audio=part.uses_audio) for _, part in stream.sources]
    start_ns = time.monotonic_ns()
    opened = [opened_source for opened_source, _ in stream.sources]
    try:
        for opened_source, listener in zip(opened, listeners, strict=True):
            opened_source.start(listener, start_ns)
        deadline_s = time.monotonic() + seconds + SETTLE_S
        while time.monotonic() < deadline_s and not any(part.has_ended for part in listeners):
            time.sleep(_POLL_S)
    finally:
        for opened_source in opened:
            opened_source.stop()
    result = meter.result()
    if len(result.offsets_ms) < MIN_PAIRS:
        raise DeviceError(_nothing_found(meter))
    return result


class _Part:
    """Passes on what a source is used for."""

    def __init__(self, meter: SyncMeter, *, video: bool, audio: bool) -> None:
        self._meter = meter
        self.on_frame = meter.on_frame if video else _ignore
        self.on_audio = meter.on_audio if audio else _ignore
        self.on_status = meter.on_status
        self.has_ended = False

    def on_end(self) -> None:
        self.has_ended = True


def _ignore(_: object) -> None:
    return


def _nothing_found(meter: SyncMeter) -> str:
    for text in meter.problems.values():
        return text
    if not meter.frames_ns:
        return "No picture arrived: check the camera with emolive doctor."
    if len(meter.flashes_ns) < MIN_PAIRS:
        return (
            "No flashes were seen: play the clip of --make on a bright screen near the camera, in a room "
            "that is not too light."
        )
    if meter.ring is None:
        return "No sound arrived: check the microphone with emolive doctor."
    return "No beeps were heard: play the clip of --make louder, or bring it nearer to the microphone."


def _make(path: Path, *, overwrite: bool) -> int:
    from emolive.atomic_io import atomic_write
    from emolive.capture.flash_beep import write_clip

    check_replaceable(path, allowed=overwrite)
    with atomic_write(path) as part:
        write_clip(part, CLIP_S)
    sys.stdout.write(f"{path}: play it on a phone before the camera while emolive sync-test runs.\n")
    return 0


@contextmanager
def _virtual_devices() -> Iterator[tuple[str, str]]:
    """A camera and a microphone that show and play the same flashes and beeps."""
    try:
        from benchmarks.virtual_flash import flashing_devices
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "The virtual devices are in the folder benchmarks of the repository, not in the installed "
            "package: run emolive sync-test --virtual in a checkout."
        ) from error
    with flashing_devices() as devices:
        yield devices


def _print(result: SyncResult, *, as_json: bool) -> None:
    p50, p95 = result.p50_ms, result.p95_ms
    if as_json:
        content = {
            "pairs": len(result.offsets_ms),
            "p50_ms": round(p50, 2),
            "p95_ms": round(p95, 2),
            "frame_period_ms": round(result.frame_period_ms, 2),
            "offsets_ms": [round(offset, 2) for offset in result.offsets_ms],
            "av_offset_ms": round(p50),
        }
        sys.stdout.write(json.dumps(content) + "\n")
        return
    order = "after" if p50 >= 0 else "before"
    lines = [
        f"{len(result.offsets_ms)} flashes and beeps: the picture comes {abs(p50):.1f} ms {order} the sound "
        f"(p50); p95 of the distance {p95:.1f} ms.",
    ]
    if abs(p50) > result.frame_period_ms:
        lines.append(f"Correct it with --av-offset-ms {p50:.0f}.")
    else:
        lines.append(f"That is within a frame ({result.frame_period_ms:.0f} ms), and needs no correction.")
    sys.stdout.write("\n".join(lines) + "\n")
