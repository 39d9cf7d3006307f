"""FER+ votes, synthetic faces in FERPlus's layout, pretraining, and rejected options."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive import paths
from emolive._compat.opencv import cv2
from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.io.backbone import (
    FaceClassifier,
    adapt_input_conv,
    is_backbone_file,
    load_backbone,
    save_backbone,
)
from emolive.models.spec import ModelSpec
from tests.helpers.training_runs import losses, run_on
from training.augment.pipeline import ImagePipeline, image_pipeline
from training.backbone import ferplus as protocol
from training.backbone import metrics
from training.backbone.dataset import TRAINING, VALIDATION, read, read_ferplus
from training.backbone.pixels import prepare_pixels
from training.cli import evaluate, train

SIZE = 32
OPTIONS = "--sample_size 32 --batch_size 16 --n_epochs 8 --learning_rate 0.01 --ema_decay 0.5 --dropout 0"
SMALL = OPTIONS.split()
SIDES = {
    "FER2013Train": ("Training", 96),
    "FER2013Valid": ("PublicTest", 32),
    "FER2013Test": ("PrivateTest", 16),
}


def face(kind: int, rng: np.random.Generator) -> np.ndarray:
    """A gray 48 x 48 image: bright above, below or in the middle."""
    image = rng.normal(90, 15, (48, 48))
    image[kind * 16 : kind * 16 + 16] += 110
    return np.clip(image, 0, 255).astype(np.uint8)


def encoded(image: np.ndarray, suffix: str = ".png") -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


@pytest.fixture(scope="module")
def ferplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip file of synthetic faces with separable classes and some unusual rows."""
    path = tmp_path_factory.mktemp("ferplus") / "faces.zip"
    rng = np.random.default_rng(0)
    rows = ["Usage,Image name," + ",".join(protocol.COLUMNS)]
    with zipfile.ZipFile(path, "w") as file:
        number = 0
        for folder, (usage, n) in SIDES.items():
            for i in range(n):
                kind = i % 3
                votes = [0] * 10
                votes[kind], votes[(kind + 1) % 3] = 8, 2
                name = f"fer{number:07}"
                # As in the published table: .png in the table, .jpg in the archive.
                file.writestr(f"FERPlus/data/{folder}/{name}.jpg", encoded(face(kind, rng), ".jpg"))
                rows.append(f"{usage},{name}.png,{','.join(map(str, votes))}")
                number += 1
        rows.append("Training,,0,0,0,0,0,0,0,0,0,10")
        rows.append("Training,fer9999999.png,10,0,0,0,0,0,0,0,0,0")
        file.writestr("FERPlus/fer2013new.csv", "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(ferplus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "result"
    assert train(["backbone", str(ferplus), *SMALL, "--result-path", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    ("votes", "counted", "has_majority", "shares"),
    [
        ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0, True, {0: 0.8, 1: 0.2}),
        # Classes with a single vote are ignored.
        ([5, 1, 1, 1, 1, 1, 0, 0, 0, 0], 0, True, {0: 1.0}),
        ([4, 0, 0, 3, 2, 1, 0, 0, 0, 0], 0, False, {0: 4 / 9, 3: 3 / 9, 4: 2 / 9}),
        # Ties are excluded from the accuracy, but not from training.
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], protocol.EXCLUDED, False, {0: 0.5, 1: 0.5}),
        ([0, 0, 0, 2, 0, 0, 0, 0, 8, 0], protocol.EXCLUDED, False, {}),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], protocol.EXCLUDED, False, {}),
        ([5, 0, 0, 0, 0, 0, 0, 0, 5, 0], protocol.EXCLUDED, False, {}),
        ([6, 0, 0, 0, 0, 0, 0, 0, 4, 0], 0, True, {0: 1.0}),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], protocol.EXCLUDED, False, {}),
        ([0, 0, 0, 0, 0, 0, 0, 3, 2, 2], 7, False, {7: 1.0}),
    ],
)
def test_the_protocol(votes: list[int], counted: int, has_majority: bool, shares: dict[int, float]) -> None:
    one = np.array([votes])
    assert protocol.majority(one)[0] == counted
    assert protocol.over_half(one)[0] == has_majority
    expected = np.zeros(8, np.float32)
    for place, share in shares.items():
        expected[place] = share
    assert protocol.distribution(one)[0] == pytest.approx(expected)


def test_a_zip_file_and_a_folder_are_read_alike(ferplus: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(ferplus) as file:
        file.extractall(tmp_path)
    zipped, plain = read(ferplus, 48), read(tmp_path / "FERPlus", 48)
    assert {name: len(faces) for name, faces in zipped.splits.items()} == {
        "training": 96,
        "validation": 32,
        "testing": 16,
    }
    assert zipped.n_missing == 1
    for split, faces in zipped.splits.items():
        assert faces.is_gray
        assert np.array_equal(faces.images, plain.splits[split].images)
        assert np.array_equal(faces.targets, plain.splits[split].targets)
        assert faces.targets.sum(axis=1) == pytest.approx(1)
    assert read_ferplus(ferplus, 32, only=(VALIDATION,)).splits[VALIDATION].images.shape == (32, 32, 32)


def test_the_small_tables_of_ferplus_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "FER2013Test"
    folder.mkdir()
    (folder / "fer0000001.png").write_bytes(encoded(face(1, np.random.default_rng(0))))
    (folder / "label.csv").write_text('fer0000001.png,"(0, 0, 48, 48)",0,9,1,0,0,0,0,0,0,0\n')
    faces = read(tmp_path, 48).splits["testing"]
    assert faces.classes.tolist() == [1]


def test_folders_of_classes_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in range(3):
            folder = tmp_path / split / str((2, 10, 1)[kind])
            folder.mkdir(parents=True)
            for i in range(3):
                colour = np.dstack([face(kind, rng)] * 3) // np.array([1, 2, 3], np.uint8)
                (folder / f"{i}.png").write_bytes(encoded(colour[:, :40]))
    data = read(tmp_path, 36, labels=("b", "a", "c"))
    faces = data.splits[TRAINING]
    assert faces.images.shape == (9, 36, 36, 3)
    assert not faces.is_gray
    # Sorted by number: 1, 2, 10.
    assert [Path(n).parts[1] for n in faces.names] == ["1"] * 3 + ["10"] * 3 + ["2"] * 3
    assert faces.classes.tolist() == [0] * 3 + [2] * 3 + [1] * 3
    assert data.labels == ("b", "a", "c")
    result = tmp_path / "result"
    assert train(["backbone", str(tmp_path), *SMALL, "--epochs", "1", "--result_path", str(result)]) == 0
    net = load_backbone(result / "backbone.safetensors").net
    assert net.labels == ("1", "2", "10")
    assert net.pixels.mean[0] > net.pixels.mean[1] > net.pixels.mean[2]


def test_a_run_learns_and_its_backbone_is_used(trained: Path, ferplus: Path, tmp_path: Path) -> None:
    loaded = load_backbone(trained / "backbone.safetensors")
    assert loaded.net.labels == protocol.LABELS
    assert loaded.net.pixels.size == SIZE
    assert loaded.provenance["data"] == {"name": "faces.zip", "training": 96, "validation": 32, "testing": 16}
    out = tmp_path / "figures.json"
    arguments = ["ferplus", str(ferplus), "--checkpoint", str(trained / "backbone.safetensors")]
    assert evaluate([*arguments, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["n"] == 144
    assert figures["top1"] > 0.9
    assert set(figures["splits"]) == {"training", "validation", "testing"}
    assert figures["splits"]["validation"]["top1"] == pytest.approx(loaded.provenance["figures"]["val_top1"])
    assert sum(figures["rows"][0]["probs"].values()) == pytest.approx(1)
    again = tmp_path / "again"
    start = [
        "--pretrain_path",
        str(trained / "backbone.safetensors"),
        "--learning_rate",
        "1e-9",
        "--epochs",
        "1",
    ]
    assert train(["backbone", str(ferplus), *SMALL, *start, "--result_path", str(again)]) == 0
    weight = load_backbone(again / "backbone.safetensors").net.classifier.weight
    assert torch.allclose(weight, loaded.net.classifier.weight, atol=1e-4)


def test_a_classifier_is_stored_in_a_full_checkpoint(trained: Path, ferplus: Path, tmp_path: Path) -> None:
    net = load_backbone(trained / "backbone.safetensors").net
    full = factory.build(ModelSpec(pixels=net.pixels))
    assert full.backbone is not None
    full.backbone.load_state_dict(net.backbone.state_dict())
    checkpoint.save(tmp_path / "full.safetensors", full, provenance={}, face_head=net.head)
    checkpoint.save(tmp_path / "bare.safetensors", full, provenance={})
    figures = []
    for path in (trained / "backbone.safetensors", tmp_path / "full.safetensors"):
        assert (
            evaluate(["ferplus", str(ferplus), "--checkpoint", str(path), "--json", str(tmp_path / "o")]) == 0
        )
        figures.append(json.loads((tmp_path / "o").read_text()))
    assert figures[0]["rows"] == figures[1]["rows"]
    assert evaluate(["ferplus", str(ferplus), "--checkpoint", str(tmp_path / "bare.safetensors")]) == 2


def test_a_stopped_run_resumes_to_the_same_weights(
    trained: Path, ferplus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.backbone.trainer import BackboneTrainer

    run_epoch, begun = BackboneTrainer.run_epoch, []

    def stop(self: BackboneTrainer, epoch: int, bar: object) -> float:
        begun.append(epoch)
        if epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(self, epoch, bar)  # type: ignore[arg-type]

    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(BackboneTrainer, "run_epoch", stop)
        assert train(["backbone", str(ferplus), *SMALL, "--result_path", str(folder)]) == 130
    assert begun == [0, 1, 2]
    assert train(["backbone", "--resume_path", str(folder)]) == 0
    for name in ("net", "ema"):
        a, b = (torch.load(f / "last.pt", weights_only=True)[name] for f in (trained, folder))
        assert all(torch.equal(a[key], b[key]) for key in a)
    files = [(f / "backbone.safetensors").read_bytes() for f in (trained, folder)]
    assert files[0] == files[1]
    assert not list(folder.glob("*.part"))


def test_two_processes_train_as_one(ferplus: Path, tmp_path: Path) -> None:
    """Batch statistics and augmentation cover the global batch."""
    arguments = [
        "backbone",
        str(ferplus),
        *SMALL,
        "--epochs",
        "2",
        "--mixup",
        "0.2",
        "--precision",
        "64-true",
    ]
    for devices in (1, 2):
        assert run_on(devices, [*arguments, "--result_path", str(tmp_path / str(devices))]) == 0
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one[0] != one[1]
    assert np.allclose(one, two, rtol=1e-5)


def test_a_backbone_trained_on_gray_faces_converts_colour_to_gray() -> None:
    torch.manual_seed(0)
    net = FaceClassifier(("a", "b"), PixelSpec(SIZE, "BGR", (0.5,) * 3, (0.2,) * 3))
    net.train()(torch.randn(8, 3, SIZE, SIZE))
    net.eval()
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 255, (2, SIZE, SIZE, 3), dtype=np.uint8)
    shades = colour.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32) / 255
    gray = prepare_pixels(torch.from_numpy(shades)[:, None].expand(-1, 3, -1, -1), net.pixels)
    before = net(gray)
    adapt_input_conv(net)
    after = net(prepare_pixels(ImagePipeline()(torch.from_numpy(colour), SIZE), net.pixels))
    assert torch.allclose(net(gray), before, atol=1e-4)
    assert torch.allclose(after, before, atol=1e-4)


def test_labels_of_other_data_sets_are_mapped_to_ferplus() -> None:
    assert metrics.ferplus_columns(("happy", "sad", "Neutral")) == [2, 0, -1, 1, -1, -1, -1, -1]
    raw = metrics.to_ferplus(np.array([[3.0, 2.0, 1.0]], np.float32), ("happy", "sad", "neutral"))
    assert raw[0, :2].tolist() == [1, 3]
    with pytest.raises(EmoliveError, match="labels"):
        metrics.ferplus_columns(("cat", "dog"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "no folder or zip"),
        (lambda p: p.write_bytes(b"no zip"), "neither a folder nor a readable zip"),
        (lambda p: p.mkdir(), "no faces"),
        (lambda p: put(p, {"FER2013Train/a.png": b"x"}), "votes"),
        (lambda p: put(p, {"FER2013Train/a.png": b"x", "fer2013new.csv": ROW}), "damaged"),
        (lambda p: put(p, {"FER2013Train/a.png": b"", "fer2013new.csv": ROW}), "damaged"),
        (lambda p: put(p, {"FER2013Train/b.png": b"x", "fer2013new.csv": ROW}), "no faces with votes"),
        (lambda p: put(p, {"FER2013Train/a.png": b"x", "fer2013new.csv": b"Training,a.png,1,x"}), "Line 1"),
        (lambda p: put(p, {"FER2013Valid/a.png": PICTURE, "fer2013new.csv": ROW}), "to train on"),
        (lambda p: put(p, {"train/happy/a.png": PICTURE}), "only one class"),
    ],
)
def test_faces_that_cannot_be_used_are_rejected_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: object, message: str
) -> None:
    make(tmp_path / "faces")  # type: ignore[operator]
    assert train(["backbone", str(tmp_path / "faces"), "--result_path", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "r").exists()


ROW = b"Training,a.png,9,0,0,1,0,0,0,0,0,0\n"
PICTURE = encoded(np.zeros((48, 48), np.uint8))


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--sample_size", "49"], "even"),
        (["--sample_size", "8"], "from 32"),
        (["--learning_rate", "nan"], "from 1e-09"),
        (["--labels", "a,b"], "its own labels"),
        (["--pretrain_path", "nowhere.pth.tar"], "no file"),
        (["--resume_path", "nowhere"], "not the result folder"),
        (["--config", "nowhere.json"], "cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_rejected(
    ferplus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], message: str
) -> None:
    assert train(["backbone", str(ferplus), *extra, "--result_path", str(tmp_path / "r"), "--dry_run"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_dry_run_measures_a_step_and_writes_nothing(
    ferplus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["backbone", str(ferplus), *SMALL, "--result_path", str(tmp_path / "r"), "--dry_run"]
    assert train(arguments) == 0
    assert "Training takes about" in capsys.readouterr().out
    assert not (tmp_path / "r").exists()


def test_a_second_run_does_not_overwrite_the_first(
    trained: Path, ferplus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(["backbone", str(ferplus), *SMALL, "--result_path", str(trained)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train(["backbone", "--resume_path", str(trained), "--learning_rate", "0.5"]) == 2
    assert "learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "text", "odd", "infinite"])
def test_a_damaged_backbone_file_is_rejected(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = tmp_path / "backbone.safetensors"
    content = (trained / "backbone.safetensors").read_bytes()
    if damage == "odd":
        net = FaceClassifier(("a", "b"), PixelSpec(SIZE))
        net.labels = ("a", "b", "c")
        save_backbone(path, net, provenance={})
    elif damage == "infinite":
        net = FaceClassifier(("a", "b"), PixelSpec(SIZE))
        net.classifier.bias.data[0] = float("inf")
        save_backbone(path, net, provenance={})
    else:
        path.write_bytes(content[:-100] if damage == "cut" else b"text")
    with pytest.raises(EmoliveError):
        load_backbone(path)
    assert evaluate(["ferplus", str(tmp_path), "--checkpoint", str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_backbone_file_is_no_model_and_a_model_no_backbone_file(
    trained: Path, random_checkpoint: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EmoliveError, match="not an emolive checkpoint"):
        checkpoint.load(trained / "backbone.safetensors")
    model = random_checkpoint("ia")  # type: ignore[operator]
    assert not is_backbone_file(model)
    with pytest.raises(EmoliveError, match="not a backbone checkpoint"):
        load_backbone(model)
    assert evaluate(["ferplus", "nowhere", "--checkpoint", str(model)]) == 2
    assert "not pixels" in capsys.readouterr().err


@pytest.mark.data
def test_the_real_faces() -> None:
    path = paths.data_dir() / "ferplus" / "ferplus.zip"
    if not path.is_file():
        pytest.skip(f"no {path}: set EMOLIVE_DATA")
    faces = read_ferplus(path, 48, only=(VALIDATION,)).splits[VALIDATION]
    assert len(faces) == 3579
    assert (faces.classes >= 0).sum() == 3396
    assert np.bincount(faces.classes[faces.classes >= 0]).tolist() == [1242, 880, 441, 395, 310, 31, 73, 24]
    assert faces.has_majority.sum() == 3199
    torch.manual_seed(0)
    net = FaceClassifier(protocol.LABELS, PixelSpec(48, "BGR", (0.5,) * 3, (0.25,) * 3)).train()
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    augment, losses = image_pipeline(None), []
    for start in range(0, 640, 64):
        images = torch.from_numpy(faces.images[start : start + 64])
        x = prepare_pixels(augment(images, 48, augment.draw(len(images))), net.pixels)
        targets = torch.from_numpy(faces.targets[start : start + 64])
        loss = -(targets * net(x).log_softmax(dim=-1)).sum(dim=-1).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < losses[0]


def test_a_model_starts_from_a_backbone_file(trained: Path, tmp_path: Path) -> None:
    from training.config import TrainConfig
    from training.pretrained import pretrained

    path = trained / "backbone.safetensors"
    faces = load_backbone(path).net
    requested = ModelSpec(encoders=("efficientface",), pixels=PixelSpec(224))
    net, spec = pretrained(TrainConfig(pretrain_path=str(path)), requested)
    assert net is not None
    assert net.backbone is not None
    assert spec.pixels == faces.pixels
    assert all(
        torch.equal(a, b) for a, b in zip(net.backbone.parameters(), faces.backbone.parameters(), strict=True)
    )
    with pytest.raises(EmoliveError, match="reads no images"):
        pretrained(
            TrainConfig(pretrain_path=str(path)), ModelSpec(encoders=("landmarks",), landmarker="dlib68")
        )


def test_an_encoder_of_images_starts_from_the_shipped_backbone() -> None:
    from emolive.models.io.backbone import load_backbone
    from emolive.paths import assets_dir
    from training.config import TrainConfig
    from training.pretrained import pretrained, start_path

    shipped = load_backbone(assets_dir() / "models" / "efficientface.safetensors")
    net, spec = pretrained(TrainConfig(), ModelSpec(encoders=("efficientface",)))
    assert net is not None
    assert net.backbone is not None
    assert spec.pixels == shipped.net.pixels
    expected = shipped.net.backbone.state_dict()
    assert all(torch.equal(values, expected[name]) for name, values in net.backbone.state_dict().items())
    assert shipped.net.labels == protocol.LABELS
    # The accuracy in the card was measured, and is far above that of the most frequent class.
    assert shipped.provenance["figures"]["val_top1"] > 0.5
    assert start_path(TrainConfig(), ("landmarks",)) is None
    assert start_path(TrainConfig(pretrain_path="x"), ("landmarks",)) == Path("x")
