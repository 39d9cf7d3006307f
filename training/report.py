"""Console output of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from emolive.cli.config_file import read_config
from emolive.models.spec import ModelSpec
from training.config import TrainConfig
from training.data_module import DataModule, Split
from training.run_config import recipe_path

COLUMNS = {"av": "both", "a": "audio", "v": "video"}


def percent(share: float) -> str:
    """A share from 0 to 1 in percent with one decimal, without the sign."""
    return f"{100 * share:.1f}"


def print_plan(console: Console, config: TrainConfig, data: DataModule, split: Split) -> None:
    """Print who is trained, validated and tested on, and how the recipe differs from the published one."""
    for note in data.notes:
        console.print(note, style="yellow", markup=False, highlight=False)
    for name in ("training", "validation", "testing"):
        clips = getattr(split, name)
        if len(clips):
            actors = ", ".join(data.actors_of(clips))
            console.print(f"{name}: {len(clips)} clips of actors {actors}", markup=False, highlight=False)
    if config.is_published:
        difference = (
            ", but modality dropout masks the backbone's features instead of the pixels, as a live session "
            "does, and the backbone keeps the batch statistics of its pretraining"
        )
        changed = _changed_options(config)
        other = _differences_from_published(data)
        text = "Recipe: as published" + (f", but {changed}" if changed else "")
        text += difference if data.crops is not None else ""
        console.print(f"{text}{other and f', but of another model: {other}'}.", markup=False, highlight=False)
        return
    console.print(
        f"Recipe: {config.optimizer}, {config.schedule}, learning rate {config.learning_rate:g}, "
        f"epochs {config.n_epochs}, batches of {config.batch_size}, mask {config.mask}. The published "
        f"one is sgd, steps, 0.04, epochs 100, batches of 8, mask softhard (--recipe published).",
        markup=False,
        highlight=False,
    )


def _changed_options(config: TrainConfig) -> str:
    """The options of the published recipe that this run has changed, but for the fusion."""
    recipe = read_config(recipe_path("published"))
    changed = {
        name: getattr(config, name) for name, value in recipe.items() if getattr(config, name) != value
    }
    return ", ".join(f"{name} {value}" for name, value in changed.items() if name != "fusion")


def _differences_from_published(data: DataModule) -> str:
    """What distinguishes the model from the published one; "" for that model."""
    spec, published = data.spec, ModelSpec()
    parts = []
    if spec.encoders != published.encoders:
        parts.append(f"{'+'.join(spec.encoders)} for pixels")
    if spec.audio != published.audio:
        parts.append(f"{spec.audio.kind} for mfcc")
    if spec.arch != published.arch:
        parts.append(f"the architecture {spec.arch}")
    if spec.baselines:
        parts.append("with baselines")
    if spec.pixels != published.pixels and spec.learned_encoder is not None:
        parts.append(f"{spec.pixels.order} pixels of {spec.pixels.size} px")
    return ", ".join(parts)


def print_results(console: Console, results: Mapping[str, Mapping[str, Any]], title: str) -> None:
    """UAR, top-1 and top-5 in percent, and ECE, for each normalization mode (rows) and modality (columns).

    A modality that the model did not learn has dashes.
    """
    table = Table(title=title)
    table.add_column("baseline")
    for modality, name in COLUMNS.items():
        for column in ("UAR", "top-1", *(["top-5", "ECE"] if modality == "av" else [])):
            table.add_column(f"{name}\n{column}", justify="right", no_wrap=True)
    for mode, by_modality in results.items():
        cells = []
        for modality in COLUMNS:
            names = ("uar", "top1", *(["top5", "ece"] if modality == "av" else []))
            summary = by_modality.get(modality)
            cells += [
                "-" if summary is None else f"{summary[n]:.3f}" if n == "ece" else percent(summary[n])
                for n in names
            ]
        table.add_row(mode, *cells)
    console.print(table)


def print_actors(console: Console, per_actor: Mapping[str, float], title: str) -> None:
    """Top-1 in percent of each actor."""
    table = Table(title=title)
    table.add_column("actor")
    table.add_column("top-1", justify="right")
    for actor, share in per_actor.items():
        table.add_row(actor, percent(share))
    console.print(table)
