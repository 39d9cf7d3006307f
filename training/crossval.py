"""Cross-validation by actor: every actor is tested once, by a model that was not trained on them.

With the scheme corpus, the actors of one corpus are tested by a model of the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from lightning.fabric import Fabric
from numpy.typing import NDArray
from rich.console import Console

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError
from emolive.models.io import checkpoint
from emolive.types import MODALITIES, Modality
from preprocessing import splits
from preprocessing.array_archive import ArrayArchive
from preprocessing.splits import Fold
from training import crossval_corpora, data_fingerprint, metrics, report, scoring
from training.config import NOT_PART_OF_A_RUN, TrainConfig
from training.crossval_streams import stream_results
from training.data_checks import check_training_data
from training.data_module import DataModule, make_split, read_annotations, setup, start_of
from training.estimate import print_estimate
from training.evaluate.options import StreamBaseline
from training.fabric import make_fabric
from training.fit import fit
from training.provenance import face_head, provenance
from training.run_config import CONFIG, write_run_config
from training.run_folder import MODEL
from training.run_lock import run_lock

HELD_OUT = "heldout.npz"
CROSSVAL = "crossval.json"

FoldArrays = dict[str, NDArray[Any]]
"""Contents of a fold's `heldout.npz`: clips, truth, actors, and the logits as "mode/modality", with those of
`training.crossval_corpora`."""


def crossval(
    config: TrainConfig,
    scheme: str,
    only: list[int],
    console: Console,
    *,
    stream_baselines: Sequence[StreamBaseline] = (),
) -> None:
    """Run `emolive-train crossval`. Folds that are done are not trained again.

    Args:
        config: options of each fold's run.
        scheme: from `preprocessing.splits.folds`.
        only: numbers of the folds to train now, from 1; empty for all.
        console: for messages and tables.
        stream_baselines: measure the held-out actors' streams with these baselines too.

    Raises:
        EmoliveError: something about the options or the data.
    """
    if config.no_train:
        raise ConfigError("crossval trains every fold: leave out --no_train.")
    if config.fold or config.test_actors:
        raise ConfigError("crossval tests all actors in turn: leave out --fold and --test_actors.")
    annotations = read_annotations(config)
    folds = splits.folds(scheme, annotations.actors, splits.actors_by_corpus(annotations.items))
    if wrong := [n for n in only if not 1 <= n <= len(folds)]:
        raise ConfigError(f"There is no fold {wrong[0]}: {scheme} has {len(folds)}.")
    check_training_data(config, annotations, folds, console)
    if config.dry_run:
        start_of(config, annotations)
        for fold in folds:
            console.print(f"fold {fold.name}: tests {', '.join(fold.testing)}", markup=False, highlight=False)
        print_estimate(config, annotations, [folds[n - 1] for n in only] or folds, console)
        return
    fabric = make_fabric(config)
    if fabric.global_rank:
        console = Console(quiet=True)
    data = setup(config, annotations, fabric, console)
    root = Path(config.result_path)
    for number, fold in enumerate(folds, 1):
        if not only or number in only:
            _run_fold(config, data, fold, root / f"fold{number}", fabric=fabric, console=console)
    fabric.barrier()
    if fabric.global_rank == 0:
        _summarize(
            config,
            data,
            folds,
            scheme,
            root,
            only=only,
            console=console,
            stream_baselines=stream_baselines,
        )


def _fingerprint(config: TrainConfig, fold: Fold) -> str:
    """All that decides a fold's result, as text."""
    decisive = ("n_epochs", "patience")
    options = {k: v for k, v in asdict(config).items() if k not in NOT_PART_OF_A_RUN or k in decisive}
    return json.dumps([options, fold.testing, fold.validation], sort_keys=True)


def _run_fold(
    config: TrainConfig, data: DataModule, fold: Fold, folder: Path, *, fabric: Fabric, console: Console
) -> None:
    done = folder / HELD_OUT
    if done.is_file():
        with ArrayArchive(done) as stored:
            if "fingerprint" in stored and str(stored.read("fingerprint")) == _fingerprint(config, fold):
                return
        raise ConfigError(f"{folder} holds a fold of another run: choose another --result_path.")
    folder.mkdir(parents=True, exist_ok=True)
    clips = data_fingerprint.fingerprint(data.annotations, fold)
    data_fingerprint.check_unchanged(folder, clips)
    split = make_split(data.dataset, fold)
    data = data.learning_from(split, config.modality)
    for note in data.notes:
        console.print(note, style="yellow", markup=False, highlight=False)
    with run_lock(folder) if fabric.global_rank == 0 else nullcontext():
        if fabric.global_rank == 0:
            write_run_config(folder, replace(config, result_path=str(folder)))
            data_fingerprint.write(folder, clips)
        trained = fit(config, data, split, folder, fabric=fabric, console=console, title=f"Fold {fold.name}")
    if fabric.global_rank:
        return
    # For what reads streams, and for the next steps towards a final model.
    record = provenance(config, data, split, trained)
    checkpoint.save(folder / MODEL, trained.net, provenance=record, face_head=face_head(config, data))
    predictions = scoring.predict_all(trained.net, trained.dataset, split.testing, trained.global_stats)
    with atomic_write(done) as part, part.open("wb") as file:
        arrays: FoldArrays = {
            f"{mode}/{modality}": logits for (mode, modality), logits in predictions.logits.items()
        }
        arrays |= crossval_corpora.corpus_arrays(trained.dataset, predictions.clips, trained.net.spec.labels)
        np.savez(
            file,
            allow_pickle=False,
            clips=predictions.clips,
            truth=predictions.truth,
            actors=np.array(predictions.actors),
            fingerprint=np.array(_fingerprint(config, fold)),
            **arrays,
        )
    uar = ", ".join(
        f"{mode} {report.percent(metrics.unweighted_average_recall(predictions.truth, logits))}"
        for (mode, modality), logits in predictions.logits.items()
        if modality == trained.net.spec.modalities[0]
    )
    console.print(
        f"Fold {fold.name} (actors {', '.join(fold.testing)}): UAR {uar}", markup=False, highlight=False
    )


def _summarize(
    config: TrainConfig,
    data: DataModule,
    folds: list[Fold],
    scheme: str,
    root: Path,
    *,
    only: list[int],
    console: Console,
    stream_baselines: Sequence[StreamBaseline],
) -> None:
    """Print and write the results over all folds, or over those in `only`, once they are complete."""
    held_out: list[FoldArrays] = []
    numbers = sorted(only) or list(range(1, len(folds) + 1))
    for number in numbers:
        path = root / f"fold{number}" / HELD_OUT
        if not path.is_file():
            console.print(f"Fold {number} of {len(folds)} is not done yet.")
            return
        with ArrayArchive(path) as stored:
            held_out.append({name: stored.read(name) for name in stored.names})
    if scheme == splits.CORPUS:
        held_out = [crossval_corpora.without_impossible(arrays) for arrays in held_out]
    results = _results(held_out, data.spec.labels)
    report.print_results(console, results, f"{config.fusion} ({config.arch}), {scheme}, all held-out clips")
    last_mode = list(results)[-1]
    streams = next(iter(results[last_mode]))
    title = f"{last_mode}, {Modality(streams).title}"
    by_corpus: dict[str, Any] = {}
    if scheme == splits.CORPUS:
        names = sorted(set(crossval_corpora.corpora_of(held_out).tolist()))
        by_corpus = {name: _results(held_out, data.spec.labels, corpus=name) for name in names}
        crossval_corpora.print_corpora(console, by_corpus)
    else:
        report.print_actors(console, results[last_mode][streams]["per_actor_top1"], title)
    for mode, by_modality in results.items():
        both = by_modality[streams]
        console.print(
            f"{mode}: top-1 over actors {report.percent(both['per_actor_mean'])} ± "
            f"{report.percent(both['per_actor_std'])}",
            highlight=False,
        )
    chosen = "" if len(numbers) == len(folds) else f" --only {','.join(map(str, numbers))}"
    content = {
        "command": f"emolive-train crossval --scheme {scheme}{chosen} --config {CONFIG}",
        "scheme": scheme,
        "folds": numbers,
        "fusion": config.fusion,
        "temperature": _temperatures(held_out),
        "figures": results,
        "options": asdict(config),
    }
    if by_corpus:
        content["corpora"] = by_corpus
    if stream_baselines:
        chosen_folds = [(folds[number - 1], root / f"fold{number}") for number in numbers]
        content["streams"] = stream_results(
            data.annotations, chosen_folds, stream_baselines, console, neutral=data.dataset.neutral
        )
    with atomic_write(root / CROSSVAL) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")
    write_run_config(root, config)


def _results(
    folds: list[FoldArrays], labels: tuple[str, ...], corpus: str | None = None
) -> dict[str, dict[str, Any]]:
    """Mode → modality → results over the held-out clips of all folds, or over those of one corpus."""
    truth = np.concatenate([arrays["truth"] for arrays in folds])
    scored = np.ones(len(truth), np.bool_) if corpus is None else crossval_corpora.corpora_of(folds) == corpus
    actors = np.concatenate([arrays["actors"] for arrays in folds]).astype(str)[scored].tolist()
    # The temperature of a fold is fitted on the other folds, so that calibration is held out too.
    temperatures = [_temperatures([p for j, p in enumerate(folds) if j != i]) for i in range(len(folds))]
    results: dict[str, dict[str, Any]] = {}
    for name in folds[0]:
        mode, slash, modality = name.partition("/")
        # A fold whose training clips lack a stream has no answer from it.
        if not slash or any(name not in arrays for arrays in folds):
            continue
        probs = np.concatenate(
            [
                metrics.softmax(arrays[name], t[modality])
                for arrays, t in zip(folds, temperatures, strict=True)
            ]
        )
        summary = scoring.summarize(truth[scored], actors, probs[scored], labels)
        per_actor = np.array(list(summary["per_actor_top1"].values()))
        summary["per_actor_mean"], summary["per_actor_std"] = float(per_actor.mean()), float(per_actor.std())
        results.setdefault(mode, {})[modality] = summary
    return results


def _temperatures(folds: list[FoldArrays]) -> dict[str, float]:
    """By modality, from the held-out clips of some folds."""
    if not folds:
        return dict.fromkeys(MODALITIES, 1.0)
    logits: dict[tuple[str, str], NDArray[Any]] = {}
    for name in folds[0]:
        mode, slash, modality = name.partition("/")
        if slash and all(name in arrays for arrays in folds):
            logits[mode, modality] = np.concatenate([arrays[name] for arrays in folds])
    return scoring.fit_temperatures(np.concatenate([arrays["truth"] for arrays in folds]), logits)
