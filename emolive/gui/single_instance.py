"""Whether another window of emolive is open on this computer."""

from __future__ import annotations

from PySide6.QtCore import QLockFile

from emolive.paths import user_dir


class InstanceLock:
    """Held by the first window of a user; the lock of a process that was killed does not count."""

    def __init__(self) -> None:
        folder = user_dir()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = QLockFile(str(folder / "window.lock"))
        self._lock.setStaleLockTime(0)
        self.is_first = self._lock.tryLock(0)
        """Whether no other window was open when this one was created."""

    def release(self) -> None:
        """Let another window be the first."""
        if self.is_first:
            self._lock.unlock()
