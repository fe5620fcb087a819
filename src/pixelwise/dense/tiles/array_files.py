"""Arrays on disk that are written part by part: NumPy files, TIFF files and Zarr stores."""

import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import DTypeLike, NDArray

from pixelwise.dense.tiles.plan import Plan, Span
from pixelwise.errors import InputError

LARGEST_TIFF = 2**31
"""Above this, TIFFs get 64-bit offsets: classic ones end at 4 GiB, and some readers take offsets as signed."""

LARGEST_CHUNK = 1024
"""Longest side of a Zarr chunk: a few megabytes, which viewers load at once."""


class RawFile:
    """A .npy or uncompressed .tif file, written row by row.

    A memory map would count every page written as memory of this process, and a full disk would kill it.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, tiff: bool) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._tiff = tiff
        self._start: int | None = None

    def create(self) -> None:
        """Writes the header; the rest is a hole that takes no room yet."""
        if self._tiff:
            large = self.nbytes > LARGEST_TIFF
            # Planes of their own, as in pages of a document: readers of single pages get the first class.
            settings: dict[str, Any] = {"photometric": "minisblack", "bigtiff": large}
            tifffile.memmap(self.path, shape=self.shape, dtype=self.dtype, **settings)
        else:
            np.lib.format.open_memmap(self.path, "w+", self.dtype, self.shape)
        self._start = None

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def write(self, rows: slice, columns: slice, values: NDArray[Any]) -> None:
        """Replaces a part and waits until it is on disk."""
        height, width = self.shape[-2:]
        planes = np.ascontiguousarray(values).reshape(-1, *values.shape[-2:])
        with self.path.open("r+b") as file:
            for plane, part in enumerate(planes):
                for row, line in enumerate(part, start=rows.start):
                    place = (plane * height + row) * width + columns.start
                    file.seek(self._offset() + place * self.dtype.itemsize)
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def missing(self) -> int:
        """Bytes that are still holes."""
        blocks = getattr(self.path.stat(), "st_blocks", 0)  # of 512 bytes (POSIX)
        return max(0, self.nbytes - blocks * 512)

    def _offset(self) -> int:
        """Where the values begin."""
        if self._start is None:
            values = tifffile.memmap(self.path, mode="r") if self._tiff else np.load(self.path, mmap_mode="r")
            if values.shape != self.shape or values.dtype != self.dtype:
                raise InputError(
                    f"{self.dtype} of shape {self.shape} in {self.path}",
                    f"{values.dtype} of shape {values.shape}",
                    f"delete {self.path} to begin anew",
                )
            self._start = int(values.offset)
        return self._start


class ZarrStore:
    """A Zarr store whose chunks each belong to one tile.

    No chunk is written twice, and each appears whole. They outlive a killed process; unlike the other formats they are
    not forced to disk tile by tile, so that after a power cut the last ones may be missing.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, plan: Plan) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._chunks = (*(1 for _ in shape[:-2]), *(_chunk(axis) for axis in (plan.rows, plan.columns)))
        self._opened: Any = None

    @property
    def nbytes(self) -> int:
        """Bytes of all values before compression."""
        return math.prod(self.shape) * self.dtype.itemsize

    def create(self) -> None:
        """Makes an empty store."""
        import zarr  # noqa: PLC0415  (0.6 s, and part of the extra "large")

        if self.path.exists():
            shutil.rmtree(self.path)
        zarr.create_array(store=str(self.path), shape=self.shape, chunks=self._chunks, dtype=self.dtype, fill_value=0)

    def write(self, rows: slice, columns: slice, values: NDArray[Any]) -> None:
        """Replaces the chunks of a tile."""
        import zarr  # noqa: PLC0415  (0.6 s, and part of the extra "large")

        if self._opened is None:
            for stray in self.path.rglob("*.partial"):  # what zarr calls a chunk that a killed process was writing
                stray.unlink()
            self._opened = zarr.open_array(str(self.path), mode="r+")
        self._opened[..., rows, columns] = values

    def missing(self) -> int:
        """0: what compression leaves is not known in advance."""
        return 0


def _chunk(axis: Sequence[Span]) -> int:
    """A side that divides the tiles along one axis and is at most `LARGEST_CHUNK`, unless that were a sliver."""
    tile = axis[0].stop
    if len(axis) == 1:
        return min(tile, LARGEST_CHUNK)
    parts = next(parts for parts in range(1, tile + 1) if tile % parts == 0 and tile // parts <= LARGEST_CHUNK)
    # A tile whose side is prime has no divisors but 1 and itself.
    return tile // parts if tile // parts >= LARGEST_CHUNK // 8 or parts == 1 else tile
