"""What a run says to whoever started it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from training.config import Options
from training.data_module import Prepared, Split, names_of
from training.modality_dropout import MASKS

COLUMNS = {"av": "both", "a": "sound", "v": "picture"}


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def plan(console: Console, options: Options, prepared: Prepared, split: Split) -> None:
    """Who trains, who validates, who is tested; and how the recipe differs from the published."""
    for name in ("training", "validation", "testing"):
        clips = getattr(split, name)
        if len(clips):
            actors = ", ".join(names_of(prepared, clips))
            console.print(f"{name}: {len(clips)} clips of actors {actors}", markup=False, highlight=False)
    if options.recipe == "reference":
        told = "Recipe: as published"
        if prepared.pixels is not None:
            told += (
                ", but modality dropout takes its share of the trunk's vectors instead of the pixels, as a "
                "live session does, and the trunk keeps the batch statistics it was pretrained with"
            )
        console.print(f"{told}.", highlight=False)
    else:
        console.print(
            f"Recipe: AdamW, one cycle up to {options.learning_rate:g}, {options.n_epochs} epochs of "
            f"{options.batch_size} a step, mask {options.mask}; the published one is SGD at 0.04 with steps, "
            f"100 epochs of 8, mask {MASKS[1]} (--recipe reference).",
            markup=False,
            highlight=False,
        )


def table(console: Console, figures: Mapping[str, Mapping[str, Any]], title: str) -> None:
    """UAR and top-1 in percent for each baseline mode (rows) and modality (columns); ECE of both."""
    found = Table(title=title)
    found.add_column("baseline")
    for modality, name in COLUMNS.items():
        for column in ("UAR", "top-1", *(["ECE"] if modality == "av" else [])):
            found.add_column(f"{name}\n{column}", justify="right", no_wrap=True)
    for mode, by_modality in figures.items():
        cells = []
        for modality in COLUMNS:
            one = by_modality.get(modality)
            cells += [percent(one["uar"]), percent(one["top1"])] if one else ["", ""]
            if modality == "av":
                cells.append(f"{one['ece']:.3f}" if one else "")
        found.add_row(mode, *cells)
    console.print(found)


def actors_table(console: Console, per_actor: Mapping[str, float], title: str) -> None:
    """Top-1 in percent of each actor."""
    found = Table(title=title)
    found.add_column("actor")
    found.add_column("top-1", justify="right")
    for actor, share in per_actor.items():
        found.add_row(actor, percent(share))
    console.print(found)
