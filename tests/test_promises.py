"""What all of the package promises."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import emolive
from tests.helpers.clips import demo_audio, demo_frames, write_clip

ROOT = Path(emolive.__file__).parent
FOR_PEOPLE = {
    "recording/folder.py": "the name of a folder",
    "recording/recorder.py": "the date of a recording, beside its stamps",
}
"""Modules that may ask for the time of day, and for what; beside commands and window, which show it."""
WALL_CLOCK = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow")}

READ_OFFLINE = """
import sys
connections = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"):
        connections.append((event, str(arguments[1:])))
sys.addaudithook(hook)
from emolive.cli import main
code = main(["analyze", *sys.argv[1:]])
assert not connections, connections
sys.exit(code)
"""


def test_no_stamp_is_of_the_wall_clock():
    """It may be set while a session runs."""
    users = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                is_wall_clock = (node.value.id, node.attr) in WALL_CLOCK
                users |= {path.relative_to(ROOT).as_posix()} if is_wall_clock else set()
    stamping = {user for user in users if not user.startswith(("cli/", "gui/"))}
    assert stamping == set(FOR_PEOPLE)


def test_a_file_is_read_without_a_connection(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mkv", demo_frames(2), demo_audio(2))
    arguments = [sys.executable, "-c", READ_OFFLINE, str(clip)]
    process = subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=170, cwd=ROOT.parent
    )
    assert process.returncode == 0, process.stderr
    assert '"summary": true' in process.stdout
