"""Which part of an image is wanted."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.dense.tiles.regions import release_pages
from pixelwise.errors import InputError
from pixelwise.shapes import Mask, Size


@dataclass(frozen=True)
class RegionMask:
    """A boolean array over a whole image, True where pixels are wanted, as large as the image or coarser.

    The cell of an image pixel is the one that its centre falls into. Anything read by slices will do.
    """

    wanted: Any
    size: Size

    def __post_init__(self) -> None:
        """Refuses what cannot be laid over the image.

        Raises:
            InputError: not boolean, not of two axes, empty, larger than the image or of another shape.
        """
        shape = tuple(self.wanted.shape)
        if len(shape) != 2 or 0 in shape or str(self.wanted.dtype) not in ("bool", "torch.bool"):
            raise InputError(
                "a boolean mask (height, width), True where pixels are wanted",
                f"{self.wanted.dtype} of shape {shape}",
                "pass mask > 0",
            )
        (height, width), (rows, columns) = self.size, shape
        # A thumbnail's sides are rounded, so that either side may be off by one cell.
        alike = abs(columns - rows * width / height) <= 1 or abs(rows - columns * height / width) <= 1
        if rows > height or columns > width or not alike:
            raise InputError(
                f"a mask as large as the image, {height}x{width}, or coarser in both directions alike",
                f"{rows}x{columns}",
                "make it from a thumbnail of the image; sizes are (height, width)",
            )

    def of(self, rows: tuple[int, int], columns: tuple[int, int]) -> Mask:
        """The wanted pixels of a part of the image."""
        row, column = (
            (2 * torch.arange(*span) + 1) * cells // (2 * length)
            for span, cells, length in zip((rows, columns), self.wanted.shape, self.size, strict=True)
        )
        part = self.wanted[int(row[0]) : int(row[-1]) + 1, int(column[0]) : int(column[-1]) + 1]
        cells = part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
        release_pages(self.wanted)
        return cells.cpu()[row - row[0]][:, column - column[0]]

    def digest(self) -> str:
        """A short text that differs between masks."""
        hashed = hashlib.sha256(str(tuple(self.wanted.shape)).encode())
        # Bands of about 16 million cells, as a mask may be as large as the image.
        step = max(1, 2**24 // int(self.wanted.shape[1]))
        for top in range(0, int(self.wanted.shape[0]), step):
            hashed.update(np.packbits(np.asarray(self.wanted[top : top + step])).tobytes())
            release_pages(self.wanted)
        return hashed.hexdigest()[:16]
