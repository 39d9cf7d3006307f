"""Layers of a run's options: defaults, recipe, an earlier run, the command line; old names and values."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from emolive.cli.config_file import read_config
from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.spec import ModelSpec
from training import config, run_config
from training.backbone import config as backbone_config
from training.config import TrainConfig
from training.ineffective_options import ineffective_options
from training.model_options import model_spec


def parse(*argv: str) -> TrainConfig:
    (options,) = config.parse(argv, prog="emolive-train")
    assert isinstance(options, TrainConfig)
    return options


def test_the_default_recipe_equals_the_defaults() -> None:
    assert asdict(parse("--recipe", "default")) == asdict(parse())
    stored = read_config(run_config.recipe_path("default"))
    assert all(asdict(parse())[name] == value for name, value in stored.items())


def test_the_published_recipe_and_what_overrides_it() -> None:
    options = asdict(parse("--recipe", "published", "--learning_rate", "0.1", "--encoder", "efficientface"))
    assert (options["mask"], options["batch_size"], options["optimizer"]) == ("softhard", 8, "sgd")
    assert (options["learning_rate"], options["backbone"], options["rotation"]) == (0.1, "finetune", 10.0)
    assert options["low_fps_prob"] == 0
    # Without an encoder that can be trained, there is no backbone to train.
    assert parse("--recipe", "published", "--encoder", "landmarks").backbone == "frozen"


def test_the_published_options_bring_the_published_model() -> None:
    weights = ["--pretrain_path", "EfficientFace_Trained_on_AffectNet7.pth.tar"]
    for argv in (["--recipe", "published"], ["--recipe", "reference"], weights):
        options = parse(*argv)
        assert (options.encoder, options.audio, options.arch) == ("efficientface", "mfcc", "chumachenko2022")
        assert (options.mask, options.fusion, options.backbone) == ("softhard", "ia", "finetune")
        assert options.is_published
        spec = model_spec(options, ("a", "b"))
        assert spec == ModelSpec(fusion="ia", labels=("a", "b"))
    assert parse(*weights, "--recipe", "default").encoder == "landmarks"
    assert not parse(*weights, "--encoder", "landmarks").is_published


def test_the_other_options_of_the_published_code_are_taken() -> None:
    argv = "--dataset RAVDESS --model multimodalcnn --device cuda --sample_size 224 --sample_duration 15"
    argv += " --momentum 0.8 --lr_steps 40 55 --dampening 0.7 --lr_patience 10 --begin_epoch 1 --test"
    argv += " --store_name model --n_threads 4 --video_norm_value 255 --n_classes 8 --device=cpu"
    options = parse(*argv.split())
    assert (options.arch, options.accelerator, options.workers) == ("chumachenko2022", "cpu", 4)
    assert (options.momentum, options.dampening, options.lr_steps) == (0.8, 0.7, (40, 55))
    assert parse("--device", "cuda").accelerator == "auto"


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        ("--dataset CREMA", "annotation file names the clips"),
        ("--video_norm_value 1", "divided by 255"),
        ("--begin-epoch=5", "--resume-path continues"),
        ("--lr_patience 3", "never steps it"),
        ("--store_name mine", "fixed names"),
        ("--model resnet", "no architecture resnet"),
        ("--store_name", "needs a value"),
        ("--sample_size 25", "must be even"),
    ],
)
def test_options_of_the_published_code_are_refused_with_the_reason(argv: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        factory.architecture(parse(*argv.split()).arch)


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("n-epochs: 3\ngain_db: 1.5\n")
    options = parse("--recipe", str(recipe), "--shifts", "3")
    assert (options.n_epochs, options.shifts, vars(options)["gain_db"]) == (3, 3, 1.5)
    recipe.write_text("no_such_option: 3\n")
    with pytest.raises(ConfigError, match="no option no_such_option"):
        parse("--recipe", str(recipe))
    with pytest.raises(ConfigError, match=r"no recipe mine: choose .*default, published"):
        parse("--recipe", "mine")


def test_a_configuration_repeats_a_run_and_the_command_line_overrides_it(tmp_path: Path) -> None:
    options = parse("--fusion", "ia", "--noise", "0.4", "--recipe", "published")
    run_config.write_run_config(tmp_path, options)
    stored = str(tmp_path / run_config.CONFIG)
    assert asdict(parse("--config", stored)) == asdict(options)
    assert parse(f"--config={stored}", "--fusion", "it").fusion == "it"
    resumed = parse("--resume_path", str(tmp_path))
    assert (resumed.fusion, resumed.result_path) == ("ia", str(tmp_path))
    with pytest.raises(ConfigError, match="has fusion ia, not it"):
        parse("--resume_path", str(tmp_path), "--fusion", "it")


def test_configurations_of_version_0_1_are_read(tmp_path: Path) -> None:
    old = {
        "annotation_path": "a.csv", "encoder": "efficientface", "variant": "reference", "trunk": "finetune",
        "trunk_rate": 1.0, "recipe": "reference", "joint_gradient": 1.0, "ema": 0.5, "clip_norm": 2.0,
        "few_frames": 0.25, "late": 0.125, "mask": "softhard",
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps({"options": old}))
    options = parse("--config", str(tmp_path / "config.json"))
    assert (options.arch, options.backbone, options.recipe) == ("chumachenko2022", "finetune", "published")
    assert (options.backbone_lr_scale, options.joint_grad_scale) == (1.0, 1.0)
    assert (options.ema_decay, options.grad_clip) == (0.5, 2.0)
    assert (options.optimizer, options.schedule) == ("sgd", "steps")
    augment = asdict(options)
    assert (augment["low_fps_prob"], augment["partial_window_prob"]) == (0.25, 0.125)
    assert parse("--resume_path", str(tmp_path)).result_path == str(tmp_path)


def test_old_spellings_are_aliases() -> None:
    options = asdict(parse("--few-frames", "0.25", "--late=0.5", "--clip_norm", "2", "--variant", "residual"))
    assert (options["low_fps_prob"], options["partial_window_prob"]) == (0.25, 0.5)
    assert (options["grad_clip"], options["arch"]) == (2, "emolive")
    assert parse("--recipe", "reference").is_published


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--shifts", "2"], "--shifts must be odd"),
        (["--p_video", "0.7", "--p_audio", "0.7"], "must not add up"),
        (["--batch_size", "9", "--devices", "2"], "must be divisible"),
        (["--backbone", "finetune"], "a learned frame encoder alone"),
        (["--baseline_shares", "1,2"], "three numbers"),
        (["--config"], "--config needs the path"),
        (["--config", "nowhere.json"], "cannot be read"),
        (["--resume_path", "nowhere"], "not the result folder of a run: there is nothing"),
        (["--landmark_noise", "-1"], "--landmark-noise must be"),
    ],
)
def test_options_that_do_not_fit_are_rejected(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(*argv)


def test_shares_of_the_modes_sum_to_one() -> None:
    assert config.mode_shares(parse("--baseline_shares", "1,1,2")) == [0.25, 0.25, 0.5]


def test_a_backbone_has_a_recipe_of_its_own() -> None:
    options = backbone_config.parse(["DATA", "--epochs", "3"], prog="emolive-train backbone")
    assert (options.n_epochs, vars(options)["rotation"], vars(options)["occlusion"]) == (3, 15.0, 0.3)
    with pytest.raises(ConfigError, match="DATA is missing"):
        backbone_config.parse([], prog="emolive-train backbone")


@pytest.mark.parametrize("command", [["run"], ["crossval"], ["backbone", "faces"]])
def test_wrong_options_are_reported_before_lightning_is_imported(command: list[str]) -> None:
    code = (
        "import sys\n"
        "from training.cli import train\n"
        "code = train(sys.argv[1:])\n"
        "sys.exit(1 if 'lightning' in sys.modules else code)\n"
    )
    wrong = [sys.executable, "-c", code, *command, "--batch_size", "none"]
    result = subprocess.run(wrong, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr


def test_options_without_effect_are_named() -> None:
    options = parse("--p_video", "0.2", "--momentum", "0.5", "--sample_size", "224", "--teach_face", "0.3")
    spec = model_spec(options, ("a", "b"))
    sentences = ineffective_options(options, spec)
    assert [sentence.split()[0] for sentence in sentences] == ["--p-video", "--momentum", "--sample-size"]
    assert "only --mask drop uses it" in sentences[0]
    published = parse("--recipe", "published", "--sample_size", "96", "--lr_steps", "3")
    assert ineffective_options(published, model_spec(published, ("a", "b"))) == ()
