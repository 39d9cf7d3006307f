"""The plug-in registries: built-in entries, decorators, plug-in files and installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from emolive.errors import ConfigError
from emolive.plugins import REGISTRIES, SINKS, isolated_plugins, load_plugin, loaded_plugins
from emolive.registry import Registry


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with isolated_plugins():
        yield


@pytest.fixture
def registry() -> Registry:
    return Registry("shape", "tests.shapes", {"path": ("a path", "pathlib:Path"), "bad": ("bad", "no:No")})


def test_built_in_entries_are_imported_on_first_use(registry: Registry) -> None:
    assert registry.titles() == {"path": "a path", "bad": "bad"}
    assert registry.get("path") is Path
    with pytest.raises(ConfigError, match=r"The shape bad fails.*ModuleNotFoundError"):
        registry.get("bad")
    with pytest.raises(ConfigError, match="There is no shape named cube: choose path, bad"):
        registry.get("cube")


def test_a_decorator_adds_an_entry(registry: Registry) -> None:
    @registry.register("square", title="a square")
    class Square: ...

    assert registry.get("square") is Square
    assert "square" in registry
    assert registry.names() == ("path", "bad", "square")
    with pytest.raises(ConfigError, match="registered twice"):
        registry.register("square")(int)
    registry.unregister("square")
    assert "square" not in registry


@pytest.mark.parametrize("name", ["", "two words", "Capital", "-x", "a/b"])
def test_names_are_those_of_options(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be named"):
        registry.register(name)


def test_installed_packages_add_entries(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("circle", "pathlib:PurePath", "tests.shapes")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    assert registry.names() == ("path", "bad", "circle")
    assert registry.get("circle").__name__ == "PurePath"


def test_a_file_is_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "counting.py"
    path.write_text(f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n")
    load_plugin(path)
    monkeypatch.chdir(tmp_path)
    load_plugin(Path("counting.py"))
    assert (tmp_path / "runs").read_text() == "x"
    assert path.resolve() in loaded_plugins()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n1 / 0\n", r"\(broken.py, line 2\): ZeroDivisionError: division by zero"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_fails_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load_plugin(path)
    assert "\n" not in str(error.value)
    assert path.resolve() not in loaded_plugins()


def test_isolation_undoes_registrations(tmp_path: Path) -> None:
    path = tmp_path / "sink.py"
    path.write_text("from emolive.plugins import SINKS\n\n@SINKS.register('dots')\nclass Dots: ...\n")
    for _ in range(2):
        with isolated_plugins():
            load_plugin(path)
            assert "dots" in SINKS
        assert "dots" not in SINKS
        assert path.resolve() not in loaded_plugins()


def test_registries_have_their_own_groups() -> None:
    groups = [registry.group for registry in REGISTRIES]
    assert len(set(groups)) == len(groups)
    assert all(group.startswith("emolive.") for group in groups)


def test_an_unknown_name_cannot_move_the_cursor_of_a_terminal() -> None:
    with pytest.raises(ConfigError) as refused:
        SINKS.check("\x1b[31mred\n")
    assert str(refused.value).isprintable()
