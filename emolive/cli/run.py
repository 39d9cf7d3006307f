"""`emolive run`: the window, or a session without one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from emolive.capture.av_offset import MAX_OFFSET_MS
from emolive.capture.tracks import TrackChoice
from emolive.cli.config import Arg, Range
from emolive.cli.interrupts import early_exit
from emolive.cli.model_options import ModelOptions
from emolive.errors import CheckpointError, ConfigError
from emolive.plugins import FUSIONS
from emolive.user_output import check_replaceable, reserved

if TYPE_CHECKING:
    from emolive.cli.headless import EstimateWriter
    from emolive.session.config import SessionConfig
    from emolive.types import Estimate

OFFSCREEN_S = 12.0
"""How long the window runs on a computer without a display, unless --duration is given."""
MAX_COMPARED = 3
OFFSCREEN_SCREENSHOT = Path("emolive-window.png")


@dataclass(frozen=True, kw_only=True)
class RunOptions(ModelOptions):
    """Open the window on a camera, a network stream, a media file or the synthetic demo.

    With --headless no window is opened and estimates are written as JSON lines to the terminal or to --jsonl.
    """

    source: Annotated[str | None, Arg(metavar="S")] = None
    """Camera index or name, stream address, media file, demo or none; auto is the default camera, or the demo
    without one. Default: the camera that was chosen in the window last, else auto."""
    mic: Annotated[str | None, Arg(metavar="M")] = None
    """Microphone index or name, default or none; auto is the audio of the file or demo, or the default
    microphone beside a camera. Default: as for the source, else auto."""
    headless: bool = False
    """Run without a window."""
    duration: Annotated[float | None, Range(above=0), Arg(metavar="SECONDS")] = None
    """Stop this long after the model was loaded."""
    jsonl: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write every estimate to this file, which must not exist yet."""
    append: bool = False
    """Write the estimates of --jsonl behind those that are in the file."""
    overwrite: bool = False
    """Replace the files of --jsonl, --screenshot and --counters if they exist."""
    compare: Annotated[str, Arg(metavar="F,F")] = ""
    """Fusions that answer too, side by side on the same evidence, separated by commas: it,lt."""
    record: Annotated[Path | None, Arg(metavar="DIR")] = None
    """Record picture, sound, estimates and settings into a new folder in this one."""
    screenshot: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Save a screenshot of the window at the end of --duration."""
    counters: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write rendering statistics of the window as JSON."""
    av_offset_ms: Annotated[float, Range(-MAX_OFFSET_MS, MAX_OFFSET_MS), Arg(metavar="MS")] = 0.0
    """Move the sound by so many milliseconds to later times against the picture; `emolive sync-test` measures
    how many."""
    loop: bool = False
    """Play a media file in a loop."""
    track: Annotated[str, Arg(metavar="N")] = ""
    """Which of several tracks of a file to use, counted from 1: N or audio:N for the sound, video:N for the
    picture, both with a comma between."""
    unpaced: bool = False
    """Process a media file as fast as possible instead of in real time (needs --headless)."""

    @property
    def compared(self) -> tuple[str, ...]:
        """The fusions that `compare` names."""
        return tuple(dict.fromkeys(name.strip() for name in self.compare.split(",") if name.strip()))

    def __post_init__(self) -> None:
        TrackChoice.parse(self.track)
        for name in self.compared:
            FUSIONS.check(name)
        if len(self.compared) > MAX_COMPARED:
            raise ConfigError(f"--compare shows at most {MAX_COMPARED} fusions: name fewer.")
        if self.append and (self.overwrite or self.jsonl is None):
            raise ConfigError("--append goes with --jsonl, and not with --overwrite.")
        if self.unpaced and not self.headless:
            raise ConfigError("The window plays in real time: use --unpaced together with --headless.")
        if self.counters is not None and self.headless:
            raise ConfigError("--counters measures the window and cannot be combined with --headless.")
        if self.screenshot is not None and self.headless:
            raise ConfigError("--screenshot shows the window and cannot be combined with --headless.")


def run(options: RunOptions) -> int:
    """Run until the window is closed, the duration is over, the file has ended, or Ctrl-C."""
    if options.jsonl is not None:
        how = "--append to write behind what is in it, or --overwrite to replace it"
        check_replaceable(options.jsonl, allowed=options.overwrite or options.append, how=how)
    for path in (options.screenshot, options.counters):
        if path is not None:
            check_replaceable(path, allowed=options.overwrite)
    config = session_config(options)
    if options.jsonl is None and not options.headless:
        return _run_window(config, options, None)
    with early_exit():
        from emolive.cli.headless import EstimateWriter, run_headless

    with reserved(options.jsonl), EstimateWriter(options.jsonl, append=options.append) as writer:
        if options.headless:
            return run_headless(config, options.duration, writer, record=options.record)
        code = _run_window(config, options, writer)
        writer.finish()
        return code


def session_config(options: RunOptions) -> SessionConfig:
    """The session that the options describe.

    Raises:
        CheckpointError: the checkpoint cannot be read, or holds another fusion than `options.fusion`.
    """
    from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON, SessionConfig

    return SessionConfig(
        source="auto" if options.source is None else options.source,
        mic=options.mic or "auto",
        fusion=_fusion(options),
        checkpoint=options.checkpoint,
        comparison=options.compared,
        baseline=options.baseline or DEFAULT_BASELINE,
        person=options.person or DEFAULT_PERSON,
        paced=not options.unpaced,
        loop=options.loop,
        track=options.track,
        av_offset_ms=options.av_offset_ms,
        device=options.device,
        backend=options.backend,
    )


def _fusion(options: RunOptions) -> str:
    if options.checkpoint is None:
        return options.fusion or "ia"
    from emolive.models.io import checkpoint

    if checkpoint.is_onnx(options.checkpoint):
        from emolive.models.io import onnx

        fusion = onnx.describe(options.checkpoint).spec.fusion
    else:
        fusion = checkpoint.describe(options.checkpoint).spec.fusion
    if options.fusion not in (None, fusion):
        raise CheckpointError(f"{options.checkpoint} holds the fusion {fusion}, not {options.fusion}.")
    return fusion


def _run_window(config: SessionConfig, options: RunOptions, writer: EstimateWriter | None) -> int:
    with early_exit():
        from emolive.gui.app import run_app
        from emolive.gui.display import has_display
        from emolive.gui.ui_settings import REMEMBERED, REMEMBERED_DEVICES, with_remembered

    if has_display():
        explicit = {name for name in REMEMBERED if getattr(options, name, None) not in (None, "auto")}
        if options.checkpoint is not None:
            explicit.add("fusion")
        devices = {"source": options.source, "mic": options.mic}
        if options.source is not None:
            # The microphone of the last time belongs to its camera: a file has its own sound.
            devices["mic"] = options.mic or "auto"
        explicit |= {name for name, value in devices.items() if value is not None}
        return run_app(
            with_remembered(config, explicit),
            remembered=set(REMEMBERED_DEVICES) - explicit,
            on_estimate=writer,
            report_problems=None if writer is None else writer.report_problems,
            screenshot=options.screenshot,
            seconds=options.duration,
            counters=options.counters,
            record=options.record,
            welcome=options.duration is None,
        )
    return _run_offscreen(config, options, writer)


def _run_offscreen(config: SessionConfig, options: RunOptions, writer: EstimateWriter | None) -> int:
    """Without a display, render the window into memory for a while, print estimates and save a screenshot."""
    from emolive.gui.app import run_app
    from emolive.sinks.table import TableSink

    seconds = options.duration or OFFSCREEN_S
    screenshot = options.screenshot or OFFSCREEN_SCREENSHOT
    sys.stdout.write(f"There is no display: the window runs offscreen for {seconds:.0f} s.\n")
    table = TableSink(sys.stdout)

    def on_estimate(estimate: Estimate) -> None:
        table.write(estimate)
        if writer is not None:
            writer(estimate)

    code = run_app(
        config,
        on_estimate=on_estimate,
        report_problems=None if writer is None else writer.report_problems,
        screenshot=screenshot,
        seconds=seconds,
        counters=options.counters,
        record=options.record,
    )
    if screenshot.is_file():
        sys.stdout.write(f"A screenshot of the window is in {screenshot}.\n")
    return code
