"""What can be chosen of how a model answers, with titles and explanations. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emolive.gui.i18n import noop, tr
from emolive.models.runtimes.base import BACKENDS
from emolive.session.config import HOPS_BINS, SessionConfig
from emolive.smoothing import SMOOTHING_MODES

DEVICES = ("auto", "cpu", "cuda", "mps")

_HOPS = {1: noop("Four times a second"), 2: noop("Twice a second"), 4: noop("Once a second")}
_HOP_EXPLANATIONS = {
    1: noop("An answer at the end of every bin of 240 ms, as the model was trained."),
    2: noop("An answer at the end of every second bin: half the work of the model."),
    4: noop("An answer at the end of every fourth bin: the least work, and the calmest display."),
}
_SMOOTHINGS = {"fitted": noop("As fitted"), "off": noop("Off"), "steady": noop("Steady")}
_SMOOTHING_EXPLANATIONS = {
    "fitted": noop("As measured best for this model: quick where the answer changes, slow where it wavers."),
    "off": noop("Every answer as the model gives it: the fastest, and the most restless."),
    "steady": noop("Three times as slow: for an audience that reads along, with a delay."),
}
_DEVICES = {
    "auto": noop("Automatic"),
    "cpu": noop("Processor (CPU)"),
    "cuda": noop("Graphics card (CUDA)"),
    "mps": noop("Apple graphics (MPS)"),
}
_DEVICE_EXPLANATIONS = {
    "auto": noop("The fastest that this computer has."),
    "cpu": noop("Every computer has it, and these models are small enough for it."),
    "cuda": noop("A graphics card of NVIDIA."),
    "mps": noop("The graphics of a Mac."),
}
_BACKENDS = {
    "auto": noop("Automatic"),
    "eager": noop("torch"),
    "folded": noop("torch with fused layers"),
    "onnx": noop("ONNX Runtime"),
}
_BACKEND_EXPLANATIONS = {
    "auto": noop("The fastest, as measured on this computer while the model loads."),
    "eager": noop("The network as it was trained, layer by layer."),
    "folded": noop("The same network with its normalisations multiplied into its other layers."),
    "onnx": noop("The exported network; usually the fastest on a processor."),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose."""

    option: str
    """The field of `SessionConfig`."""
    title: str
    titles: dict[str, str]
    """Value → title."""
    explanations: dict[str, str]
    """Value → what it means."""
    problems: dict[str, str] = field(default_factory=dict)
    """Value → why it cannot be chosen."""


def model_choices(device_problems: Mapping[str, str] | None = None) -> tuple[Choice, ...]:
    """Hop, smoothing, device and runtime.

    Args:
        device_problems: device → why this computer cannot compute on it; None while that is unknown.
    """
    hops = {str(hop): tr(_HOPS[hop]) for hop in HOPS_BINS}
    return (
        Choice(
            "hop_bins",
            tr("Answers"),
            hops,
            {str(hop): tr(_HOP_EXPLANATIONS[hop]) for hop in HOPS_BINS},
        ),
        Choice(
            "smoothing",
            tr("Smoothing"),
            {mode: tr(_SMOOTHINGS[mode]) for mode in SMOOTHING_MODES},
            {mode: tr(_SMOOTHING_EXPLANATIONS[mode]) for mode in SMOOTHING_MODES},
        ),
        Choice(
            "device",
            tr("Computes on"),
            {name: tr(_DEVICES[name]) for name in DEVICES},
            {name: tr(_DEVICE_EXPLANATIONS[name]) for name in DEVICES},
            dict(device_problems or {}),
        ),
        Choice(
            "backend",
            tr("Runs by"),
            {name: tr(_BACKENDS[name]) for name in BACKENDS},
            {name: tr(_BACKEND_EXPLANATIONS[name]) for name in BACKENDS},
        ),
    )


def option_value(option: str, value: str) -> str | int:
    """A chosen value as the field of `SessionConfig` has it."""
    return int(value) if option == "hop_bins" else value


def chosen_values(config: SessionConfig) -> dict[str, str]:
    """The values in use, by option."""
    return {choice.option: str(getattr(config, choice.option)) for choice in model_choices()}
