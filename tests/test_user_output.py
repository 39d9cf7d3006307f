"""Files that a user names are replaced only if asked, and written by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emolive.errors import OutputError
from emolive.user_output import check_replaceable, reserved


def test_a_file_with_something_in_it_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    check_replaceable(path, allowed=False)
    path.touch()
    check_replaceable(path, allowed=False)
    path.write_text("yesterday's")
    with pytest.raises(OutputError, match="exists: name another file, or add --overwrite to replace it"):
        check_replaceable(path, allowed=False)
    check_replaceable(path, allowed=True)
    assert path.read_text() == "yesterday's"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_pipes_and_devices_are_no_files_to_protect(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull), tmp_path):
        check_replaceable(path, allowed=False)
        with reserved(path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


PROGRAM = """
import sys
from pathlib import Path
from emolive.user_output import reserved
with reserved(Path(sys.argv[1])):
    print("reserved", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    command = [sys.executable, "-c", PROGRAM, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "reserved\n"
        refused = pytest.raises(OutputError, match=r"Another emolive is writing .*rows\.jsonl: name another")
        with refused, reserved(path):
            pass
        with reserved(tmp_path / "others.jsonl"):
            pass
        # A process that is killed leaves no reservation.
        other.kill()
        other.wait()
        with reserved(path):
            path.write_text("mine")
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_folder_that_is_missing_is_reported_by_who_writes(tmp_path: Path) -> None:
    with reserved(tmp_path / "missing" / "rows.jsonl"):
        pass
    with reserved(None):
        pass
