"""What many faces at once would take: arithmetic on figures that were measured in the same run."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import BenchmarkConfig, Found, Measurement
from emolive.errors import EmoliveError
from emolive.models.spec import ModelSpec

FACES = (1_000, 1_000_000)
NEEDED = ("hop.ia_p50", "hop.chain_p50", "hop.pixel_p50", "limit.flops_224")


def part(plan: BenchmarkConfig, found: Found) -> Iterator[Measurement]:
    """`scale`: cores like this one, and operations a second; nothing here is measured again."""
    values = {figure.key: figure.value for figure in found.figures}
    known = {key: value for key in NEEDED if (value := values.get(key)) is not None}
    if lacking := [key for key in NEEDED if key not in known]:
        raise EmoliveError(f"It wants the figures of hop and limit in the same run: {', '.join(lacking)}.")
    hop_ms = 1e3 * ModelSpec().bin_s
    for faces in FACES:
        name = f"{faces:,} faces"
        note = f"{faces:,} × {{}} ms / {hop_ms:.0f} ms"
        for key, label in (
            ("hop.chain_p50", "cores, faces found and followed on the server"),
            ("hop.ia_p50", "cores, the clients send landmarks and sound"),
            ("hop.pixel_p50", "cores, the clients send crops for the trunk at 224 px"),
        ):
            ms = known[key]
            cores = faces * ms / hop_ms
            told = note.format(f"{ms:.3g}")
            yield Measurement(
                f"scale.{key.removeprefix('hop.')}_{faces}", f"{name}: {label}", cores, "cores", note=told
            )
        operations = faces * known["limit.flops_224"] / hop_ms / 1e3
        told = f"{faces:,} × {known['limit.flops_224']:.3g} MFLOP / {hop_ms:.0f} ms"
        yield Measurement(
            f"scale.tflops_{faces}", f"{name}: the trunk alone", operations, "TFLOP/s", note=told
        )
