"""Which tiles of a job are done, kept beside its results so that an interrupted job continues."""

import hashlib
import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from pixelwise.dense.tiles.regions import Regions, read_mirrored
from pixelwise.errors import InputError
from pixelwise.files import write_text

FORMAT = "pixelwise tiles 1"
"""First word of every journal; the number changes when the meaning of the lines does."""

SAMPLES, SAMPLE_SIDE = 4, 16
"""An image is told from another by 4 x 4 squares of 16 pixels: hashing all of a gigapixel image would cost a pass."""

ADVICE = {
    "model": "build the same model with the same weights",
    "image": "pass the same image",
    "plan": "pass the same memory and tile",
    "results": "pass the same reduce, mask and fill",
    "torch": "use the same version of torch",
}
"""What to do when a job does not continue the one begun, by the part in which they differ."""


class Journal:
    """A file of one line about the job and then one line for each tile done.

    A line cut off by a crash does not count. Lines are forced to disk, after the tile they stand for.
    """

    def __init__(self, path: Path, job: dict[str, str]) -> None:
        """Reads what is there.

        Args:
            path: the file.
            job: what the results depend on, by the names of `ADVICE`.

        Raises:
            InputError: the file belongs to another job, or is no journal.
        """
        self.path = path
        self._first = {"format": FORMAT, **job}
        self.done = self._read() if path.exists() else set()

    def begin(self) -> None:
        """Starts with no tile done."""
        self.done = set()
        write_text(self.path, json.dumps(self._first) + "\n")

    def add(self, tile: int) -> None:
        """Notes that the values of a tile are on disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{tile}\n")
            file.flush()
            os.fsync(file.fileno())
        self.done.add(tile)

    def remove(self) -> None:
        """Deletes the file: the job is complete."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> set[int]:
        first, *lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        try:
            found = json.loads(first)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise InputError("a journal of tiles", f"{self.path}, which is something else", "choose another out")
        for name, advice in ADVICE.items():
            if found.get(name) != self._first[name]:
                raise InputError(
                    f"the job begun in {self.path}, with {name} {found.get(name)}",
                    f"{name} {self._first[name]}",
                    f"{advice}, or delete {self.path} to begin anew",
                )
        # The last piece is empty after a whole line, and otherwise cut off.
        return {int(line) for line in lines[:-1] if line.isdecimal()}


def model_digest(model: nn.Module) -> str:
    """A short text that differs between models: a hash over the layers' description, and the weights and buffers."""
    hashed = hashlib.sha256(repr(model).encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(_bytes(tensor))
    return hashed.hexdigest()[:16]


def image_digest(image: Regions) -> str:
    """The image's size, and a hash over squares of it."""
    height, width = image.size
    hashed = hashlib.sha256()
    for row in range(SAMPLES):
        for column in range(SAMPLES):
            top = (height - 1) * row // (SAMPLES - 1)
            left = (width - 1) * column // (SAMPLES - 1)
            square = read_mirrored(image, (top, top + SAMPLE_SIDE), (left, left + SAMPLE_SIDE))
            hashed.update(_bytes(square))
    return f"{height}x{width} {hashed.hexdigest()[:16]}"


def _bytes(tensor: Tensor) -> bytes:
    """The bytes of a tensor of any type, in the order of its dimensions."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
