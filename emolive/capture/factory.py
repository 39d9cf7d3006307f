"""Creates the source that a `SourceSpec` names."""

from __future__ import annotations

from emolive.capture.base import Source
from emolive.capture.source_spec import SourceSpec, parse_microphone, parse_source
from emolive.errors import ConfigError
from emolive.plugins import SOURCES


def create_source(text: str, *, paced: bool = True, loop: bool = False) -> Source | None:
    """Create the source that `text` names, not started. May wait some seconds for a driver.

    Args:
        text: see `emolive.capture.source_spec`.
        paced: play a file or the demo in real time; False: as fast as the listener accepts.
        loop: a file is played again when it ends.

    Returns:
        The source, or None for "none".

    Raises:
        EmoliveError: a check without opening it shows that it cannot be opened: no such camera, no such file,
            not a media file.
    """
    return open_spec(parse_source(text), paced=paced, loop=loop)


def create_microphone(text: str) -> Source | None:
    """Create the microphone that `text` names, not started; None for "none".

    Raises:
        DeviceError: there is no such microphone.
        MissingDependencyError: the PortAudio library is not installed.
        ConfigError: "auto", which depends on the source that it goes with.
    """
    spec = parse_microphone(text)
    if spec.kind == "auto":
        raise ConfigError("The microphone auto depends on the source: choose a name, default or none.")
    return open_spec(spec)


def open_spec(spec: SourceSpec, *, paced: bool = True, loop: bool = False) -> Source | None:
    """Create the source of a spec by the class that is registered for it; None for kind "none".

    Raises:
        EmoliveError: as for `create_source`.
    """
    spec = resolve(spec)
    if spec.kind == "none":
        return None
    source: Source = SOURCES.get(spec.registry_name).from_spec(spec, paced=paced, loop=loop)
    return source


def resolve(spec: SourceSpec) -> SourceSpec:
    """The spec; "auto" is replaced by the default camera, or the demo if there is no camera."""
    if spec.kind != "auto":
        return spec
    from emolive.capture.devices import cameras

    devices = cameras()
    if not devices:
        return SourceSpec("demo")
    default = next((device for device in devices if device.default), devices[0])
    return SourceSpec("camera", str(default.index))
