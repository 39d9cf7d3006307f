"""Cross-validation by actor: everybody is tested once, by a model that never met them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from lightning.fabric import Fabric
from numpy.typing import NDArray
from rich.console import Console

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.types import MODALITIES
from preprocessing import splits
from preprocessing.splits import Fold
from training import config, metrics, report
from training import scoring as assess
from training.config import CONFIG, NOT_PART_OF_A_RUN, Options
from training.data_module import Prepared, prepare, read_annotations, sides
from training.fabric import make_fabric
from training.fit import fit

HELD_OUT = "heldout.npz"
CROSSVAL = "crossval.json"


def crossval(options: Options, scheme: str, only: list[int], console: Console) -> None:
    """Run `emolive-train crossval`: folds that are done are not done again.

    Args:
        options: of each fold's run.
        scheme: from `preprocessing.splits.folds`.
        only: numbers of the folds to train now, from 1; empty for all.
        console: where to.

    Raises:
        EmoliveError: the options or the data, in one sentence.
    """
    if options.fold or options.test_actors:
        raise EmoliveError("crossval tests everybody in turn: leave --fold and --test_actors out.")
    annotations = read_annotations(options)
    folds = splits.folds(scheme, annotations.actors)
    if wrong := [n for n in only if not 1 <= n <= len(folds)]:
        raise EmoliveError(f"There is no fold {wrong[0]}: {scheme} has {len(folds)}.")
    fabric = make_fabric(options)
    if fabric.global_rank:
        console = Console(quiet=True)
    prepared = prepare(options, annotations, fabric, console)
    if options.dry_run:
        for fold in folds:
            console.print(f"fold {fold.name}: tests {', '.join(fold.testing)}", markup=False, highlight=False)
        return
    root = Path(options.result_path)
    for number, fold in enumerate(folds, 1):
        if not only or number in only:
            _one(options, prepared, fold, root / f"fold{number}", fabric=fabric, console=console)
    fabric.barrier()
    if fabric.global_rank == 0:
        _summary(options, prepared, folds, scheme, root, console=console)


def _told(options: Options, fold: Fold) -> str:
    """What decides a fold's result, as text."""
    kept = {k: v for k, v in asdict(options).items() if k not in NOT_PART_OF_A_RUN}
    return json.dumps([kept, fold.testing, fold.validation], sort_keys=True)


def _one(
    options: Options, prepared: Prepared, fold: Fold, folder: Path, *, fabric: Fabric, console: Console
) -> None:
    done = folder / HELD_OUT
    if done.is_file():
        with np.load(done) as stored:
            if str(stored["told"]) == _told(options, fold):
                return
        raise EmoliveError(f"{folder} holds a fold of another run: choose another --result_path.")
    folder.mkdir(parents=True, exist_ok=True)
    if fabric.global_rank == 0:
        config.write_config(folder / CONFIG, replace(options, result_path=str(folder)))
    split = sides(prepared.windows, fold)
    trained = fit(options, prepared, split, folder, fabric=fabric, console=console, title=f"Fold {fold.name}")
    if fabric.global_rank:
        return
    scored = assess.predict_all(trained.net, trained.windows, split.testing, trained.known)
    with atomic_write(done) as part, part.open("wb") as file:
        arrays: dict[str, Any] = {f"{mode}/{way}": raw for (mode, way), raw in scored.logits.items()}
        np.savez(
            file,
            allow_pickle=False,
            clips=scored.clips,
            truth=scored.truth,
            actors=np.array(scored.actors),
            told=np.array(_told(options, fold)),
            **arrays,
        )
    uar = {mode: metrics.uar(scored.truth, raw) for (mode, way), raw in scored.logits.items() if way == "av"}
    told = ", ".join(f"{mode} {report.percent(value)}" for mode, value in uar.items())
    console.print(
        f"Fold {fold.name} (actors {', '.join(fold.testing)}): UAR {told}", markup=False, highlight=False
    )


def _summary(
    options: Options, prepared: Prepared, folds: list[Fold], scheme: str, root: Path, *, console: Console
) -> None:
    """One table over all folds, once they are all there."""
    parts: list[dict[str, NDArray[Any]]] = []
    for number in range(1, len(folds) + 1):
        path = root / f"fold{number}" / HELD_OUT
        if not path.is_file():
            console.print(f"Fold {number} of {len(folds)} is not done yet.")
            return
        with np.load(path) as stored:
            parts.append({name: stored[name] for name in stored.files})
    pairs = [name for name in parts[0] if "/" in name]
    truth = np.concatenate([part["truth"] for part in parts])
    actors = [str(actor) for part in parts for actor in part["actors"]]
    found: dict[str, dict[str, Any]] = {}
    temperatures = [_temperatures([p for j, p in enumerate(parts) if j != i]) for i in range(len(parts))]
    for name in pairs:
        mode, _, way = name.partition("/")
        # The temperature of a fold comes from the others, so that calibration is held out as well.
        probs = np.concatenate(
            [metrics.softmax(part[name], t[way]) for part, t in zip(parts, temperatures, strict=True)]
        )
        figures = assess.figures(truth, actors, probs, prepared.spec.labels)
        shares = np.array(list(figures["per_actor_top1"].values()))
        figures["per_actor_mean"], figures["per_actor_std"] = float(shares.mean()), float(shares.std())
        found.setdefault(mode, {})[way] = figures
    report.table(console, found, f"{options.fusion} ({options.arch}), {scheme}, all held-out clips")
    best = list(found)[-1]
    report.actors_table(console, found[best]["av"]["per_actor_top1"], f"{best}, both")
    for mode, by_way in found.items():
        one = by_way["av"]
        console.print(
            f"{mode}: top-1 over actors {report.percent(one['per_actor_mean'])} ± "
            f"{report.percent(one['per_actor_std'])}",
            highlight=False,
        )
    content = {
        "command": f"emolive-train crossval --scheme {scheme} --config {CONFIG}",
        "scheme": scheme,
        "fusion": options.fusion,
        "temperature": _temperatures(parts),
        "figures": found,
        "options": asdict(options),
    }
    with atomic_write(root / CROSSVAL) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")
    config.write_config(root / CONFIG, options)


def _temperatures(parts: list[dict[str, NDArray[Any]]]) -> dict[str, float]:
    """For each modality, from the held-out clips of some folds."""
    if not parts:
        return dict.fromkeys(MODALITIES, 1.0)
    raw: dict[tuple[str, str], NDArray[Any]] = {}
    for name in parts[0]:
        mode, slash, way = name.partition("/")
        if slash:
            raw[mode, way] = np.concatenate([part[name] for part in parts])
    truth = np.concatenate([part["truth"] for part in parts])
    return assess.temperatures(truth, raw)
