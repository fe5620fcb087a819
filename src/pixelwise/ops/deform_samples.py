"""Where a deformable convolution reads: four pixels and four weights for every shifted kernel position.

The images lie in a table of one row per pixel (and offset group), channels last, with a border of zeros around them. So
no tap asks whether it is on the image: positions are held within the border, and what lies there is zero. In
particular a pixel that is not finite reaches only the results whose position touches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

BORDER = 2
"""Positions are held within -2..H, where all four pixels around them are zeros: rows -2..H+1 must exist. One row of
zeros would not do: at exactly -1 the value is 0 but its slope is not."""


@dataclass(frozen=True)
class Lattice:
    """Where the undeformed kernel stands; each pair is (height, width)."""

    kernel: Sequence[int]
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]

    @property
    def positions(self) -> int:
        """How many taps the kernel has."""
        return self.kernel[0] * self.kernel[1]

    def output(self, axis: int, length: int) -> int:
        """The length of the output along an axis for an input of `length`; below 1 where the kernel does not fit."""
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return (length + 2 * self.padding[axis] - reach) // self.stride[axis] + 1


@dataclass(frozen=True)
class Samples:
    """The four pixels (top left, top right, bottom left, bottom right) of N positions, and how much each counts.

    Positions are ordered by image, output row, output column, kernel row, kernel column, offset group, or as an image.
    `down` and `right` are the position's distances from the top left pixel, in 0..1; `strength` is its mask, if any.
    `groups` counts the offset groups.
    """

    places: Integer[Tensor, "N 4"]
    down: Float[Tensor, " N"]
    right: Float[Tensor, " N"]
    strength: Float[Tensor, " N"] | None
    groups: int

    def bilinear(self) -> Float[Tensor, "N 4"]:
        """The bilinear weights of the four pixels, without the mask; they sum to 1."""
        up, left = 1 - self.down, 1 - self.right
        return torch.stack([up * left, up * self.right, self.down * left, self.down * self.right], dim=-1)

    def weights(self) -> Float[Tensor, "N 4"]:
        """The bilinear weights times the mask."""
        weights = self.bilinear()
        return weights if self.strength is None else weights.mul_(self.strength[:, None])


def bordered_table(images: Float[Tensor, "B C H W"], dtype: torch.dtype) -> Float[Tensor, "B h w C"]:
    """The images channels last with `BORDER` zeros around, h = H + 4 and w = W + 4."""
    batch, channels, height, width = images.shape
    table = images.new_zeros((batch, height + 2 * BORDER, width + 2 * BORDER, channels), dtype=dtype)
    without_border(table).copy_(images.permute(0, 2, 3, 1))
    return table


def without_border(table: Float[Tensor, "B h w C"]) -> Float[Tensor, "B H W C"]:
    """The part of a bordered table that shows the images; a view."""
    return table[:, BORDER:-BORDER, BORDER:-BORDER]


def find_samples(
    offset: Float[Tensor, "B channels rows w"],
    mask: Float[Tensor, "B half rows w"] | None,
    table: Float[Tensor, "B h v C"],
    lattice: Lattice,
    first_row: int,
    as_image: bool = False,
) -> Samples:
    """The samples of some output rows.

    Args:
        offset: (dy, dx) in pixels for every offset group and kernel position. What is not finite counts as off the
            image.
        mask: what each position counts.
        table: as `bordered_table` gives it; its dtype is the one computed in.
        lattice: where the undeformed kernel stands.
        first_row: the output row that the offsets begin with.
        as_image: orders the samples by image, output row, kernel row, output column, kernel column, offset group. Then
            the blends are an image in which every output has a block of its own as large as the kernel.
    """
    batch, groups, kernel = offset.shape[0], offset.shape[1] // (2 * lattice.positions), tuple(lattice.kernel)
    height, width = table.shape[1] - 2 * BORDER, table.shape[2] - 2 * BORDER
    # Axes from here on: (down, right), image, row, column, kernel row, kernel column, group; as image 3 and 4 swapped.
    swapped = (3, 4) if as_image else (3, 3)
    ordered = torch.unflatten(offset, 1, (groups, *kernel, 2)).permute(4, 0, 5, 6, 2, 3, 1).transpose(*swapped)
    # Always a copy: with one kernel position the caller's offsets lie in this order already.
    positions = ordered.to(table.dtype, copy=True, memory_format=torch.contiguous_format)
    positions += _undeformed(lattice, first_row, positions.new_empty(offset.shape[2:])).transpose(*swapped)
    # Comparing with NaN is False: such a position goes off the image like a far one.
    positions = torch.where(positions > -BORDER, positions, -BORDER)
    positions = positions.minimum(positions.new_tensor([height, width]).view(2, 1, 1, 1, 1, 1, 1))
    whole = positions.floor()
    positions -= whole
    # 32-bit integers sort twice as fast in the backward pass.
    integer = torch.int32 if table.shape[:3].numel() * groups < 2**31 else torch.int64
    row, column = whole.to(integer).add_(BORDER)
    image = torch.arange(batch, device=row.device, dtype=integer).view(-1, 1, 1, 1, 1, 1)
    group = torch.arange(groups, device=row.device, dtype=integer)
    corner = (((image * table.shape[1] + row) * table.shape[2] + column) * groups + group).flatten()
    below = table.shape[2] * groups
    places = torch.stack([corner, corner + groups, corner + below, corner + below + groups], dim=-1)
    strength = None
    if mask is not None:
        spread = torch.unflatten(mask[None], 2, (groups, *kernel)).permute(0, 1, 5, 6, 3, 4, 2).transpose(*swapped)
        strength = spread.to(table.dtype).flatten()
    return Samples(places, positions[0].flatten(), positions[1].flatten(), strength, groups)


def _undeformed(lattice: Lattice, first_row: int, window: Tensor) -> Float[Tensor, "2 1 rows w kh kw 1"]:
    """Rows and columns that the undeformed kernel reads, for a window of the output that begins at a row."""

    def along(axis: int, first: int) -> Tensor:
        outputs = torch.arange(first, first + window.shape[axis], device=window.device, dtype=window.dtype)
        kernel = torch.arange(lattice.kernel[axis], device=window.device, dtype=window.dtype)
        return (outputs * lattice.stride[axis] - lattice.padding[axis])[:, None] + kernel * lattice.dilation[axis]

    down, right = along(0, first_row)[:, None, :, None], along(1, 0)[:, None]
    shape = (*window.shape, *lattice.kernel)
    return torch.stack([down.expand(shape), right.expand(shape)])[:, None, ..., None]
