"""One training run from options to a checkpoint that the live app loads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive.errors import EmoliveError
from emolive.files import clear_parts, whole
from emolive.models import checkpoint
from emolive.models.network import EmotionNet
from emolive.models.trunk_file import CARRIED, carried, is_trunk_file, load_trunk
from training import assess, config, metrics, report, teacher
from training.allocator import keep_memory
from training.baselines import Populations, populations
from training.batches import Batches, IntArray
from training.config import CONFIG, Options
from training.data import Prepared, Sides, fold_of, fresh, names_of, prepare, read_annotations, sides
from training.engine import make_fabric
from training.loop import Loop
from training.predict import logits
from training.progress import Bar
from training.state import LAST

MODEL = "model.safetensors"
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of a training loop."""

    net: EmotionNet
    known: Populations
    epochs: int
    best_epoch: int


def fit(
    options: Options,
    prepared: Prepared,
    split: Sides,
    folder: Path,
    *,
    fabric: Fabric,
    console: Console,
    title: str = "Training",
) -> Trained:
    """Train on one side of a split, going on from a state that is in the folder.

    The populations come from the training clips alone; the temperature from the validation clips.
    """
    keep_memory()
    spec, windows = prepared.spec, prepared.windows
    known = populations(windows, spec, split.training.tolist())
    net = fresh(prepared, options.manual_seed)
    with torch.no_grad():
        for stream in ("face", "voice"):
            for part in ("mean", "std", "within"):
                values = torch.from_numpy(getattr(getattr(known, stream), part))
                getattr(net, f"{stream}_{part}").copy_(values)
    batches = Batches(
        windows,
        split.training,
        spec,
        known,
        strengths=config.strengths(options),
        shares=config.shares(options),
        balanced=options.balanced,
        taught=_taught(options, prepared),
    )
    judge = None
    if len(split.validation) and not options.no_val:
        judge = assess.validation(windows, split.validation, known, spec, options.modality)
    loop = Loop(fabric, net, batches, options=options, folder=folder, validation=judge)
    loop.resume()
    with Bar(console, title, "samples") as bar:
        trained = loop.run(bar)
    temperature = options.temperature or _stored_temperature(options)
    if not temperature and judge is not None:
        raw = np.concatenate([logits(trained, given) for given in judge.given])
        temperature = metrics.fit_temperature(np.tile(judge.truth, len(judge.given)), raw)
    trained.temperature.fill_(temperature or 1.0)
    return Trained(trained, known, loop.progress.epoch, loop.progress.best_epoch)


def _taught(options: Options, prepared: Prepared) -> teacher.Taught | None:
    """What the options ask for; None without a teacher."""
    if not options.teacher_path:
        return None
    found = teacher.read(Path(options.teacher_path), prepared.windows.items, prepared.spec.labels)
    return teacher.Taught(
        found["face"],
        found["voice"],
        share_face=options.teach_face,
        share_voice=options.teach_voice,
        share_both=options.teach_both,
    )


def _stored_temperature(options: Options) -> float:
    return float(_figures(options).get("temperature", 0.0)) if options.figures else 0.0


def _figures(options: Options) -> dict[str, Any]:
    try:
        return dict(json.loads(Path(options.figures).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise EmoliveError(f"{options.figures} is not the crossval.json of a cross-validation.") from error


def provenance(options: Options, prepared: Prepared, split: Sides, trained: Trained) -> dict[str, Any]:
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
    if "efficientface" in prepared.spec.encoders and options.pretrain_path:
        # The trunk is frozen, so what names single faces by its vectors stays true.
        path = Path(options.pretrain_path)
        if is_trunk_file(path):
            told[CARRIED] = carried(load_trunk(path).net)
        elif path.suffix == ".safetensors" and CARRIED in (given := checkpoint.describe(path).provenance):
            told[CARRIED] = given[CARRIED]
    if options.figures:
        stored = _figures(options)
        told["figures"] = {key: stored[key] for key in ("command", "scheme", "figures") if key in stored}
    return told


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
        trained = Trained(
            loaded.net, populations(prepared.windows, prepared.spec, split.training.tolist()), 0, 0
        )
    else:
        trained = fit(options, prepared, split, folder, fabric=fabric, console=console)
        if fabric.global_rank == 0:
            told = provenance(options, prepared, split, trained)
            checkpoint.save(folder / MODEL, trained.net, provenance=told)
            console.print(f"Wrote {folder / MODEL}.", markup=False)
    chosen = split.testing if options.test_subset == "test" else split.validation
    if fabric.global_rank == 0 and len(chosen):
        test(options, prepared, trained, chosen, folder, console=console)
    fabric.barrier()


def test(
    options: Options, prepared: Prepared, trained: Trained, clips: IntArray, folder: Path, *, console: Console
) -> None:
    """Read the held-out clips in every baseline mode and modality, and write what came of it."""
    scored = assess.read_all(trained.net, prepared.windows, clips, trained.known)
    if not len(scored.clips):
        return
    temperature = float(trained.net.temperature)
    found: dict[str, dict[str, Any]] = {}
    for (mode, modality), raw in scored.logits.items():
        probs = metrics.softmax(raw, temperature)
        found.setdefault(mode, {})[modality] = assess.figures(
            scored.truth, scored.actors, probs, prepared.spec.labels
        )
    report.table(console, found, f"{options.fusion}, actors {', '.join(names_of(prepared, clips))}")
    with whole(folder / RESULT) as part:
        part.write_text(json.dumps({"temperature": temperature, "figures": found}, indent=1) + "\n")


def make_folder(options: Options, fabric: Fabric) -> Path:
    """The result folder. EmoliveError if there is another run in it, or it cannot be made."""
    folder = Path(options.result_path)
    if fabric.global_rank == 0 and not options.dry_run:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmoliveError(f"The folder {folder} cannot be made: {error.strerror}.") from error
        clear_parts(folder)
        begun = (folder / LAST).exists() or (folder / MODEL).exists()
        if begun and not options.resume_path and not options.no_train:
            raise EmoliveError(
                f"{folder} holds a run already: go on with it by --resume_path {folder}, "
                f"or choose another --result_path."
            )
    return folder
