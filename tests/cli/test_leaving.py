"""The end of the process: what is written is finished, what hangs is not waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from emolive.cli.interrupts import leave

go = threading.Event()
def write():
    go.wait(100)
    Path(sys.argv[1]).write_text("whole")
pools = {name: ThreadPoolExecutor(1, name) for name in ("emolive-gui-files", "emolive-gui-devices")}
pools["emolive-gui-files"].submit(write)
pools["emolive-gui-devices"].submit(threading.Event().wait)  # a driver that never answers
for pool in pools.values():
    pool.shutdown(wait=False)
threading.Timer(0.3, go.set).start()
print("closing", flush=True)
raise SystemExit(leave(3))
"""


def test_a_file_is_finished_and_a_driver_that_hangs_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout == "closing\n"
    assert path.read_text() == "whole"
