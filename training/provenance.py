"""The provenance that a checkpoint records."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from emolive.models.io import checkpoint
from emolive.models.io.backbone import is_backbone_file, load_backbone
from emolive.models.io.checkpoint import FaceHead
from preprocessing.clip_digests import clip_digests
from preprocessing.data_check import training_record
from training.config import TrainConfig
from training.data_module import DataModule, Split
from training.fit import TrainedModel, read_crossval
from training.pretrained import start_path


def release() -> str:
    """The installed version of emolive."""
    try:
        return version("emolive")
    except PackageNotFoundError:
        return "unknown"


def provenance(config: TrainConfig, data: DataModule, split: Split, trained: TrainedModel) -> dict[str, Any]:
    """The data, options, results and licence of a training run. Paths of this computer are left out."""
    record: dict[str, Any] = {
        "emolive": release(),
        "data": {
            "annotations": Path(config.annotation_path).name,
            "clips": len(split.training),
            "actors": data.actors_of(split.training),
            "validation_actors": data.actors_of(split.validation),
            "testing_actors": data.actors_of(split.testing),
            **training_record(
                [data.dataset.items[int(i)] for i in split.training], clip_digests(data.annotations)
            ),
        },
        "recipe": config.recipe,
        "seed": config.manual_seed,
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "options": {
            name: value
            for name, value in asdict(config).items()
            if name != "figures" and not name.endswith("_path")
        },
        "licence": config.licence,
    }
    if config.teacher_path:
        record["data"]["teacher"] = Path(config.teacher_path).name
    if config.figures:
        crossval = read_crossval(config)
        record["figures"] = {
            name: crossval[name] for name in ("command", "scheme", "folds", "figures") if name in crossval
        }
    return record


def face_head(config: TrainConfig, data: DataModule) -> FaceHead | None:
    """The classifier of single faces that came with the backbone, if the backbone is unchanged."""
    path = start_path(config, data.spec.encoders)
    if data.spec.learned_encoder is None or path is None or data.crops is not None:
        return None
    if is_backbone_file(path):
        faces = load_backbone(path).net
        return faces.head if faces.pixels == data.spec.pixels else None
    return checkpoint.load(path).face_head if path.suffix == ".safetensors" else None
