"""The options of the published code (Chumachenko et al. 2022) that emolive takes in another form, or refuses.

Options with the same name and meaning are options of `training.config.TrainConfig`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emolive.errors import ConfigError

Translation = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """An option that may only have the value that emolive always has."""

    values: tuple[str, ...]
    reason: str
    """Why another value is refused; a sentence behind the option's name."""


_DROPPED: dict[str, _Fixed] = {
    "dataset": _Fixed(
        ("RAVDESS",), "the annotation file names the clips of any data set (emolive-preprocess writes it)"
    ),
    "video-norm-value": _Fixed(("255",), "pixels are always divided by 255, as the published weights expect"),
    "begin-epoch": _Fixed(("1",), "--resume-path continues after the last complete epoch by itself"),
    "lr-patience": _Fixed(
        ("10",),
        "the published code makes a scheduler with it but never steps it; --lr-steps and --patience are used",
    ),
    "store-name": _Fixed(
        ("model",), "a run's files have fixed names in its folder (model.safetensors, last.safetensors)"
    ),
}
_TRANSLATED: dict[str, Translation] = {
    # The published code falls back to the CPU where there is no GPU.
    "device": lambda value: ["--accelerator", "cpu" if value == "cpu" else "auto"],
    "model": lambda value: ["--arch", "chumachenko2022" if value == "multimodalcnn" else value],
    "n-threads": lambda value: ["--workers", value],
}
_SWITCHES = ("test",)
"""Without a value: emolive always tests at the end."""


def translate(argv: Sequence[str]) -> list[str]:
    """A command line in emolive's options.

    Raises:
        ConfigError: an option has a value that emolive refuses, with the reason.
    """
    result: list[str] = []
    tokens = iter(argv)
    for token in tokens:
        flag, equals, value = token.partition("=")
        name = flag.removeprefix("--").replace("_", "-") if flag.startswith("--") else ""
        if name in _SWITCHES and not equals:
            continue
        if name not in _DROPPED and name not in _TRANSLATED:
            result.append(token)
            continue
        if not equals:
            value = next(tokens, "")
        if not value or value.startswith("--"):
            raise ConfigError(f"--{name} needs a value.")
        if name in _TRANSLATED:
            result += _TRANSLATED[name](value)
        elif value not in _DROPPED[name].values:
            raise ConfigError(f"--{name} {value} is not possible: {_DROPPED[name].reason}.")
    return result


def is_published_weights(pretrain_path: str) -> bool:
    """Whether a file to start from is a pickle, as the published code and EfficientFace have them."""
    return pretrain_path.endswith((".pth", ".pth.tar", ".tar", ".pt"))
