"""Checkpoint files for tests: altered ones, those of format 2, and those of the published code."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from emolive.errors import EmoliveError
from emolive.models.efficientface import EfficientFace
from emolive.models.factory import build
from emolive.models.input_spec import AudioSpec, PixelSpec
from emolive.models.io import checkpoint
from emolive.models.network import EmotionNet
from emolive.models.spec import EMOTIONS, ModelSpec

SMALL = ModelSpec(
    fusion="it",
    encoders=("landmarks",),
    landmarker="dlib68",
    num_heads=2,
    labels=("calm", "angry"),
    pooling="mean",
    pixels=PixelSpec(size=96, order="RGB", mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)),
    audio=AudioSpec(kind="logmel", n_mels=40),
    baselines=("none", "running"),
    dropout=0.3,
    width=0.25,
)


def rewrite(path: Path, tensors=None, entry=None, **changes) -> None:
    """Rewrite `path` with other tensors, other metadata or changes to its metadata."""
    with safe_open(path, "np") as file:
        own = json.loads(file.metadata()["emolive"]) | changes
    save_file(load_file(path) if tensors is None else tensors, path, {"emolive": entry or json.dumps(own)})


def refusal(path: Path, **options) -> str:
    with pytest.raises(EmoliveError) as error:
        checkpoint.load(path, **options)
    sentence = str(error.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


FORMAT_2_NAMES = (
    ("audio_branch.spectrogram.", "audio.picture."),
    ("audio_branch.", "audio."),
    ("video_branch.", "visual."),
    ("video_classifier.", "visual_classifier."),
    ("backbone.", "trunk."),
    ("video_within_speaker_std", "face_within"),
    ("audio_within_speaker_std", "voice_within"),
    ("video_mean", "face_mean"),
    ("video_std", "face_std"),
    ("audio_mean", "voice_mean"),
    ("audio_std", "voice_std"),
)


def spec_of_format_2(spec: dict[str, Any]) -> dict[str, Any]:
    """A stored model description with the names of format 2."""
    spec = {**spec, "audio": dict(spec["audio"])}
    for name, former in (
        ("n_bins", "frames"),
        ("num_heads", "heads"),
        ("landmarker", "tracker"),
        ("arch", "variant"),
    ):
        spec[former] = spec.pop(name)
    spec["audio"]["hop"] = spec["audio"].pop("hop_length")
    spec["variant"] = {"chumachenko2022": "reference", "emolive": "residual"}[spec["variant"]]
    spec["encoders"] = ["geometry" if name == "landmarks" else name for name in spec["encoders"]]
    return spec


def as_format_2(path: Path, *, provenance=None) -> Path:
    """Rewrite a checkpoint in format 2."""
    with safe_open(path, "np") as file:
        entry = json.loads(file.metadata()["emolive"])
    tensors = {}
    for key, value in load_file(path).items():
        former = next(
            (former + key.removeprefix(new) for new, former in FORMAT_2_NAMES if key.startswith(new)), key
        )
        tensors[former] = value
    entry = {
        "format": 2,
        "spec": spec_of_format_2(entry["spec"]),
        "provenance": entry["provenance"] | (provenance or {}),
    }
    save_file(tensors, path, {"emolive": json.dumps(entry)})
    return path


def published_backbone(backbone: EfficientFace) -> dict[str, torch.Tensor]:
    out = {}
    for key, value in backbone.state_dict().items():
        parts = key.split(".")
        if parts[0] == "stem":
            new = ["conv1", *parts[1:]]
        elif parts[0] == "last":
            new = ["conv5", *parts[1:]]
        elif parts[0].startswith("stage"):
            new = [parts[0], parts[1], {"skip": "branch1", "main": "branch2"}[parts[2]], *parts[3:]]
        elif parts[0] == "local":
            quadrant, place = int(parts[2]) + 1, int(parts[3])
            new = ["local", f"{'bn' if place % 3 else 'conv'}{quadrant}_{place // 3 + 1}", *parts[4:]]
        elif parts[1] == "channel_gate":
            names = {"0": "gate_c_fc_0", "1": "gate_c_bn_1", "3": "gate_c_fc_final"}
            new = ["modulator.channel_att.gate_c", names[parts[2]], *parts[3:]]
        else:
            names = dict(
                zip(
                    "0134679",
                    [
                        "conv_reduce0",
                        "bn_reduce0",
                        "conv_di_0",
                        "bn_di_0",
                        "conv_di_1",
                        "bn_di_1",
                        "conv_final",
                    ],
                    strict=True,
                )
            )
            new = ["modulator.spatial_att.gate_s", f"gate_s_{names[parts[2]]}", *parts[3:]]
        out[".".join(new)] = value
    return out


def released(backbone: EfficientFace) -> dict[str, torch.Tensor]:
    weights = published_backbone(backbone) | {"fc.weight": torch.zeros(7, 1024), "fc.bias": torch.zeros(7)}
    return {f"module.{key}": value for key, value in weights.items()}


PUBLISHED = {"audio": "audio", "video": "visual"}


def published_ia(classes: int = 8) -> tuple[EmotionNet, dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    net = build(ModelSpec(fusion="ia", labels=EMOTIONS[:classes])).eval()
    out = {f"visual_model.{key}": value for key, value in published_backbone(net.backbone).items()}
    for key, value in net.state_dict().items():
        parts = key.split(".")
        if parts[0] in ("audio_branch", "video_branch"):
            place = 2 * (int(parts[1][-1]) - 1) + int(parts[2])
            out[f"{PUBLISHED[parts[0][:5]]}_model.conv1d_{place}.{'.'.join(parts[3:])}"] = value
        elif parts[0].endswith("_classifier"):
            out[f"{PUBLISHED[parts[0][:5]]}_model.classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "classifier":
            out[f"classifier_1.0.{parts[1]}"] = value
        elif parts[0] == "fusion":
            head = {"audio_queries": "av1", "video_queries": "va1"}[parts[1]]
            out[f"{head}.{'proj' if parts[2] == 'out' else parts[2]}.{parts[3]}"] = value
    return net, {f"module.{key}": value for key, value in out.items()}


class Bomb:
    """Raises if it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))
