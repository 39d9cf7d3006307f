"""`emolive doctor`"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Annotated

from emolive.cli.config import Arg, Range
from emolive.printable import printable, printable_json

_MARKS = {"ok": "ok", "info": "note", "warning": "WARN", "error": "FAIL"}


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Try every camera and microphone for some seconds, and say what is missing and how to get it.

    The output holds nothing private: no pictures, no sound, no names of people, folders or computers. It can
    be attached to a report of a problem. The exit code is 1 if something fails.
    """

    seconds: Annotated[float, Range(0.5, 60), Arg(metavar="S")] = 3.0
    """Length of the trial of each device."""
    source: Annotated[str | None, Arg(metavar="S")] = None
    """Also try this camera: a stream's address, a device path or a name."""
    json: bool = False
    """Print JSON."""


def doctor(options: DoctorOptions) -> int:
    """Print the findings; 1 if a check failed."""
    from emolive.cli.diagnosis import examine

    failed = False
    found = []
    area = ""
    for finding in examine(options.seconds, options.source):
        failed = failed or finding.level == "error"
        if options.json:
            found.append(asdict(finding))
            continue
        if finding.area != area:
            area = finding.area
            sys.stdout.write(f"{area}\n")
        sys.stdout.write(
            f"  {_MARKS[finding.level]:<5}{printable(finding.name)}: {printable(finding.text)}\n"
        )
        sys.stdout.flush()
    if options.json:
        sys.stdout.write(printable_json({"failed": failed, "findings": found}, indent=1) + "\n")
    return 1 if failed else 0
