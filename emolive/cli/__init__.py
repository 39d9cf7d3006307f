"""The `emolive` command: `emolive --help` lists what it can do. Heavy imports happen in the commands."""

from emolive.cli.main import main

__all__ = ["main"]
