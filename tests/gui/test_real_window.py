"""A real window on a real X server, with a real mouse and real keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.desktop import PATIENCE_S, Desktop, needs_desktop

pytestmark = needs_desktop
RUNNER = Path(__file__).with_name("run_fake.py")


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(tmp_path, [str(RUNNER)])
    yield desktop
    desktop.close()


def test_keys_and_mouse_on_a_real_window(desktop: Desktop) -> None:
    window = desktop.window()
    desktop.expect("start None")
    desktop.do("windowfocus", "--sync", window)
    desktop.press("2", "fusion it")

    # The dropdown is the third of the controls on top; its list opens over the chosen entry.
    desktop.open_popup(window, 670, 40)
    desktop.press("Up Return", "fusion lt")

    # The third entry of the picker that opens below the first control.
    desktop.open_popup(window, 140, 40)
    desktop.press("Down Down Down Return", "source none")

    desktop.press("c", "calibrate 5.0")
    desktop.do("key", "ctrl+q")
    assert desktop.app.wait(PATIENCE_S) == 0
    assert desktop.errors() == ""
