"""Where and how fast a run computes."""

import os
from dataclasses import dataclass

import torch

from pixelwise.dense.tiles.memory import parse_bytes
from pixelwise.errors import InputError

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Hardware:
    """Where and how fast a run computes; nothing here is kept in run.json.

    `device`: auto, cpu or cuda. `workers`: processes that read images; None chooses. `memory`: budget for validation
    images, which are predicted whole or in tiles.
    """

    device: str = "auto"
    workers: int | None = None
    memory: str = "1GB"

    def check(self, precision: str) -> None:
        """Finds what would fail only after the data has been examined.

        Raises:
            InputError: an unknown or missing device, a negative number of workers, no memory size, or arithmetic that
                the device does not have.
        """
        if self.device not in DEVICES:
            raise InputError(f"a device of {', '.join(DEVICES)}", repr(self.device), "check the spelling")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("a GPU that torch can use", "none on this machine", "use --device cpu")
        if precision == "16" and (self.device == "cpu" or not torch.cuda.is_available()):
            raise InputError("a GPU for float16", "a CPU", "use --precision bf16, or 32")
        if self.workers is not None and self.workers < 0:
            raise InputError("0 or more workers", str(self.workers), "leave --workers away to let pixelwise choose")
        parse_bytes(self.memory)

    @property
    def readers(self) -> int:
        """The number of reading processes."""
        if self.workers is not None:
            return self.workers
        # On few cores reading processes take from training what they give it.
        cores = os.cpu_count() or 1
        return 0 if cores <= 2 else min(4, cores - 2)
