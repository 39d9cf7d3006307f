"""The registered augmentations as options of a command, and as one list that is applied to batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from typing import Any, TypeVar, get_type_hints

from torch import Tensor
from torch.nn import functional as F

from emolive.cli.config import field_docs
from emolive.errors import ConfigError
from emolive.plugins import AUGMENTATIONS
from training.augment.base import ImageAugmentation, Stage, WindowAugmentation, WindowBatch

Config = TypeVar("Config")


def augmentation_classes(kinds: tuple[type, ...]) -> list[type[Any]]:
    """The registered augmentations that are subclasses of one of `kinds`, in the order of the registry."""
    return [cls for name in AUGMENTATIONS if issubclass(cls := AUGMENTATIONS.get(name), kinds)]


def with_augmentations(config: type[Config], *kinds: type) -> type[Config]:
    """A subclass of an options dataclass that also has the options of all registered augmentations.

    Args:
        config: a frozen dataclass whose fields have defaults.
        kinds: `WindowAugmentation`, `ImageAugmentation` or both.

    Raises:
        ConfigError: two augmentations have different options of the same name, or one has the name of a
            field.
    """
    base: Any = config
    extended: type[Config] = _extended(base, tuple(augmentation_classes(kinds)))
    return extended


@cache
def _extended(config: Any, classes: tuple[Any, ...]) -> Any:
    reserved = {f.name for f in fields(config)}
    options: dict[str, tuple[str, Any, Any]] = {}
    docs: dict[str, str] = {}
    for cls in classes:
        hints = get_type_hints(cls, include_extras=True)
        for f in fields(cls):
            option = (f.name, hints[f.name], field(default=f.default))
            existing = options.get(f.name)
            # Augmentations may share an option that means the same, as both kinds do with `flip`.
            differs = existing is not None and (existing[1] != option[1] or existing[2].default != f.default)
            if f.name in reserved or differs:
                raise ConfigError(
                    f"The option --{f.name.replace('_', '-')} of {cls.__name__} exists already."
                )
            options[f.name] = option
        docs |= field_docs(cls)
    extended = make_dataclass(config.__name__, options.values(), bases=(config,), frozen=True)
    texts = "\n".join(f"    {name}: {docs[name]}" for name in options if name in docs)
    extended.__doc__ = f"{config.__doc__}\n\nArgs:\n{texts}\n"
    return extended


@dataclass(frozen=True)
class WindowPipeline:
    """A list of window augmentations, applied stage by stage."""

    augmentations: Sequence[WindowAugmentation] = ()

    def __call__(self, batch: WindowBatch, stage: Stage) -> WindowBatch:
        """The batch after all augmentations of a stage."""
        for augmentation in self.augmentations:
            if augmentation.stage == stage:
                batch = augmentation(batch)
        return batch


ImageParams = list[dict[str, Tensor]]
"""The random parameters of each augmentation of an `ImagePipeline`."""


@dataclass(frozen=True)
class ImagePipeline:
    """A list of image augmentations, each drawn once for a window and applied to all of its crops."""

    augmentations: Sequence[ImageAugmentation] = ()

    def draw(self, n: int) -> ImageParams | None:
        """Parameters for `n` windows or single crops; None if no augmentation is active."""
        if not any(augmentation.is_active for augmentation in self.augmentations):
            return None
        return [augmentation.draw(n) for augmentation in self.augmentations]

    def __call__(self, images: Tensor, size: int, params: ImageParams | None = None) -> Tensor:
        """Crops as a backbone gets them, but for the normalization of its pixels.

        Args:
            images: (n, S, S) gray or (n, S, S, 3) uint8.
            size: of the result.
            params: from `draw`, with a row for each crop; None for the crops as they are.

        Returns:
            (n, 3, size, size) float32 in 0..1, with the channels in the order of `images`.
        """
        x = (images[..., None] if images.ndim == 3 else images).permute(0, 3, 1, 2).float() / 255
        if params is not None:
            for augmentation, values in zip(self.augmentations, params, strict=True):
                x = augmentation.apply(x, {name: value.to(x.device) for name, value in values.items()}, size)
        if x.shape[-1] != size:
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=x.shape[-1] > size)
        return x.expand(-1, 3, -1, -1)


def window_pipeline(config: Any) -> WindowPipeline:
    """All registered window augmentations, with the options that `config` has for them."""
    return WindowPipeline(_instances(WindowAugmentation, config))


def image_pipeline(config: Any) -> ImagePipeline:
    """All registered image augmentations, with the options that `config` has for them."""
    return ImagePipeline(_instances(ImageAugmentation, config))


def _instances(kind: type, config: Any) -> list[Any]:
    """Options that `config` does not have keep their defaults."""
    return [
        cls(**{f.name: getattr(config, f.name) for f in fields(cls) if hasattr(config, f.name)})
        for cls in augmentation_classes((kind,))
    ]


def select_rows(params: ImageParams | None, rows: Tensor) -> ImageParams | None:
    """The parameters at some rows; a row may come several times, as for the frames of one window."""
    if params is None:
        return None
    return [{name: values[rows] for name, values in parameters.items()} for parameters in params]
