"""Capacity for many faces at once, calculated from figures of the same run."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.errors import EmoliveError
from emolive.models.spec import ModelSpec

FACES = (1_000, 1_000_000)
NEEDED = ("hop.ia_p50", "hop.chain_p50", "hop.pixel_p50", "limit.flops_224")


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`scale`: cores like this one, and operations a second; nothing here is measured again."""
    values = {figure.key: figure.value for figure in report.measurements}
    figures = {key: value for key in NEEDED if (value := values.get(key)) is not None}
    if missing := [key for key in NEEDED if key not in figures]:
        raise EmoliveError(
            f"This needs the figures of hop and limit from the same run: {', '.join(missing)}."
        )
    hop_ms = 1e3 * ModelSpec().bin_s
    for faces in FACES:
        name = f"{faces:,} faces"
        note = f"{faces:,} × {{}} ms / {hop_ms:.0f} ms"
        for key, label in (
            ("hop.chain_p50", "cores, faces detected and tracked on the server"),
            ("hop.ia_p50", "cores, the clients send landmarks and sound"),
            ("hop.pixel_p50", "cores, the clients send crops for the backbone at 224 px"),
        ):
            ms = figures[key]
            cores = faces * ms / hop_ms
            note_text = note.format(f"{ms:.3g}")
            yield Measurement(
                f"scale.{key.removeprefix('hop.')}_{faces}",
                f"{name}: {label}",
                cores,
                "cores",
                note=note_text,
            )
        operations = faces * figures["limit.flops_224"] / hop_ms / 1e3
        note_text = f"{faces:,} × {figures['limit.flops_224']:.3g} MFLOP / {hop_ms:.0f} ms"
        yield Measurement(
            f"scale.tflops_{faces}", f"{name}: the backbone alone", operations, "TFLOP/s", note=note_text
        )
