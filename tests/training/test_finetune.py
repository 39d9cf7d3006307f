"""Training through the pixel trunk: frozen, fine-tuned, resumed, evaluated and loaded live."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from emolive import paths as settings
from emolive.cli import main
from emolive.models.io import checkpoint
from emolive.models.io.backbone import load_backbone
from emolive.predictor import Predictor
from preprocessing import annotations
from tests.helpers.clips import drawn_pictures, drawn_sound, write_clip
from tests.training.made_faces import make_crop_clips, make_trunk
from tests.training.test_runs import losses, run
from training import config
from training import data_module as data
from training import finetune as pixels
from training.backbone.augment import AugmentConfig, to_pixels, views
from training.batches import Batches
from training.cli import evaluate, train
from training.emotion_trainer import EmotionTrainer
from training.fabric import make_fabric
from training.normalizer_sampler import populations
from training.progress import Bar
from training.trainer import seed_step

SMALL = ["--encoder", "efficientface", "--fusion", "ia", "--width", "0.25", "--shifts", "3"]
SMALL += ["--batch_size", "8", "--dropout", "0"]
FINETUNE = ["--trunk", "finetune", "--trunk_rate", "0.3", "--learning_rate", "0.005"]
SIDES = ["--test_actors", "3", "--validation_actors", "4"]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("crops")
    path, backbone = make_crop_clips(folder), make_trunk(folder / "trunk.safetensors")
    return [*SMALL, "--annotation_path", str(path), "--pretrain_path", str(backbone), *SIDES]


@pytest.fixture(scope="module")
def tuned(given: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "result"
    assert train([*given, *FINETUNE, "--n_epochs", "3", "--result_path", str(folder)]) == 0
    return folder


def prepared(arguments: list[str], **extra: Any) -> data.Prepared:
    kinds = {f.name: type(f.default) for f in fields(config.Options)}
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    named = {name.removeprefix("--"): value for name, value in pairs}
    options = config.options_from({**{name: kinds[name](value) for name, value in named.items()}, **extra})
    found = data.read_annotations(options)
    return data.prepare(options, found, make_fabric(options), Console(quiet=True))


def test_crops_give_the_vectors_that_a_frozen_trunk_is_trained_on(given: list[str]) -> None:
    frozen, crops = prepared(given), prepared(given, backbone="finetune")
    assert crops.pixels is not None
    assert crops.start is not None
    read = crops.read(crops.start)
    k = frozen.windows.centre
    assert np.array_equal(read.bins_present[:, 0], frozen.windows.bins_present[:, k])
    assert not read.bins_present.all()
    assert np.allclose(read.bins[:, 0], frozen.windows.bins[:, k], atol=1e-4)
    assert not read.bins[~read.bins_present].any()
    assert np.allclose(read.live.face, frozen.windows.live.face, atol=1e-4)
    some = crops.pixels.read(crops.start, np.array([2]))
    assert np.array_equal(some.bins[2], read.bins[2])


@pytest.mark.data
def test_real_clips_and_real_crops_are_seen_as_live(tmp_path: Path, real_clips: list[Path]) -> None:
    """Video is followed, cropped and encoded as the app does it; crops that somebody else cut are taken."""
    folders = sorted((settings.data_dir().resolve() / "ravdess" / "face_crops_gray_20x224").glob("*/*"))
    if not folders:
        pytest.skip("no real face crops in the folder of EMOLIVE_DATA")
    items = [annotations.ClipEntry("film", str(real_clips[0]), str(real_clips[0]), "neutral", "1", "")]
    items += [annotations.ClipEntry(f.name, str(f), "", "happy", "2", "") for f in folders[:2]]
    annotations.write(tmp_path / "a.csv", items)
    backbone = make_trunk(tmp_path / "trunk.safetensors", 64)
    arguments = [*SMALL, "--annotation_path", str(tmp_path / "a.csv"), "--pretrain_path", str(backbone)]
    frozen, crops = (
        prepared(arguments, allow_outside=True),
        prepared(arguments, allow_outside=True, backbone="finetune"),
    )
    assert crops.start is not None
    read = crops.read(crops.start)
    k = frozen.windows.centre
    assert np.array_equal(read.bins_present[:, 0], frozen.windows.bins_present[:, k])
    # The film is shorter than a window: what lies outside is missing, not black.
    assert 10 <= read.bins_present[0].sum() < 15
    assert read.bins_present[1:].all()
    assert np.allclose(read.bins[:, 0], frozen.windows.bins[:, k], atol=1e-4)
    assert read.bins.std(axis=2).mean() > 0


def test_a_batch_goes_from_pixels_to_loss_with_gradients_and_missing_frames_stay_missing(
    given: list[str],
) -> None:
    found = prepared(given, backbone="finetune")
    assert found.pixels is not None
    fabric = make_fabric(config.Options())
    net = data.build_model(found, 1)
    look = pixels.PixelLook(fabric, net, found.pixels, AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0))
    assert net.backbone is not None
    net.backbone.eval()
    k = found.windows.centre
    clips = np.array([0, 5, 9])
    vectors = look(clips, np.full(3, k), slice(1, None, 2))
    there = torch.from_numpy(np.array(found.windows.bins_present[clips, k]))
    assert not vectors[[0, 2]].any()
    assert torch.equal(vectors[1].abs().sum(dim=-1) > 0, there[1])
    assert np.allclose(vectors[1].detach().numpy(), found.read(net).bins[5, 0], atol=1e-4)
    vectors.sum().backward()
    assert all(p.grad is not None for p in net.backbone.parameters())


def test_what_is_computed_twice_gives_the_same_gradients(
    given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prepared(given, backbone="finetune")
    assert found.pixels is not None
    gradients = []
    for kept in (10**9, 0):
        monkeypatch.setattr(pixels, "KEPT_PIXELS", kept)
        net = data.build_model(found, 1)
        assert net.backbone is not None
        net.backbone.eval()
        look = pixels.PixelLook(make_fabric(config.Options()), net, found.pixels, AugmentConfig())
        torch.manual_seed(0)
        look(np.arange(3), np.zeros(3, int), slice(None)).square().sum().backward()
        gradients.append([p.grad for p in net.backbone.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_all_frames_of_a_window_are_seen_alike() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 255, (2, 24, 24, 3), dtype=torch.uint8).repeat_interleave(3, dim=0)
    seen = views(2, AugmentConfig(occlusion=1))
    assert seen is not None
    x = to_pixels(images, 24, seen.of(torch.tensor([0, 0, 0, 1, 1, 1]))).view(2, 3, 3, 24, 24)
    assert torch.equal(x[:, 0], x[:, 2])
    assert not torch.allclose(x[0, 0], to_pixels(images, 24)[0], atol=0.05)


def test_the_tuned_trunk_travels_with_its_model_and_is_evaluated_by_its_own_vectors(
    tuned: Path, given: list[str], tmp_path: Path
) -> None:
    loaded = checkpoint.load(tuned / "model.safetensors")
    began = load_backbone(Path(given[given.index("--pretrain_path") + 1])).net.backbone
    assert loaded.net.backbone is not None
    before, after = began.state_dict(), loaded.net.backbone.state_dict()
    assert not torch.equal(before["stem.0.weight"], after["stem.0.weight"])
    assert torch.equal(before["stem.1.running_mean"], after["stem.1.running_mean"])
    found = prepared(given, backbone="finetune")
    # Populations are those of the trunk that is in the file.
    training = [i for i, item in enumerate(found.windows.items) if item.actor in "12"]
    known = populations(found.read(loaded.net), loaded.spec, training)
    assert np.allclose(known.face.mean, Predictor(loaded).video_stats.mean, atol=1e-5)
    out = tmp_path / "out.json"
    clips = given[given.index("--annotation_path") + 1]
    arguments = ["--checkpoint", str(tuned / "model.safetensors"), "--annotations", clips]
    # The split is by hand, so that evaluation sees the clips of all actors: only actor 3 is compared.
    assert evaluate([*arguments, "--baseline", "person", "--json", str(out)]) == 0
    rows = {row["id"]: row for row in json.loads(out.read_text())["rows"]}
    tested = json.loads((tuned / "result.json").read_text())["figures"]["person"]["av"]
    mine = [row for name, row in rows.items() if name.startswith("a3")]
    right = [max(row["probs"], key=row["probs"].get) == row["label"] for row in mine]
    assert tested["n"] == len(mine)
    assert tested["top1"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize("backbone", ["frozen", "finetune"])
def test_a_model_with_a_trunk_reads_a_file_live(
    given: list[str], tuned: Path, tmp_path: Path, backbone: str
) -> None:
    folder = tuned
    if backbone == "frozen":
        folder = tmp_path / "frozen"
        assert train([*given, "--n_epochs", "2", "--result_path", str(folder)]) == 0
    clip = write_clip(tmp_path / "clip.mkv", drawn_pictures(4.0), drawn_sound(4.0))
    out = tmp_path / "rows.jsonl"
    model = str(folder / "model.safetensors")
    assert main(["analyze", str(clip), "--checkpoint", model, "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["modality"] for row in rows} >= {"av"}


def test_a_stopped_fine_tuning_ends_with_the_same_bits(
    tuned: Path, given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EmotionTrainer._epoch

    def stop(self: EmotionTrainer, epoch: int, bar: Bar) -> float:
        if epoch == 2:
            raise KeyboardInterrupt
        return real(self, epoch, bar)

    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(EmotionTrainer, "_epoch", stop)
        assert train([*given, *FINETUNE, "--n_epochs", "3", "--result_path", str(folder)]) == 130
    assert train(["--resume_path", str(folder)]) == 0
    a, b = (checkpoint.load(f / "model.safetensors").net.state_dict() for f in (tuned, folder))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_two_processes_fine_tune_as_one(given: list[str], tmp_path: Path) -> None:
    curves = []
    for devices in ("1", "2"):
        arguments = [*given, *FINETUNE, "--mask", "softhard", "--n_epochs", "2", "--devices", devices]
        arguments += ["--precision", "64-true"]
        assert run([*arguments, "--result_path", str(tmp_path / devices)], stdout=DEVNULL).wait(170) == 0
        curves.append(losses(tmp_path / devices))
    assert curves[0][1] != curves[0][0]
    assert np.allclose(*curves, rtol=1e-5)


def test_the_reference_recipe_trains_everything(given: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    published = ["--recipe", "reference", "--audio", "mfcc", "--n_epochs", "1", "--shifts", "1"]
    assert train([*given[:4], *given[10:], *published, "--result_path", str(folder)]) == 0
    stored = json.loads((folder / "config.json").read_text())["options"]
    assert (stored["backbone"], stored["trunk_rate"], stored["rotation"]) == ("finetune", 1.0, 10.0)
    loaded = checkpoint.load(folder / "model.safetensors")
    assert loaded.spec.baselines == ()
    assert loaded.spec.arch == "reference"


def test_damaged_crops_and_clips_without_a_face_are_named(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = given.index("--annotation_path") + 1
    cache, run_in = tmp_path / "cache", ["--trunk", "finetune", "--dry_run", "--cache_path"]
    assert train([*given, *run_in, str(cache)]) == 0
    (crops,) = cache.glob("*/crops.bin")
    crops.write_bytes(crops.read_bytes()[:-1])
    assert train([*given, *run_in, str(cache)]) == 2
    assert "is damaged: delete it" in capsys.readouterr().err
    black = tmp_path / "black"
    black.mkdir()
    make_crop_clips(black)
    for path in black.glob("*.npy"):
        np.save(path, np.zeros_like(np.load(path)))
    faceless = [*given[:at], str(black / "annotations.csv"), *given[at + 1 :]]
    assert train([*faceless, *run_in, str(tmp_path / "other")]) == 2
    assert "No face was found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--encoder", "geometry"], "efficientface alone"),
        (["--mixup", "0.4", "--devices", "2"], "one process"),
        (["--trunk", "thawed"], "--trunk"),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    given: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, extra: list[str], told: str
) -> None:
    arguments = [*given, "--trunk", "finetune", *extra, "--result_path", str(tmp_path / "r"), "--dry_run"]
    if "thawed" in extra:
        with pytest.raises(SystemExit):
            train(arguments)
    else:
        assert train(arguments) == 2
    assert told in capsys.readouterr().err


def test_batches_need_not_look_at_the_samples_of_others(given: list[str]) -> None:
    """Each process draws the same, and the inputs of its own samples are the same."""
    found = prepared(given, backbone="finetune")
    assert found.pixels is not None
    fabric = make_fabric(config.Options())
    net = data.build_model(found, 1)
    assert net.backbone is not None
    net.backbone.eval()
    windows = found.read(net)
    batches = Batches(
        replace(found.windows, live=windows.live),
        np.arange(12),
        found.spec,
        populations(windows, found.spec, range(12)),
        strengths=config.strengths(config.Options()),
        shares=(0.3, 0.3, 0.4),
        look=pixels.PixelLook(fabric, net, found.pixels, AugmentConfig()),
    )
    with torch.no_grad():
        atomic_write, second = (
            batches.batch(np.arange(8), seed_step(1, 0, 0), mine) for mine in (slice(None), slice(1, None, 2))
        )
    for a, b in zip(atomic_write, second, strict=True):
        assert torch.allclose(a[1::2], b[1::2], atol=1e-4)
    assert not torch.allclose(atomic_write[0][::2], second[0][::2], atol=1e-2)
