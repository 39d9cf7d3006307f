"""Ctrl-C and SIGTERM at any time: in order, without a traceback, and never in the way of the end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import environment

PREPARE = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
"""


def python(code: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PREPARE + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
        env=environment(),
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("module", ["emolive.cli.app", "emolive.cli.run", "emolive.session.session"])
def test_a_signal_while_modules_are_imported(module: str, signal: str, code: int) -> None:
    """As within the first quarter second of a session."""
    run = f"""
class Trap:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Trap())
sys.argv = ["emolive", "run", "--headless", "--source", "demo"]
from emolive.cli import main
sys.exit(main())
"""
    assert python(run) == (code, "", "")


def test_the_second_signal_ends_at_once() -> None:
    run = """
from emolive.cli.interrupts import interruptible
with interruptible():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        print("in order", flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)
"""
    assert python(run) == (130, "in order\n", "")


def test_signals_are_left_to_whoever_has_them() -> None:
    run = """
from emolive.cli.interrupts import early_exit, interruptible
signal.signal(signal.SIGINT, lambda *_: print("mine", flush=True))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with early_exit(), interruptible():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
"""
    assert python(run) == (0, "mine\n", "")


@pytest.mark.parametrize(("name", "expected"), [("emolive-x", "5"), ("other", "5 taken down")])
def test_a_thread_in_a_native_call_is_not_waited_for(name: str, expected: str) -> None:
    run = f"""
import atexit
from emolive.cli.interrupts import leave
atexit.register(lambda: print("taken down", flush=True))
threading.Thread(target=time.sleep, args=(600,), name="{name}", daemon=True).start()
sys.exit(leave(5))
"""
    # It would be waited for longer than `python` waits.
    code, out, err = python(run)
    assert f"{code} {out}".strip() == expected
    assert not err
