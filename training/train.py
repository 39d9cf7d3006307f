"""One training run from options to a checkpoint that the live app loads."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from rich.console import Console

from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.models.io.backbone import is_backbone_file, load_backbone
from emolive.models.io.checkpoint import FaceHead
from emolive.types import MODALITIES
from training import config, metrics, report
from training import scoring as assess
from training.batches import IntArray
from training.config import CONFIG, Options
from training.data_module import (
    Prepared,
    Split,
    fold_of,
    names_of,
    prepare,
    read_annotations,
    sides,
    start_path,
)
from training.fabric import make_fabric
from training.fit import Trained, fit, stored_figures
from training.normalizer_sampler import populations
from training.run_checkpoint import LAST

MODEL = "model.safetensors"
RESULT = "result.json"


def provenance(options: Options, prepared: Prepared, split: Split, trained: Trained) -> dict[str, Any]:
    """What a checkpoint says of how it came about."""
    try:
        release = version("emolive")
    except PackageNotFoundError:
        release = "unknown"
    told: dict[str, Any] = {
        "emolive": release,
        "data": {
            "annotations": Path(options.annotation_path).name,
            "clips": len(split.training),
            "actors": names_of(prepared, split.training),
            "validation_actors": names_of(prepared, split.validation),
            "testing_actors": names_of(prepared, split.testing),
        },
        "recipe": options.recipe,
        "seed": options.manual_seed,
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "options": {
            # Where things lay on somebody's disk is nobody else's business.
            k: v
            for k, v in asdict(options).items()
            if k != "figures" and not k.endswith("_path")
        },
        "licence": options.licence,
    }
    if options.teacher_path:
        told["data"]["teacher"] = Path(options.teacher_path).name
    if options.figures:
        stored = stored_figures(options)
        told["figures"] = {key: stored[key] for key in ("command", "scheme", "figures") if key in stored}
    return told


def _face_head(options: Options, prepared: Prepared) -> FaceHead | None:
    """The classifier of single faces that came with the backbone, as long as the backbone is unchanged."""
    path = start_path(options, prepared.spec.encoders)
    if prepared.spec.learned_encoder is None or path is None or prepared.pixels is not None:
        return None
    if is_backbone_file(path):
        return load_backbone(path).net.head
    return checkpoint.load(path).face_head if path.suffix == ".safetensors" else None


def train(options: Options, console: Console) -> None:
    """Run `emolive-train`.

    Raises:
        EmoliveError: something about the options or the data, in one sentence.
    """
    annotations = read_annotations(options)
    fold = fold_of(options, annotations)
    fabric = make_fabric(options)
    if fabric.global_rank:
        console = Console(quiet=True)
    folder = make_folder(options, fabric)
    prepared = prepare(options, annotations, fabric, console)
    split = sides(prepared.windows, fold)
    report.plan(console, options, prepared, split)
    if options.dry_run:
        return
    if fabric.global_rank == 0:
        config.write_config(folder / CONFIG, options)
    if options.no_train:
        loaded = checkpoint.load(folder / MODEL)
        read = prepared.read(loaded.net)
        known = populations(read, prepared.spec, split.training.tolist())
        trained = Trained(loaded.net, read, known, 0, 0)
    else:
        trained = fit(options, prepared, split, folder, fabric=fabric, console=console)
        if fabric.global_rank == 0:
            told = provenance(options, prepared, split, trained)
            checkpoint.save(
                folder / MODEL, trained.net, provenance=told, face_head=_face_head(options, prepared)
            )
            console.print(f"Wrote {folder / MODEL}.", markup=False)
    chosen = split.testing if options.test_subset == "test" else split.validation
    if fabric.global_rank == 0 and len(chosen):
        test(options, prepared, trained, chosen, folder, console=console)
    fabric.barrier()


def test(
    options: Options, prepared: Prepared, trained: Trained, clips: IntArray, folder: Path, *, console: Console
) -> None:
    """Read the held-out clips in every baseline mode and modality, and write what came of it."""
    scored = assess.predict_all(trained.net, trained.windows, clips, trained.known)
    if not len(scored.clips):
        return
    temperature = dict(zip(MODALITIES, trained.net.temperature.tolist(), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for (mode, modality), raw in scored.logits.items():
        probs = metrics.softmax(raw, temperature[modality])
        found.setdefault(mode, {})[modality] = assess.figures(
            scored.truth, scored.actors, probs, prepared.spec.labels
        )
    report.table(console, found, f"{options.fusion}, actors {', '.join(names_of(prepared, clips))}")
    with atomic_write(folder / RESULT) as part:
        part.write_text(json.dumps({"temperature": temperature, "figures": found}, indent=1) + "\n")


def make_folder(options: Options, fabric: Fabric) -> Path:
    """The result folder. EmoliveError if there is another run in it, or it cannot be made."""
    folder = Path(options.result_path)
    if fabric.global_rank == 0 and not options.dry_run:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmoliveError(f"The folder {folder} cannot be made: {error.strerror}.") from error
        remove_stale_parts(folder)
        begun = (folder / LAST).exists() or (folder / MODEL).exists()
        if begun and not options.resume_path and not options.no_train:
            raise EmoliveError(
                f"{folder} holds a run already: go on with it by --resume_path {folder}, "
                f"or choose another --result_path."
            )
    return folder
