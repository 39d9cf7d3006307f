"""Opens and feeds the page of the devices: lists that follow what is connected, and previews."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from emolive.audio.levels import SILENCE_DBFS
from emolive.gui.controller import SessionController
from emolive.gui.device_names import Device, DeviceKind, device_titles, used_value
from emolive.gui.device_preview import DevicePreview
from emolive.gui.services import Services
from emolive.gui.strings import session_text
from emolive.gui.tasks import TaskRunner
from emolive.gui.widgets.devices_view import DevicesView
from emolive.snapshot import Snapshot

REFRESH_MS = 2000
"""While the page is open the devices are read again."""


class DevicePage(QObject):
    """What is in use is shown from the session; another device is opened beside it while it is marked.

    Args:
        stack: what the page lies over.
        controller: of the session.
        services: list and open the devices.
        choose: uses a device: its kind and value.
    """

    _released = Signal(str, str)
    """A preview has ended: kind and value of the device that is to be used now."""

    def __init__(
        self,
        stack: QWidget,
        controller: SessionController,
        services: Services,
        choose: Callable[[str, str], None],
    ) -> None:
        super().__init__(stack)
        self._stack, self._controller, self._services = stack, controller, services
        self._tasks = TaskRunner("emolive-gui-devices-page")
        self._previews: dict[DeviceKind, DevicePreview] = {}
        self._devices: dict[DeviceKind, Sequence[Device]] = {}
        self._released.connect(choose)
        self._refresh = QTimer(self)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self._list)
        self.view: DevicesView | None = None
        """There once it was opened."""

    def open(self) -> None:
        """Show the page and read the devices, again and again while it is open."""
        if self.view is None:
            self.view = DevicesView(self._stack)
            self.view.closed.connect(self._release)
            for kind, devices in self.view.lists().items():
                self._previews[kind] = DevicePreview(f"emolive-gui-{kind}", self._services.open_device)
                devices.marked.connect(partial(self._mark, kind))
                devices.chosen.connect(partial(self._use, kind))
        self._list()
        self._refresh.start()
        self.view.open_page()
        for kind, devices in self.view.lists().items():
            self._mark(kind, devices.value)

    def show(self, snapshot: Snapshot | None) -> None:
        """Show the newest picture and level, while the page is open."""
        view = self.view
        if view is None or not view.isVisible():
            return
        for kind, devices in view.lists().items():
            if kind in self._devices:
                devices.show_devices(device_titles(self._devices[kind], kind), self._in_use(kind))
        frame, level_dbfs = None if snapshot is None else snapshot.frame, SILENCE_DBFS
        camera, microphone = view.cameras.value, view.microphones.value
        problem = ""
        if camera != self._in_use("camera"):
            frame, problem = self._previews["camera"].frame, session_text(self._previews["camera"].problem)
        view.cameras.show_note(problem)
        view.show_picture(
            frame if camera else None, waiting=bool(camera) and not problem, mirrored=bool(camera)
        )
        problem = ""
        if microphone == self._in_use("microphone"):
            level_dbfs = SILENCE_DBFS if snapshot is None else snapshot.voice_dbfs
        elif microphone:
            level_dbfs = self._previews["microphone"].level_dbfs
            problem = session_text(self._previews["microphone"].problem)
        view.microphones.show_note(problem)
        view.level.show_level(level_dbfs)

    def close(self) -> None:
        """Release every device and read no more."""
        self._refresh.stop()
        self._tasks.close()
        for preview in self._previews.values():
            preview.close()

    def _in_use(self, kind: DeviceKind) -> str:
        """The value of the device that the session has opened; "" if that is another kind of source."""
        config, snapshot = self._controller.config, self._controller.snapshot()
        if snapshot is None or snapshot.playback is not None:
            return ""
        if snapshot.is_synthetic and (kind == "camera" or config.mic == "auto"):
            return ""
        text = config.source if kind == "camera" else config.mic
        return used_value(text, self._devices.get(kind, ()), kind)

    def _use(self, kind: DeviceKind, value: str) -> None:
        """Release the device first: many can be opened only once."""
        self._previews[kind].stop(lambda: self._released.emit(kind, value))

    def _mark(self, kind: DeviceKind, value: str) -> None:
        preview = self._previews[kind]
        if value and value != self._in_use(kind) and self.view is not None and self.view.isVisible():
            preview.show(kind, value)
        else:
            preview.stop()

    def _release(self) -> None:
        self._refresh.stop()
        for preview in self._previews.values():
            preview.stop()

    def _list(self) -> None:
        def listed(kind: DeviceKind, devices: Sequence[Device]) -> None:
            self._devices[kind] = devices
            self.show(self._controller.snapshot())

        self._tasks.submit(self._services.cameras, partial(listed, "camera"))
        self._tasks.submit(self._services.microphones, partial(listed, "microphone"))
