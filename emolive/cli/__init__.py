"""The `emolive` command; `emolive --help` lists its sub-commands.

One module a command. Heavy packages (torch, OpenCV, Qt) are imported by the command that needs them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `emolive` command line.

    Args:
        argv: the arguments; by default those of the process, which then ends.

    Returns:
        The exit code: 0, 2 after one line on stderr for an error that the user can correct, 130 after Ctrl-C,
        143 after SIGTERM.
    """
    from emolive.cli import interrupts

    with interrupts.early_exit():
        from emolive.cli.app import EMOLIVE

        if level := os.environ.get("EMOLIVE_LOG"):
            import logging

            logging.basicConfig(level=level.upper())
        code = EMOLIVE(argv)
        return code if argv is not None else interrupts.leave(code)
