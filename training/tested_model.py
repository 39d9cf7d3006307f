"""Tests of trained models: that of a run at its end, or one of an earlier run with `--no_train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from emolive import paths
from emolive.atomic_io import atomic_write
from emolive.device import choose_device
from emolive.errors import ConfigError
from emolive.models.io import checkpoint
from emolive.models.network import EmotionNet
from emolive.types import MODALITIES
from preprocessing.annotations import Annotations, split_name
from preprocessing.progress import ProgressBar
from preprocessing.splits import Fold, normalize_actor_id
from training import metrics, report, scoring, window_dataset
from training.batches import IntArray
from training.config import TrainConfig
from training.data_module import split_names
from training.learned import neutral_label
from training.normalizer_sampler import GlobalStatsPair, load_global_stats
from training.run_folder import model_path
from training.window_dataset import WindowDataset

RESULT = "result.json"


def test_stored_model(
    config: TrainConfig, annotations: Annotations, fold: Fold | None, console: Console
) -> None:
    """Test the model in a result folder with the options of its run; writes the results and nothing else.

    Raises:
        EmoliveError: there is no model, or the clips do not fit it.
    """
    folder = Path(config.result_path)
    loaded = checkpoint.load(model_path(folder))
    subset = config.test_subset
    names = split_names(annotations.items, fold)
    tested = {
        item.id for item, name in zip(annotations.items, names, strict=True) if name == split_name(subset)
    }
    if not tested:
        raise ConfigError(
            f"There is no clip to test on in the subset {subset}: name actors with --test_actors, a --fold, "
            f"or another --test_subset."
        )
    people = {
        normalize_actor_id(item.actor) for item in annotations.items if item.id in tested and item.actor
    }
    # The other clips of a person are for their baseline.
    items = tuple(
        item
        for item in annotations.items
        if item.id in tested or (item.actor and normalize_actor_id(item.actor) in people)
    )
    with ProgressBar(console, "Extracting windows", "clips") as bar:
        dataset = window_dataset.build(
            Annotations(items, annotations.root),
            loaded.spec,
            cache=Path(config.cache_path) if config.cache_path else paths.window_cache_dir(),
            shifts_s=(0.0,),
            net=loaded.net,
            device="cpu" if config.accelerator == "cpu" else choose_device("auto"),
            skip_faults=config.skip_faults,
            workers=config.workers,
            progress=bar,
            neutral=neutral_label(config.neutral_label, annotations.labels),
        )
    for sentence in dataset.failed:
        console.print(sentence, style="yellow", markup=False)
    if loaded.spec.limits:
        console.print(loaded.spec.limits, style="yellow", markup=False, highlight=False)
    clips = np.array([i for i, item in enumerate(dataset.items) if item.id in tested], np.int64)
    actors = ", ".join(Annotations(tuple(dataset.items[i] for i in clips), annotations.root).actors)
    path = folder / f"result-{subset}.json"
    if print_and_write(
        loaded.net,
        dataset,
        clips,
        load_global_stats(loaded.net),
        console=console,
        path=path,
        title=f"{loaded.spec.fusion}, {subset}, actors {actors}",
    ):
        console.print(f"Wrote {path}.", markup=False)


def print_and_write(
    net: EmotionNet,
    dataset: WindowDataset,
    clips: IntArray,
    global_stats: GlobalStatsPair,
    *,
    console: Console,
    path: Path,
    title: str,
) -> bool:
    """Score clips in every normalization mode and modality, print a table and write the results.

    Args:
        net: the model.
        dataset: with the features that it reads.
        clips: indices of the clips to score.
        global_stats: of the model.
        console: for the table.
        path: JSON file to write.
        title: of the table.

    Returns:
        Whether there was a clip to score; those with which people are calibrated are not.
    """
    predictions = scoring.predict_all(net, dataset, clips, global_stats)
    if not len(predictions.clips):
        console.print(
            "Nothing is scored: all clips to test on serve as a neutral calibration.", style="yellow"
        )
        return False
    spec = net.spec
    temperatures = dict(zip(MODALITIES, net.temperature.tolist(), strict=True))
    results: dict[str, dict[str, Any]] = {}
    for (mode, modality), logits in predictions.logits.items():
        probs = metrics.softmax(logits, temperatures[modality])
        summary = scoring.summarize(predictions.truth, predictions.actors, probs, spec.labels)
        summary["per_class_recall"] |= dict.fromkeys(spec.unlearned)
        results.setdefault(mode, {})[modality] = summary
    report.print_results(console, results, title)
    with atomic_write(path) as part:
        part.write_text(json.dumps({"temperature": temperatures, "figures": results}, indent=1) + "\n")
    return True
