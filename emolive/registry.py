"""Named classes and factories of one kind: built-in ones and those of plug-ins."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from emolive.errors import ConfigError, EmoliveError
from emolive.printable import printable

Entry = TypeVar("Entry")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry of a registry."""

    name: str
    title: str
    """The name shown to users."""
    target: Any
    """The class or factory, or the import path "module:attribute" of one that is not imported yet."""


class Registry:
    """Named classes or factories of one kind.

    Args:
        kind: the word for an entry in messages, e.g. "fusion".
        group: the entry-point group of installed packages, e.g. "emolive.fusions".
        builtin: name → (title, "module:attribute") of built-in entries.
        aliases: former name → present name.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.group = kind, group
        self._aliases = dict(aliases or {})
        self._plugins = {name: Plugin(name, title, target) for name, (title, target) in builtin.items()}
        self._entry_points_read = False

    def register(self, name: str, *, title: str = "") -> Callable[[Entry], Entry]:
        """Decorator that adds a class or factory under `name`.

        Raises:
            ConfigError: the name is not valid, or is in use.
        """

        if not _NAME.fullmatch(name):
            raise ConfigError(f"A {self.kind} cannot be named {name!r}: use small letters, digits, - and _.")

        def add(target: Entry) -> Entry:
            present = self._plugins.get(name)
            if present is not None and present.target != f"{target.__module__}:{target.__qualname__}":  # type: ignore[attr-defined]
                raise ConfigError(f"The {self.kind} {name} is registered twice.")
            self._plugins[name] = Plugin(name, title or (present.title if present else name), target)
            return target

        return add

    def unregister(self, name: str) -> None:
        """Remove an entry; for tests of plug-ins."""
        self._plugins.pop(name, None)

    def entries(self) -> dict[str, Plugin]:
        """The entries that were registered so far, by name."""
        return dict(self._plugins)

    def restore(self, entries: Mapping[str, Plugin]) -> None:
        """Go back to entries that `entries` returned; for tests of plug-ins."""
        self._plugins = dict(entries)

    def __iter__(self) -> Iterator[str]:
        """The names, built-in entries first."""
        self._read_entry_points()
        return iter(tuple(self._plugins))

    def __contains__(self, name: object) -> bool:
        # Entry points are read only for an unknown name, because reading them is slow.
        return name in self._plugins or name in tuple(self)

    def names(self) -> tuple[str, ...]:
        """The names, built-in entries first."""
        return tuple(self)

    def titles(self) -> dict[str, str]:
        """Name → title. Imports no entry."""
        return {name: self._plugins[name].title for name in self}

    def resolve(self, name: str) -> str:
        """The present name of an entry that was renamed; any other name as it is."""
        return self._aliases.get(name, name)

    def check(self, name: str) -> None:
        """Raises ConfigError unless there is an entry of this name."""
        if name not in self:
            raise ConfigError(f"There is no {self.kind} named {printable(name)}: choose {', '.join(self)}.")

    def get(self, name: str) -> Any:
        """The class or factory registered under `name`; imported on first use.

        Raises:
            ConfigError: there is no entry of this name, or it cannot be imported.
        """
        name = self.resolve(name)
        self.check(name)
        plugin = self._plugins[name]
        if isinstance(plugin.target, str):
            module, _, attribute = plugin.target.partition(":")
            with plugin_errors(f"{self.kind} {name}"):
                target = getattr(importlib.import_module(module), attribute)
            plugin = Plugin(name, plugin.title, target)
            self._plugins[name] = plugin
        return plugin.target

    def _read_entry_points(self) -> None:
        if self._entry_points_read:
            return
        self._entry_points_read = True
        from importlib.metadata import entry_points

        for point in entry_points(group=self.group):
            self._plugins.setdefault(point.name, Plugin(point.name, point.name, point.value))


@contextmanager
def plugin_errors(what: str) -> Iterator[None]:
    """Turn any error in the code of a plug-in into a ConfigError of one sentence that names the line.

    Args:
        what: the plug-in in messages, e.g. "data set mine".
    """
    try:
        yield
    except EmoliveError:
        raise
    except (Exception, SystemExit) as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = ""
        if trace is not None:
            where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        text = " ".join(str(error).split())
        raise ConfigError(f"The {what} fails{where}: {type(error).__name__}: {text}.") from error
