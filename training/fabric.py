"""Devices, processes and number formats, which are Lightning Fabric's."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import DDPStrategy

from emolive.errors import DeviceError
from training.fabric_config import FabricConfig


def make_fabric(config: FabricConfig) -> Fabric:
    """A launched Fabric. With several devices, each process continues from here.

    Raises:
        DeviceError: the device or the number format is not available.
    """
    if config.n_threads:
        torch.set_num_threads(config.n_threads)
    accelerator = config.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    is_distributed = config.devices * config.num_nodes > 1
    backend = "gloo" if accelerator == "cpu" else None
    # The published ia holds projections that nothing reads, and a batch may mask a branch's own classifier.
    strategy: Any = (
        DDPStrategy(find_unused_parameters=True, process_group_backend=backend) if is_distributed else "auto"
    )
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            strategy=strategy,
            precision=config.precision,
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise DeviceError(
            f"--accelerator {config.accelerator} with {config.devices} devices and {config.precision} "
            f"does not work here: {str(error).splitlines()[0]}"
        ) from error
    return fabric
