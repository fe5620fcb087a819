"""Where the results of tiles go: tensors and arrays in memory, or files that an interrupted job continues."""

import shutil
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelwise.dense.tiles.array_files import RawFile, ZarrStore
from pixelwise.dense.tiles.journal import Journal
from pixelwise.dense.tiles.kept import Kind
from pixelwise.dense.tiles.plan import Plan, Span
from pixelwise.dense.tiles.regions import release_pages
from pixelwise.errors import InputError

SUFFIXES = (".npy", ".tif", ".tiff", ".zarr")


class ArrayOutputs:
    """Tensors, or arrays assigned to by slices."""

    def __init__(self, arrays: list[Any]) -> None:
        self.done: set[int] = set()
        self._arrays = arrays

    def write(self, tile: int, row: Span, column: Span, parts: Sequence[Tensor]) -> None:
        """Assigns each part to its slice."""
        where = (..., slice(row.start, row.stop), slice(column.start, column.stop))
        for array, part in zip(self._arrays, parts, strict=True):
            array[where] = part if isinstance(array, Tensor) else part.numpy()
            release_pages(array)
        self.done.add(tile)

    def finish(self) -> list[Any]:
        """The arrays."""
        return self._arrays


class FileOutputs:
    """Files that get their names when they are complete.

    Until then they are called NAME.part, with a journal NAME.journal beside the first one; the same call continues
    them. A tile counts as done after its values are written, so that one interrupted is computed again.
    """

    def __init__(self, paths: list[Path], kinds: Sequence[Kind], plan: Plan, job: Callable[[], dict[str, str]]) -> None:
        self._paths = paths
        self._tiles = plan.tiles
        self._files: list[RawFile | ZarrStore] = [
            _array_file(path, part_of(path), kind, plan) for path, kind in zip(paths, kinds, strict=True)
        ]
        journal = paths[0].with_name(paths[0].name + ".journal")
        if not journal.exists():
            self._refuse_existing()
        try:
            self._journal = Journal(journal, job())
            # A process killed while it gave the files their names leaves some with the one, some with the other.
            if len(self.done) < self._tiles:
                self._refuse_existing()
                self._continue()
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    @property
    def done(self) -> set[int]:
        """Tiles that need not be computed."""
        return self._journal.done

    def write(self, tile: int, row: Span, column: Span, parts: Sequence[Tensor]) -> None:
        """Writes the parts, then notes the tile in the journal.

        Raises:
            InputError: the system refuses, for want of room as a rule; what is done stays.
        """
        try:
            for file, part in zip(self._files, parts, strict=True):
                file.write(slice(row.start, row.stop), slice(column.start, column.stop), part.numpy())
            self._journal.add(tile)
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    def finish(self) -> list[Any]:
        """Gives the files their names.

        Raises:
            InputError: a file of that name has appeared meanwhile, or the system refuses.
        """
        try:
            for path in self._paths:
                if part_of(path).exists():
                    _refuse(path)
                    part_of(path).rename(path)
            self._journal.remove()
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        return list(self._paths)

    def _continue(self) -> None:
        """Goes on with the files that are there, or begins with empty ones; makes sure that they have room."""
        parts = [part_of(path) for path in self._paths]
        if not (self.done and all(part.exists() for part in parts)):
            # The journal comes first, so that a part without one is known not to be ours.
            if not self._journal.path.exists():
                for part in parts:
                    _refuse(part)
            self._journal.begin()
            for file in self._files:
                file.create()
        room, missing = shutil.disk_usage(parts[0].parent).free, sum(file.missing() for file in self._files)
        if missing > room:
            raise self._failed(f"{room / 1e6:.1f} MB free where {missing / 1e6:.1f} MB more are needed")

    def _refuse_existing(self) -> None:
        for path in self._paths:
            _refuse(path)

    def _failed(self, reason: str) -> InputError:
        kept = f"; {len(self.done)} of {self._tiles} tiles are kept" if self._journal.done else ""
        size = sum(file.nbytes for file in self._files)
        return InputError(
            f"{size / 1e6:.1f} MB of room for {', '.join(map(str, self._paths))}, and the right to write there",
            f"{reason}{kept}",
            "make room and repeat the same call, which continues, or choose another out",
        )


def _refuse(path: Path) -> None:
    """Raises when the path exists."""
    if path.exists():
        raise InputError("an out that does not exist yet", f"{path}", f"delete {path} or choose another name")


def open_outputs(
    outs: Sequence[Any], kinds: Sequence[Kind], plan: Plan, job: Callable[[], dict[str, str]]
) -> ArrayOutputs | FileOutputs:
    """The places for all results of one job.

    Args:
        outs: for each result None, an array or a path.
        kinds: what the results are.
        plan: how the image is cut.
        job: tells what the results depend on; called for files only, because it reads all weights.

    Raises:
        InputError: an array of the wrong shape or type, a path that exists or has another suffix, or arrays and paths
            mixed.
    """
    paths = [Path(out) for out in outs if isinstance(out, str | Path)]
    if not paths:
        return ArrayOutputs([place(out, kind) for out, kind in zip(outs, kinds, strict=True)])
    if len(set(paths)) < len(outs):
        raise InputError(
            "a path of its own for each result, or no path at all",
            f"out = {', '.join(str(out) if isinstance(out, str | Path) else type(out).__name__ for out in outs)}",
            "pass one path per reduction",
        )
    return FileOutputs(paths, kinds, plan, job)


def place(out: Any, kind: Kind) -> Any:
    """A place for one result: the given array, if it can hold it, or a new tensor.

    Raises:
        InputError: it has another shape, or its numbers cannot hold the result's.
    """
    if out is None:
        return torch.empty(kind.shape, dtype=kind.dtype)
    if tuple(out.shape) != kind.shape:
        raise InputError(
            f"out of shape {kind.shape}", f"{tuple(out.shape)}", f"make it with numpy.empty({kind.shape}, dtype)"
        )
    if isinstance(out, Tensor):
        holds = out.is_floating_point() or torch.promote_types(kind.dtype, out.dtype) == out.dtype
    else:
        holds = out.dtype.kind == "f" or np.promote_types(kind.numpy_type, out.dtype) == out.dtype
    if not holds:
        raise InputError(f"out that holds {kind.numpy_type}", f"{out.dtype}", f"make it {kind.numpy_type}")
    return out


def part_of(path: Path) -> Path:
    """The name of a file that is not complete."""
    return path.with_name(path.name + ".part")


def _array_file(path: Path, part: Path, kind: Kind, plan: Plan) -> RawFile | ZarrStore:
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        if find_spec("zarr") is None:
            raise InputError("the package zarr for a .zarr", "none", "pip install 'pixelwise[large]', or use .npy")
        return ZarrStore(part, kind.shape, kind.numpy_type, plan)
    if suffix not in SUFFIXES:
        raise InputError(f"out to end in {', '.join(SUFFIXES)}", f"{path}", "choose one of these formats")
    return RawFile(part, kind.shape, kind.numpy_type, tiff=suffix != ".npy")
