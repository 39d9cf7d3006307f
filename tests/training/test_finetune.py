"""Training with a backbone: frozen, fine-tuned, resumed, evaluated and loaded live."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from emolive import paths
from emolive.cli import main
from emolive.cli.config_file import read_config
from emolive.errors import MediaError
from emolive.models.io import checkpoint
from emolive.models.io.backbone import load_backbone
from emolive.predictor import Predictor
from preprocessing import annotations
from preprocessing.progress import ProgressBar
from tests.helpers.clips import demo_audio, demo_frames, write_clip
from tests.helpers.training_runs import losses, run_on
from tests.training.face_crops import make_backbone, make_crop_clips
from training import config, data_module, finetune
from training.augment.pipeline import ImagePipeline, image_pipeline, window_pipeline
from training.batches import BatchMaker
from training.cli import evaluate, train
from training.data_module import DataModule
from training.emotion_trainer import EmotionTrainer
from training.fabric import make_fabric
from training.fabric_config import FabricConfig
from training.finetune import CropEncoder
from training.loop_steps import seed_step
from training.normalizer_sampler import compute_global_stats

SMALL = ["--encoder", "efficientface", "--fusion", "ia", "--width", "0.25", "--shifts", "3"]
SMALL += ["--batch_size", "8", "--dropout", "0", "--audio", "logmel"]
FINETUNE = ["--backbone", "finetune", "--backbone_lr_scale", "0.3", "--learning_rate", "0.005"]
SIDES = ["--test_actors", "3", "--validation_actors", "4"]


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("crops")
    path, backbone = make_crop_clips(folder), make_backbone(folder / "backbone.safetensors")
    return [*SMALL, "--annotation_path", str(path), "--pretrain_path", str(backbone), *SIDES]


@pytest.fixture(scope="module")
def tuned(arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "result"
    assert train([*arguments, *FINETUNE, "--n_epochs", "3", "--result_path", str(folder)]) == 0
    return folder


def setup(arguments: list[str], *extra: str) -> DataModule:
    (options,) = config.parse([*arguments, *extra], prog="emolive-train")
    entries = data_module.read_annotations(options)
    return data_module.setup(options, entries, make_fabric(options), Console(quiet=True))


def finetuned(arguments: list[str]) -> tuple[DataModule, finetune.CropWindows]:
    data = setup(arguments, "--backbone", "finetune")
    assert data.crops is not None
    return data, data.crops


def test_crops_have_the_features_that_a_frozen_backbone_is_trained_on(arguments: list[str]) -> None:
    frozen, (data, crops) = setup(arguments), finetuned(arguments)
    assert data.start is not None
    features = data.features(data.start)
    k = frozen.dataset.centre
    assert np.array_equal(features.video_present[:, 0], frozen.dataset.video_present[:, k])
    assert not features.video_present.all()
    assert np.allclose(features.video[:, 0], frozen.dataset.video[:, k], atol=1e-4)
    assert not features.video[~features.video_present].any()
    assert np.allclose(features.session.bins.video, frozen.dataset.session.bins.video, atol=1e-4)
    some = crops.features(data.start, np.array([2]))
    assert np.array_equal(some.video[2], features.video[2])


@pytest.mark.data
def test_real_clips_and_real_crops_have_the_live_features(tmp_path: Path, real_clips: list[Path]) -> None:
    """Video is tracked, cropped and encoded as in the app; stored crops are used unchanged."""
    folders = sorted((paths.data_dir() / "ravdess" / "face_crops_gray_20x224").glob("*/*"))
    if not folders:
        pytest.skip("no real face crops in the folder of EMOLIVE_DATA")
    items = [annotations.ClipEntry("film", str(real_clips[0]), str(real_clips[0]), "neutral", "1", "")]
    items += [annotations.ClipEntry(f.name, str(f), "", "happy", "2", "") for f in folders[:2]]
    annotations.write(tmp_path / "a.csv", items)
    backbone = make_backbone(tmp_path / "backbone.safetensors", 64)
    argv = [*SMALL, "--annotation_path", str(tmp_path / "a.csv"), "--pretrain_path", str(backbone)]
    argv += ["--allow_outside"]
    frozen, (data, _) = setup(argv), finetuned(argv)
    assert data.start is not None
    features = data.features(data.start)
    k = frozen.dataset.centre
    assert np.array_equal(features.video_present[:, 0], frozen.dataset.video_present[:, k])
    # The video is shorter than a window: bins outside of it are missing, not black.
    assert 10 <= features.video_present[0].sum() < 15
    assert features.video_present[1:].all()
    assert np.allclose(features.video[:, 0], frozen.dataset.video[:, k], atol=1e-4)
    assert features.video.std(axis=2).mean() > 0


def test_gradients_reach_the_backbone_and_missing_frames_stay_missing(arguments: list[str]) -> None:
    data, crops = finetuned(arguments)
    net = data_module.build_model(data, 1)
    encode = CropEncoder(make_fabric(FabricConfig()), net, crops, ImagePipeline())
    assert net.backbone is not None
    net.backbone.eval()
    k = data.dataset.centre
    clips = np.array([0, 5, 9])
    features = encode(clips, np.full(3, k), slice(1, None, 2))
    present = torch.from_numpy(np.array(data.dataset.video_present[clips, k]))
    assert not features[[0, 2]].any()
    assert torch.equal(features[1].abs().sum(dim=-1) > 0, present[1])
    assert np.allclose(features[1].detach().numpy(), data.features(net).video[5, 0], atol=1e-4)
    features.sum().backward()
    assert all(p.grad is not None for p in net.backbone.parameters())


def test_recomputed_activations_give_the_same_gradients(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, crops = finetuned(arguments)
    gradients = []
    for stored in (10**9, 0):
        monkeypatch.setattr(finetune, "STORED_PIXELS", stored)
        net = data_module.build_model(data, 1)
        assert net.backbone is not None
        net.backbone.eval()
        encode = CropEncoder(make_fabric(FabricConfig()), net, crops, image_pipeline(None))
        torch.manual_seed(0)
        encode(np.arange(3), np.zeros(3, int), slice(None)).square().sum().backward()
        gradients.append([p.grad for p in net.backbone.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_the_tuned_backbone_is_in_the_checkpoint_and_evaluated_by_its_own_features(
    tuned: Path, arguments: list[str], tmp_path: Path
) -> None:
    loaded = checkpoint.load(tuned / "model.safetensors")
    start = load_backbone(Path(arguments[arguments.index("--pretrain_path") + 1])).net.backbone
    assert loaded.net.backbone is not None
    before, after = start.state_dict(), loaded.net.backbone.state_dict()
    assert not torch.equal(before["stem.0.weight"], after["stem.0.weight"])
    assert torch.equal(before["stem.1.running_mean"], after["stem.1.running_mean"])
    data, _ = finetuned(arguments)
    # The statistics are those of the backbone that is in the file.
    training = [i for i, item in enumerate(data.dataset.items) if item.actor in "12"]
    stats = compute_global_stats(data.features(loaded.net), loaded.spec, training)
    assert np.allclose(stats.video.mean, Predictor(loaded).video_stats.mean, atol=1e-5)
    out = tmp_path / "out.json"
    clips = arguments[arguments.index("--annotation_path") + 1]
    argv = ["--checkpoint", str(tuned / "model.safetensors"), "--annotations", clips]
    # The split is an option of the run, and the evaluation covers all actors: compare those of actor 3.
    assert evaluate([*argv, "--baseline", "person", "--json", str(out)]) == 0
    rows = [row for row in json.loads(out.read_text())["rows"] if row["id"].startswith("a3")]
    tested = json.loads((tuned / "result.json").read_text())["figures"]["person"]["av"]
    correct = [max(row["probs"], key=row["probs"].get) == row["label"] for row in rows]
    assert tested["n"] == len(rows)
    assert tested["top1"] == pytest.approx(np.mean(correct))


@pytest.mark.parametrize("backbone", ["frozen", "finetune"])
def test_a_model_with_a_backbone_analyzes_a_file(
    arguments: list[str], tuned: Path, tmp_path: Path, backbone: str
) -> None:
    folder = tuned
    if backbone == "frozen":
        folder = tmp_path / "frozen"
        assert train([*arguments, "--n_epochs", "2", "--result_path", str(folder)]) == 0
    clip = write_clip(tmp_path / "clip.mkv", demo_frames(4.0), demo_audio(4.0))
    out = tmp_path / "rows.jsonl"
    model = str(folder / "model.safetensors")
    assert main(["analyze", str(clip), "--checkpoint", model, "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["modality"] for row in rows} >= {"av"}


def test_a_stopped_fine_tuning_resumes_to_the_same_weights(
    tuned: Path, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_epoch = EmotionTrainer.run_epoch

    def stop(self: EmotionTrainer, epoch: int, bar: ProgressBar) -> float:
        if epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(self, epoch, bar)

    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(EmotionTrainer, "run_epoch", stop)
        assert train([*arguments, *FINETUNE, "--n_epochs", "3", "--result_path", str(folder)]) == 130
    assert train(["--resume_path", str(folder)]) == 0
    a, b = (checkpoint.load(f / "model.safetensors").net.state_dict() for f in (tuned, folder))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_two_processes_fine_tune_as_one(arguments: list[str], tmp_path: Path) -> None:
    curves = []
    for devices in (1, 2):
        argv = [*arguments, *FINETUNE, "--mask", "softhard", "--n_epochs", "2", "--precision", "64-true"]
        assert run_on(devices, [*argv, "--result_path", str(tmp_path / str(devices))]) == 0
        curves.append(losses(tmp_path / str(devices)))
    assert curves[0][1] != curves[0][0]
    assert np.allclose(*curves, rtol=1e-5)


def test_the_published_recipe_trains_everything(arguments: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "published"
    recipe = ["--recipe", "published", "--audio", "mfcc", "--n_epochs", "1", "--shifts", "1"]
    assert train([*arguments[:4], *arguments[10:], *recipe, "--result_path", str(folder)]) == 0
    stored = read_config(folder / "config.yaml")
    assert (stored["backbone"], stored["backbone_lr_scale"], stored["rotation"]) == ("finetune", 1.0, 10.0)
    loaded = checkpoint.load(folder / "model.safetensors")
    assert loaded.spec.baselines == ()
    assert loaded.spec.arch == "chumachenko2022"


def test_damaged_crops_and_clips_without_a_face_are_named(arguments: list[str], tmp_path: Path) -> None:
    at = arguments.index("--annotation_path") + 1
    cache, extra = tmp_path / "cache", ["--backbone", "finetune", "--cache_path"]
    setup(arguments, *extra, str(cache))
    (crops,) = cache.glob("*/crops.npy")
    crops.write_bytes(crops.read_bytes()[:-1])
    with pytest.raises(MediaError, match="is damaged: delete the folder"):
        setup(arguments, *extra, str(cache))
    black = tmp_path / "black"
    black.mkdir()
    make_crop_clips(black)
    for path in black.glob("*.npy"):
        np.save(path, np.zeros_like(np.load(path)))
    faceless = [*arguments[:at], str(black / "annotations.csv"), *arguments[at + 1 :]]
    with pytest.raises(MediaError, match="No face was found"):
        setup(faceless, *extra, str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--encoder", "landmarks"], "a learned frame encoder alone"),
        (["--mixup", "0.4", "--devices", "2"], "one process"),
        (["--backbone", "thawed"], "--backbone must be one of"),
    ],
)
def test_what_cannot_be_tuned_is_rejected(
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    extra: list[str],
    message: str,
) -> None:
    argv = [*arguments, "--backbone", "finetune", *extra, "--result_path", str(tmp_path / "r"), "--dry_run"]
    assert train(argv) == 2
    assert message in capsys.readouterr().err


def test_a_process_encodes_only_its_own_samples(arguments: list[str]) -> None:
    """Each process draws the same random numbers, and has the same inputs for its own samples."""
    data, crops = finetuned(arguments)
    net = data_module.build_model(data, 1)
    assert net.backbone is not None
    net.backbone.eval()
    features, options = data.features(net), config.from_values({})
    batches = BatchMaker(
        replace(data.dataset, session=features.session),
        np.arange(12),
        data.spec,
        compute_global_stats(features, data.spec, range(12)),
        augment=window_pipeline(options),
        mode_shares=(0.3, 0.3, 0.4),
        encode=CropEncoder(make_fabric(FabricConfig()), net, crops, image_pipeline(options)),
    )
    with torch.no_grad():
        full, second = (
            batches.make(np.arange(8), seed_step(1, 0, 0), rank_slice)
            for rank_slice in (slice(None), slice(1, None, 2))
        )
    for a, b in zip(full, second, strict=True):
        assert torch.allclose(a[1::2], b[1::2], atol=1e-4)
    assert not torch.allclose(full[0][::2], second[0][::2], atol=1e-2)
