"""A test that leaves a thread, a timer or a child process behind fails."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.helpers import leaks

pytest_plugins = ["pytester"]


def test_what_was_started_and_still_runs_is_named():
    before = leaks.threads(), leaks.children()
    assert leaks.left_behind(*before) == []
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten")
    timer = threading.Timer(60, stop.set)
    thread.start()
    timer.start()
    try:
        assert sorted(leaks.left_behind(*before)) == [f"the thread {timer.name}", "the thread forgotten"]
    finally:
        stop.set()
        timer.cancel()
        thread.join()
        timer.join()
    assert leaks.left_behind(*before) == []


@pytest.mark.skipif(sys.platform != "linux", reason="child processes are found in /proc")
def test_a_child_process_is_named():
    before = leaks.threads(), leaks.children()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        # A process that has just begun has no name yet.
        while not (left := leaks.left_behind(*before)):
            time.sleep(0.01)
        assert [name.startswith(f"the process {child.pid} (") for name in left] == [True]
    finally:
        child.communicate()
    assert leaks.left_behind(*before) == []


def test_such_a_test_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    pytester.makeconftest("from tests.helpers.leaks import _nothing_left_behind, pytest_fixture_setup")
    pytester.makepyfile(
        """
        import threading
        import pytest
        from tests.helpers import leaks

        leaks.PATIENCE_S = 0.05
        stop = threading.Event()

        @pytest.fixture(scope="module")
        def shared():
            threading.Thread(target=stop.wait, name="shared", daemon=True).start()

        def test_that_asks_late(request):
            request.getfixturevalue("shared")

        def test_that_forgets():
            threading.Thread(target=stop.wait, name="forgotten", daemon=True).start()

        def test_that_is_tidy():
            stop.set()
        """
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_that_forgets left behind the thread forgotten*"])
