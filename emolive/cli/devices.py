"""`emolive devices`"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class DevicesOptions:
    """List cameras and microphones; * marks the default device."""

    json: bool = False
    """Print JSON."""


def devices(options: DevicesOptions) -> int:
    """Print the devices; none is not an error."""
    from emolive.capture.devices import cameras, microphones

    devices_by_kind = {"cameras": cameras(), "microphones": microphones()}
    if options.json:
        listed = {kind: [asdict(device) for device in entries] for kind, entries in devices_by_kind.items()}
        sys.stdout.write(json.dumps(listed, indent=1) + "\n")
        return 0
    for kind, entries in devices_by_kind.items():
        sys.stdout.write(f"{kind}\n" if entries else f"{kind}: none found\n")
        for device in entries:
            mark = "*" if device.default else " "
            sys.stdout.write(f" {mark}{device.index:3}  {device.name}  {device.detail}\n")
    return 0
