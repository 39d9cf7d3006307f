"""Training on one side of a split, from prepared clips to a network with its populations and temperature."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive.errors import EmoliveError
from emolive.models.network import STATS, EmotionNet
from emolive.types import MODALITIES
from training import config
from training import distillation as teacher
from training import scoring as assess
from training.batches import Batches
from training.config import Options
from training.data_module import Prepared, Split, build_model
from training.emotion_trainer import EmotionTrainer
from training.finetune import PixelLook
from training.malloc import keep_memory
from training.normalizer_sampler import GlobalStatsPair, populations
from training.progress import Bar
from training.scoring import Validation
from training.window_dataset import WindowDataset


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of a training loop."""

    net: EmotionNet
    windows: WindowDataset
    """As the network reads them."""
    known: GlobalStatsPair
    epochs: int
    best_epoch: int


def fit(
    options: Options,
    prepared: Prepared,
    split: Split,
    folder: Path,
    *,
    fabric: Fabric,
    console: Console,
    title: str = "Training",
) -> Trained:
    """Train on one side of a split, going on from a state that is in the folder.

    The populations come from the training clips alone; the temperature from the validation clips. Where
    the trunk is trained, each epoch begins with the populations and baselines of its present vectors.
    """
    keep_memory()
    spec, seen = prepared.spec, prepared.pixels
    net = build_model(prepared, options.manual_seed).to(fabric.device)
    windows, known = _read(prepared, split, net)
    batches = Batches(
        replace(prepared.windows, live=windows.live),
        split.training,
        spec,
        known,
        strengths=config.strengths(options),
        shares=config.shares(options),
        balanced=options.balanced,
        soft_labels=_taught(options, prepared),
        look=PixelLook(fabric, net, seen, config.pixel_strengths(options)) if seen is not None else None,
    )
    at: Callable[[EmotionNet], Validation] | None = None
    if len(split.validation) and not options.no_val:
        at = _validation(options, prepared, split, windows, known)

    def begin(net: EmotionNet) -> None:
        if seen is not None and spec.baselines:
            batches.know(*_read(prepared, split, net))

    judge = None if at is None else lambda net: at(net).figures(net)
    loop = EmotionTrainer(fabric, net, batches, options=options, folder=folder, judge=judge, begin=begin)
    loop.resume()
    with Bar(console, title, "samples") as bar:
        trained = loop.run(bar)
    windows, known = _read(prepared, split, trained)
    temperature: dict[str, float] = dict.fromkeys(MODALITIES, options.temperature or 1.0)
    if not options.temperature and options.figures:
        temperature = stored_figures(options)["temperature"]
    elif not options.temperature and at is not None:
        scored = assess.predict_all(trained, windows, split.validation, known, modes=assess.MODES[:3])
        temperature = assess.temperatures(scored.truth, scored.logits)
    trained.temperature.copy_(torch.tensor([temperature[modality] for modality in MODALITIES]))
    return Trained(trained, windows, known, loop.progress.epoch, loop.progress.best_epoch)


def _taught(options: Options, prepared: Prepared) -> teacher.SoftTargets | None:
    """What the options ask for; None without a teacher."""
    if not options.teacher_path:
        return None
    found = teacher.read(Path(options.teacher_path), prepared.windows.items, prepared.spec.labels)
    return teacher.SoftTargets(
        found["face"],
        found["voice"],
        share_face=options.teach_face,
        share_voice=options.teach_voice,
        share_both=options.teach_both,
    )


def _read(prepared: Prepared, split: Split, net: EmotionNet) -> tuple[WindowDataset, GlobalStatsPair]:
    """The windows as a network reads them, and their populations, which are put into it."""
    windows = prepared.read(net)
    known = populations(windows, prepared.spec, split.training.tolist())
    with torch.no_grad():
        for stream, stats in (("video", known.face), ("audio", known.voice)):
            for stat in STATS:
                getattr(net, f"{stream}_{stat}").copy_(torch.from_numpy(getattr(stats, stat)))
    return windows, known


def _validation(
    options: Options, prepared: Prepared, split: Split, windows: WindowDataset, known: GlobalStatsPair
) -> Callable[[EmotionNet], Validation]:
    """The validation clips as a network reads them."""
    spec, seen = prepared.spec, prepared.pixels

    def of(windows: WindowDataset, known: GlobalStatsPair) -> Validation:
        return assess.validation(windows, split.validation, known, spec, options.modality)

    if seen is None:
        same = of(windows, known)
        return lambda _: same
    if spec.baselines:
        return lambda net: of(*_read(prepared, split, net))
    # Raw features need nobody's populations, so that the other clips need not be looked at.
    return lambda net: of(seen.read(net, split.validation), known)


def stored_figures(options: Options) -> dict[str, Any]:
    """The crossval.json of --figures. EmoliveError if it is none."""
    try:
        stored = dict(json.loads(Path(options.figures).read_text()))
        stored["temperature"] = {m: float(stored["temperature"][m]) for m in MODALITIES}
        return stored
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EmoliveError(f"{options.figures} is not the crossval.json of a cross-validation.") from error
