"""Which fusions and frame encoders there are, by name. Reading the names does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from emolive.errors import EmoliveError
from emolive.models.spec import BACKENDS, ENCODERS, ModelSpec

if TYPE_CHECKING:
    from emolive.models.fusion import Fusion
    from emolive.models.network import EmotionNet

REFERENCE = "chumachenko2022"

_titles = {
    "lt": "late transformer",
    "it": "intermediate transformer",
    "ia": "intermediate attention",
}
_classes: dict[tuple[str, str], type[Fusion]] = {}

FusionClass = TypeVar("FusionClass", bound="type[Fusion]")


def register(
    name: str, *, title: str | None = None, arch: str = REFERENCE
) -> Callable[[FusionClass], FusionClass]:
    """Class decorator: make a `Fusion` known under `name`, in a `arch` of it.

    Args:
        name: what a model description calls it.
        title: what people call it; wanted for a name that is not known yet.
        arch: "chumachenko2022" is the published form; others may stand beside it.

    Raises:
        EmoliveError: the pair is taken, or a new name has no title.
    """
    if (name, arch) in _classes:
        raise EmoliveError(f"The fusion {name} ({arch}) is registered twice.")
    if title is not None:
        _titles[name] = title
    elif name not in _titles:
        raise EmoliveError(f"The new fusion {name} needs a title.")

    def keep(cls: FusionClass) -> FusionClass:
        _classes[name, arch] = cls
        return cls

    return keep


def fusions() -> dict[str, str]:
    """Names and human titles of the fusions, lt, it, ia first."""
    return dict(_titles)


def encoders() -> tuple[str, ...]:
    """Names of the frame encoders."""
    return tuple(ENCODERS)


def check_fusion(name: str) -> None:
    """EmoliveError unless there is a fusion of this name."""
    if name not in _titles:
        raise EmoliveError(f"There is no fusion named {name}: known are {', '.join(_titles)}.")


def check_backend(name: str) -> None:
    """EmoliveError unless there is a backend of this name, or it is "auto"."""
    if name not in BACKENDS:
        auto, *others = BACKENDS
        raise EmoliveError(f"There is no backend {name}: choose {auto}, {', '.join(others)}.")


def archs(name: str) -> tuple[str, ...]:
    """The variants of a fusion, the published one first. EmoliveError for an unknown name."""
    from emolive.models import fusion as _fusion  # noqa: F401 (its import fills the registry)

    check_fusion(name)
    return tuple(arch for known, arch in _classes if known == name)


def fusion_class(name: str, arch: str = REFERENCE) -> type[Fusion]:
    """The class registered under a name and arch. EmoliveError if either is unknown."""
    known = archs(name)
    if arch not in known:
        raise EmoliveError(f"The fusion {name} has no architecture {arch}: known are {', '.join(known)}.")
    return _classes[name, arch]


def build(spec: ModelSpec) -> EmotionNet:
    """A network with fresh weights as `spec` describes it. EmoliveError if it asks for the impossible."""
    from emolive.models.network import EmotionNet

    return EmotionNet(spec)
