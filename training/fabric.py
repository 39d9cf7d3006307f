"""Devices, processes and number formats: all of them Lightning Fabric's."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import DDPStrategy

from emolive.errors import EmoliveError
from training.config import Options


def make_fabric(options: Options) -> Fabric:
    """Fabric as the options say, launched: with several devices, from here on in each process."""
    torch.set_num_threads(options.threads)
    many = options.devices * options.num_nodes > 1
    backend = "gloo" if options.accelerator == "cpu" else None
    # Published ia holds projections that nothing reads, and an epoch may mask a branch's own classifier.
    strategy: Any = (
        DDPStrategy(find_unused_parameters=True, process_group_backend=backend) if many else "auto"
    )
    try:
        fabric = Fabric(
            accelerator=options.accelerator,
            devices=options.devices,
            num_nodes=options.num_nodes,
            strategy=strategy,
            precision=options.precision,
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise EmoliveError(
            f"--accelerator {options.accelerator} with {options.devices} devices and {options.precision} "
            f"does not work here: {str(error).splitlines()[0]}"
        ) from error
    return fabric
