"""Options for where a training loop runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from emolive.cli.config import Range

Accelerator = Literal["cpu", "cuda", "mps", "auto"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]


@dataclass(frozen=True)
class FabricConfig:
    """Where and with how many processes a training loop runs (Lightning Fabric)."""

    accelerator: Accelerator = "auto"
    """Device type to train on; auto is CUDA where there is a GPU for it, else the CPU."""
    devices: Annotated[int, Range(1, 1024)] = 1
    """Processes (cpu) or GPUs on each node."""
    num_nodes: Annotated[int, Range(1, 1024)] = 1
    """Machines."""
    precision: Precision = "32-true"
    """Number format."""
    threads: Annotated[int, Range(0, 256)] = 0
    """Threads of torch on a CPU; 0: all cores where a backbone is trained, else one."""

    @property
    def n_threads(self) -> int:
        """Threads to use; 0 leaves torch's own number, that of the cores."""
        return self.threads
