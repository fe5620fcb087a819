"""How images are cut for a dense map: an output reads one patch, so that nothing needs to be measured."""

import math
from collections.abc import Iterator

from torch import Tensor

from pixelwise.dense.graph.footprint import footprints
from pixelwise.dense.maps.dense_map import DenseMap
from pixelwise.dense.tiles.memory import ActivationMemory
from pixelwise.dense.tiles.plan import SAMPLE, WORKING_COPIES, Plan, Span, check_tile, largest_side
from pixelwise.errors import InputError
from pixelwise.shapes import Size


class MapPlanner:
    """Cuts the outputs of a dense map into tiles; tile [a, b) reads the pixels that outputs a to b - 1 see.

    Without padding these are rows a * stride to (b - 1) * stride + patch. A map that keeps its network's padding is cut
    the same way, by its receptive field; what padding at a cut would touch is dropped.
    """

    def __init__(self, dense: DenseMap, budget: int, tile: int | None = None, channels: int = 3) -> None:
        """Keeps what is known of the map.

        Args:
            dense: the map.
            budget: bytes that the activations of one tile may take.
            tile: rows and columns of outputs per tile instead of a budget.
            channels: channels of the image.
        """
        check_tile(tile)
        self._patch, self._stride, self._padded = dense.patch, dense.stride, dense.padded
        self._seen = _seen(dense)
        self._memory = ActivationMemory(dense, channels)
        self._budget = budget
        self._tile = tile

    def size(self, image: Size) -> Size:
        """Height and width of the whole map.

        Raises:
            InputError: the image is smaller than the patch, or so small that nothing is left of it.
        """
        if self._padded:
            scores = self.scores(image)
            return scores.shape[-2], scores.shape[-1]
        if any(length < patch for length, patch in zip(image, self._patch, strict=True)):
            raise InputError(
                f"an image of at least one patch, {self._patch[0]}x{self._patch[1]}",
                f"{image[0]}x{image[1]}",
                "pass a larger image, or pad it with pixelwise.ops.read_window",
            )
        height, width = (
            (length - patch) // stride + 1
            for length, patch, stride in zip(image, self._patch, self._stride, strict=True)
        )
        return height, width

    def plan(self, image: Size) -> Plan:
        """How an image of this size is cut.

        Raises:
            InputError: it is smaller than the patch, or not even the smallest tile fits the budget.
        """
        size = self.size(image)
        if self._tile is not None:
            return self._cut(image, size, (self._tile, self._tile))
        fits = largest_side(lambda side: self._cut(image, size, (side, side)), max(size), self._budget)
        # The same number of tiles, but of even size: the last row or column would otherwise be a sliver.
        height, width = (math.ceil(length / math.ceil(length / fits)) for length in size)
        return self._cut(image, size, (height, width))

    def scores(self, window: Size) -> Tensor:
        """Outputs without values (on the meta device) for a window of this size: their classes and their type.

        Raises:
            InputError: the network holds tensors that are neither weights nor buffers, or the window is too small.
        """
        try:
            return self._memory.scores(window)
        except RuntimeError as error:
            raise InputError(
                f"a network whose map of {window[0]}x{window[1]} pixels can be planned on the meta device",
                str(error).partition("\n")[0],
                "register constant tensors as buffers; pad images that are smaller than the network's kernels",
            ) from error

    def sample(self, plan: Plan) -> Size:
        """A small window on which the speed is measured, at most as large as the plan's."""
        height, width = (min(side, SAMPLE + patch) for side, patch in zip(plan.window, self._patch, strict=True))
        return height, width

    def _cut(self, image: Size, size: Size, tile: Size) -> Plan:
        rows, columns = (tuple(self._spans(image[axis], size[axis], tile[axis], axis)) for axis in (0, 1))
        height, width = (max(span.read_stop - span.read_start for span in axis) for axis in (rows, columns))
        self.scores((height, width))
        seen = rows[-1].read_stop, columns[-1].read_stop
        halo = max((last - first + 1) // 2 for first, last in self._seen)
        return Plan(rows, columns, seen, halo, int(self._memory.peak((height, width)) * WORKING_COPIES))

    def _spans(self, length: int, size: int, tile: int, axis: int) -> Iterator[Span]:
        stride, (first, last) = self._stride[axis], self._seen[axis]
        # A patch has no middle pixel when its side is even: then the one below and to the right counts.
        offset = self._patch[axis] // 2 if not self._padded else (first + last + 1) // 2
        for start in range(0, size, tile):
            stop = min(start + tile, size)
            # Windows start on a multiple of the stride, where the map's own grid lies.
            read_start = max(0, (start * stride + first) // stride * stride)
            read_stop = min(length, (stop - 1) * stride + last + 1)
            if self._padded and stop == size:
                read_stop = length
            yield Span(start, stop, read_start, read_stop, start - read_start // stride, stride, offset)


def _seen(dense: DenseMap) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last pixel that output 0 sees, along each axis."""
    if not dense.padded:
        return (0, dense.patch[0] - 1), (0, dense.patch[1] - 1)
    found = [footprints(dense.graph, axis)[-1] for axis in (0, 1)]
    if any(each is None for each in found):
        raise InputError(
            "a dense map whose outputs see a limited neighbourhood, so that tiles do not change the result",
            "one with an operation that looks at the whole image",
            'use exact="patch", where such an operation looks at one patch',
        )
    down, across = ((math.floor(each.first), math.ceil(each.last)) for each in found if each is not None)
    return down, across
