"""Which parts there are, and running them one after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from benchmarks.results import GROUP, BenchmarkConfig, Found, Measurement, Part
from emolive.errors import EmoliveError

log = logging.getLogger(__name__)

BUILT_IN = ("hop", "where", "limit", "analyze", "live", "sources", "switch", "window", "scale")


def names() -> tuple[str, ...]:
    """All parts, those of other packages behind ours."""
    return (*BUILT_IN, *sorted({entry.name for entry in entry_points(group=GROUP)} - set(BUILT_IN)))


def part_of(name: str) -> Part:
    """A part by its name. EmoliveError if there is none, or its packages are missing."""
    from benchmarks import app_startup as window
    from benchmarks import capacity as scale
    from benchmarks import files, sessions
    from benchmarks import predict_latency as hop
    from benchmarks import profile_hotspots as where
    from benchmarks import roofline as limit

    known: dict[str, Part] = {
        "hop": hop.part,
        "where": where.part,
        "limit": limit.part,
        "analyze": files.part,
        "live": sessions.live,
        "sources": sessions.sources,
        "switch": sessions.switch,
        "window": window.part,
        "scale": scale.part,
    }
    if name in known:
        return known[name]
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                part: Part = entry.load()
            except ImportError as error:
                raise EmoliveError(f"The part {name} wants more packages: {error}.") from error
            return part
    raise EmoliveError(f"There is no part {name}: known are {', '.join(names())}.")


def run(wanted: Sequence[str], plan: BenchmarkConfig, tell: Callable[[str], None]) -> Found:
    """Measure the wanted parts. What cannot be measured here is a row that says why.

    Raises:
        EmoliveError: a name is unknown.
    """
    for name in wanted:
        if name not in names():
            raise EmoliveError(f"There is no part {name}: known are {', '.join(names())}.")
    found = Found()
    for name in wanted:
        tell(f"{name} …\n")
        try:
            for figure in part_of(name)(plan, found):
                found.figures.append(figure)
        except EmoliveError as error:
            found.figures.append(Measurement(f"{name}.missing", name, note=str(error)))
        except Exception as error:
            log.exception("the part %s failed", name)
            found.figures.append(Measurement(f"{name}.missing", name, note=f"It failed: {error}."))
    return found
