"""Keeps the pickers of video and audio in step with the devices and the session's config."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from emolive.gui import strings
from emolive.gui.device_names import device_titles
from emolive.gui.services import Services
from emolive.gui.tasks import TaskRunner
from emolive.gui.widgets.picker import Picker
from emolive.session.config import SessionConfig


class DevicePickers(QObject):
    """Reads the devices in the background each time that a picker opens."""

    def __init__(self, services: Services, source: Picker, mic: Picker) -> None:
        super().__init__()
        self._services = services
        self._source, self._mic = source, mic
        self._tasks = TaskRunner("emolive-gui-devices")
        source.opened.connect(self._list_cameras)
        mic.opened.connect(self._list_microphones)

    def show_config(self, config: SessionConfig) -> None:
        """Show the devices in use."""
        self._source.set_value(config.source, strings.source_title(config.source))
        self._mic.set_value(config.mic, strings.mic_title(config.mic))

    def connect_dialogs(self, **dialogs: Callable[[], None]) -> None:
        """Open these dialogs from the pickers' entries of the same names."""
        for picker in (self._source, self._mic):
            picker.dialog_requested.connect(lambda name: dialogs[name]())

    def list_cameras(
        self, on_titles: Callable[[dict[str, str]], None], on_error: Callable[[str], None] | None = None
    ) -> None:
        """Read the cameras; `on_titles` gets value → title on the GUI thread."""
        self._tasks.submit(
            self._services.cameras,
            lambda cameras: on_titles(device_titles(cameras, "camera")),
            on_error,
        )

    def close(self) -> None:
        """Read no more devices."""
        self._tasks.close()

    def _list_cameras(self) -> None:
        self.list_cameras(self._source.set_devices, self._source.set_error)

    def _list_microphones(self) -> None:
        self._tasks.submit(
            self._services.microphones,
            lambda found: self._mic.set_devices(device_titles(found, "microphone")),
            self._mic.set_error,
        )
