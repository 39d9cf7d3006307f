"""The menu entries and keys that choose what is watched and what answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from emolive.gui.actions import Actions
from emolive.gui.file_opener import FileOpener
from emolive.gui.i18n import tr
from emolive.gui.services import FusionChoice


def add_session_actions(
    actions: Actions,
    fusions: Sequence[FusionChoice],
    opener: FileOpener,
    *,
    choose_fusion: Callable[[str], None],
    calibrate: Callable[[], None],
    play_again: Callable[[], None],
    open_devices: Callable[[], None],
    open_settings: Callable[[], None],
) -> None:
    """Add them.

    Args:
        actions: of the window.
        fusions: the first nine have a number as their key.
        opener: asks for files and addresses.
        choose_fusion, calibrate, play_again, open_devices, open_settings: the commands.
    """
    keys = [str(number) for number in range(1, min(len(fusions), 9) + 1)]
    actions.describe("  ".join(keys), tr("Switch the fusion"))
    for key, fusion in zip(keys, fusions, strict=False):
        actions.bind("", key, partial(choose_fusion, fusion.name))
    actions.bind(tr("Calibrate with five neutral seconds"), "C", calibrate)
    actions.add(tr("Open a file…"), "O Ctrl+O", opener.ask_for_media, tr("Open a media file"))
    actions.add(tr("Stream address…"), "", opener.ask_for_stream)
    what = tr("Cameras and microphones with preview")
    actions.add(tr("Cameras and microphones…"), "J", open_devices, what)
    actions.add(tr("Load a checkpoint…"), "", opener.ask_for_checkpoint)
    actions.add(tr("Settings…"), "Ctrl+,", open_settings, tr("Settings of the model"))
    actions.add(tr("Play again"), "R", play_again, tr("Play the file again"))
