"""How alike each place of one feature map is to the places around it in another: FlowNet's correlation layer.

Places only meet places that lie a whole number of strides away, so both maps fall apart into stride x stride phases
that never meet. Within a phase, one matrix product per row compares a short block of places with every place in reach
of the block. Its result is a band: of the columns compared with a place, those in reach lie on a slanted strip that a
view reads without a copy. Forward and backward are plain batched matrix products, on every device.
"""

from math import gcd
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pixelwise.errors import InputError

Reduction = Literal["mean", "sum"]
"""What happens to the products of channels and of the window: averaged, or added."""

BLOCK = 16
"""Places per block. Of the columns compared with a block, BLOCK + D - 1, each place uses D: shorter blocks waste less
arithmetic, but matrix products with fewer rows run slower. Of 8, 12, 16, 20, 24 and 32 this was the fastest for maps
of 256x48x64 and 256x55x128 with D = 21 (benchmarks/ops/correlation.py)."""


def correlation(
    first: Float[Tensor, "B C H W"],
    second: Float[Tensor, "B C H W"],
    max_displacement: int = 20,
    stride: int = 2,
    kernel_size: int = 1,
    position_stride: int = 1,
    reduction: Reduction = "mean",
) -> Float[Tensor, "B D2 h w"]:
    """The likeness of every place of `first` to the places of `second` around it, one channel per displacement.

    Channel (iy * D + ix) at place (y, x) is the scalar product of the windows of `kernel_size` around (y, x) in `first`
    and around (y + (iy - r) * stride, x + (ix - r) * stride) in `second`, with r = max_displacement // stride and
    D = 2 r + 1: dy is the slow index, dx the fast one. Outside the maps everything is 0. "mean" divides by
    C * kernel_size ** 2, as FlowNet's own code does; "sum" does not, as the package spatial-correlation-sampler. No
    channels give 0. Half precision is computed in float32. Differentiable once. A value that is not finite reaches only
    results that it takes part in, but gradients of its whole neighbourhood.

    FlowNetC (Dosovitskiy et al. 2015, section 3, equation 1) has the defaults: 21 x 21 displacements. The work grows
    with neither `kernel_size` nor `position_stride`, and does not shrink with the latter unless it shares a divisor
    with `stride` and the kernel is 1.

    Args:
        first: features whose places are described.
        second: features that are searched, of the same shape, dtype and device.
        max_displacement: the farthest displacement along each axis, in pixels of the maps; 0 compares only the same
            places. A rest beyond a multiple of `stride` is not used.
        stride: pixels between neighbouring displacements.
        kernel_size: side of the windows, odd.
        position_stride: pixels between neighbouring places of the result, which has ceil(H / position_stride) rows.
        reduction: whether products are averaged or added.

    Raises:
        InputError: the maps differ in shape, dtype or device, are not float, or have no pixels; a number is out of
            range; the kernel is even (it would have no centre).

    >>> first, second = torch.zeros(2, 1, 1, 3, 4)
    >>> first[0, 0, 1, 1], second[0, 0, 2, 1] = 2, 3  # what was at (1, 1) is one row below
    >>> correlation(first, second, max_displacement=1, stride=1)[0, :, 1, 1]
    tensor([0., 0., 0., 0., 0., 0., 0., 6., 0.])
    """
    _check_features(first, second)
    _check_numbers(max_displacement, stride, kernel_size, position_stride, reduction)
    channels = first.shape[1]
    scale = 1 / (max(channels, 1) * kernel_size**2) if reduction == "mean" else 1.0
    radius = max_displacement // stride
    if kernel_size > 1:
        # Summed over the window afterwards: products with the zeros outside are zeros, so this is the definition.
        products: Tensor = torch.ops.pixelwise.correlation(first, second, radius, stride, scale)
        return F.avg_pool2d(products, kernel_size, position_stride, kernel_size // 2, divisor_override=1)
    # Only pixels at multiples of the common divisor ever meet.
    shared = gcd(stride, position_stride)
    first, second = first[..., ::shared, ::shared], second[..., ::shared, ::shared]
    products = torch.ops.pixelwise.correlation(first, second, radius, stride // shared, scale)
    step = position_stride // shared
    return products[..., ::step, ::step].contiguous()


def _check_features(first: Tensor, second: Tensor) -> None:
    kinds = [(tuple(features.shape), features.dtype, features.device) for features in (first, second)]
    if kinds[0] != kinds[1] or first.ndim != 4:
        raise InputError(
            "two feature maps B C H W of one shape, dtype and device",
            " and ".join(f"{shape} {dtype} on {device}" for shape, dtype, device in kinds),
            hint="compute both with the same network; resize or convert one of them with .to(other)",
        )
    if not first.is_floating_point():
        raise InputError("float feature maps", str(first.dtype), hint="convert both with .float()")
    if 0 in first.shape[-2:]:
        raise InputError(
            "feature maps with pixels", f"shape {tuple(first.shape)}", hint="leave empty images out of the batch"
        )


def _check_numbers(max_displacement: int, stride: int, kernel_size: int, position_stride: int, reduction: str) -> None:
    if max_displacement < 0 or stride < 1 or position_stride < 1:
        raise InputError(
            "max_displacement of at least 0, stride and position_stride of at least 1",
            f"{max_displacement}, {stride} and {position_stride}",
            hint="displacements reach max_displacement in all directions; FlowNetC uses 20, 2 and 1",
        )
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise InputError(
            "an odd kernel_size of at least 1", str(kernel_size), hint="an even window has no centre; take one more"
        )
    if reduction not in ("mean", "sum"):
        raise InputError("reduction 'mean' or 'sum'", repr(reduction), hint="FlowNet's own code takes the mean")


@torch.library.custom_op("pixelwise::correlation", mutates_args=())
def _correlation(first: Tensor, second: Tensor, radius: int, stride: int, scale: float) -> Tensor:
    """Products of `first` (B C H W) with `second` at D*D displacements, times `scale`: B D*D H W."""
    exact = torch.promote_types(first.dtype, torch.float32)
    batch, _, height, width = first.shape
    displacements = 2 * radius + 1
    rows, blocks, block = _grid(height, width, stride)
    # One short matrix per row and block, C x block; and per block one wide one, C x (rows * columns).
    places = _phases(first.to(exact), stride, (0, rows), (0, blocks * block))
    places = _copied(torch.unflatten(places, -1, (blocks, block)).permute(0, 1, 2, 5, 4, 3, 6)).mul_(scale)
    around = _surroundings(second.to(exact), radius, stride)
    products = first.new_zeros(batch, displacements, displacements, rows, stride, blocks, block, stride)
    for row in range(rows):
        reach = slice(max(row - radius, 0), row + radius + 1)
        band = torch.bmm(places[:, row].transpose(1, 2), around[:, :, reach].flatten(2))
        used = _slanted(torch.unflatten(band, 2, (-1, block + 2 * radius)), displacements)
        start = reach.start - row + radius
        # batch, phases, block, place, dy, dx -> batch, dy, dx, phase, block, place, phase
        used = torch.unflatten(used, 0, (batch, stride, stride, blocks)).permute(0, 5, 6, 1, 3, 4, 2)
        products[:, start : start + used.shape[1], :, row] = used
    whole = products.reshape(batch, displacements**2, rows * stride, blocks * block * stride)
    return whole[..., :height, :width].contiguous()


@_correlation.register_fake
def _(first: Tensor, second: Tensor, radius: int, stride: int, scale: float) -> Tensor:
    return first.new_empty(first.shape[0], (2 * radius + 1) ** 2, *first.shape[2:])


@torch.library.custom_op("pixelwise::correlation_backward", mutates_args=())
def _sum_around(weights: Tensor, features: Tensor, radius: int, stride: int, scale: float) -> Tensor:
    """At each place the sum of the `features` (B C H W) around it, times their `weights` (B D*D H W) there: B C H W."""
    exact = torch.promote_types(features.dtype, torch.float32)
    batch, channels, height, width = features.shape
    displacements = 2 * radius + 1
    rows, blocks, block = _grid(height, width, stride)
    around = _surroundings(features.to(exact), radius, stride).mul_(scale)
    spread = torch.unflatten(_phases(weights.to(exact), stride, (0, rows), (0, blocks * block)), -1, (blocks, block))
    # batch, phases, D*D, row, block, place -> row, (batch, phases, block), place, dy, dx
    spread = torch.unflatten(spread, 3, (displacements, displacements)).permute(5, 0, 1, 2, 6, 7, 3, 4)
    sums = features.new_empty(batch, channels, rows, stride, blocks, block, stride)
    for row in range(rows):
        reach = slice(max(row - radius, 0), min(row + radius + 1, rows))
        start = reach.start - row + radius
        used = spread[row, ..., start : start + reach.stop - reach.start, :]
        band = used.new_zeros(used.shape[:4].numel(), block, used.shape[5], block + 2 * radius)
        torch.unflatten(_slanted(band, displacements), 0, used.shape[:4]).copy_(used)
        total = torch.bmm(around[:, :, reach].flatten(2), band.flatten(2).transpose(1, 2))
        # batch, phases, block, C, place -> batch, C, phase, block, place, phase
        sums[:, :, row] = torch.unflatten(total, 0, used.shape[:4]).permute(0, 4, 1, 3, 5, 2)
    whole = sums.reshape(batch, channels, rows * stride, blocks * block * stride)
    return whole[..., :height, :width].contiguous()


@_sum_around.register_fake
def _(weights: Tensor, features: Tensor, radius: int, stride: int, scale: float) -> Tensor:
    return torch.empty_like(features, memory_format=torch.contiguous_format)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    first, second, *ctx.settings = inputs
    ctx.save_for_backward(first, second)


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
    first, second = ctx.saved_tensors
    wanted_first, wanted_second = ctx.needs_input_grad[:2]
    sum_around = torch.ops.pixelwise.correlation_backward
    radius, stride, _ = ctx.settings
    return (
        sum_around(gradient, second, *ctx.settings) if wanted_first else None,
        sum_around(_seen_from_second(gradient, radius, stride), first, *ctx.settings) if wanted_second else None,
        None,
        None,
        None,
    )


_correlation.register_autograd(_gradients, setup_context=_remember)


def _grid(height: int, width: int, stride: int) -> tuple[int, int, int]:
    """Rows of a phase, blocks in a row, and places in a block, which are alike, as near to `BLOCK` as fits."""
    columns = -(-width // stride)
    blocks = -(-columns // BLOCK)
    return -(-height // stride), blocks, -(-columns // blocks)


def _phases(maps: Tensor, stride: int, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """The maps B C H W as phases B stride stride C rows columns, with zeros outside; a view where nothing is missing.

    Args:
        maps: what to split.
        stride: pixels between neighbours of one phase.
        rows: first row of the result (0 or less) and number of rows, in places of a phase.
        columns: the same for columns.
    """
    height, width = maps.shape[-2:]
    above, left = -rows[0] * stride, -columns[0] * stride
    below, right = rows[1] * stride - above - height, columns[1] * stride - left - width
    if above or left or below or right:
        maps = F.pad(maps, (left, right, above, below))
    maps = torch.unflatten(torch.unflatten(maps, 3, (-1, stride)), 2, (-1, stride))
    return maps.permute(0, 3, 5, 1, 2, 4)


def _surroundings(features: Tensor, radius: int, stride: int) -> Tensor:
    """Per batch entry, phase and block: C x rows x columns in reach of the block, the entries flattened."""
    rows, blocks, block = _grid(features.shape[-2], features.shape[-1], stride)
    phases = _phases(features, stride, (0, rows), (-radius, blocks * block + 2 * radius))
    overlapping = phases.unfold(-1, block + 2 * radius, block)
    return _copied(overlapping.permute(0, 1, 2, 5, 3, 4, 6))


def _copied(blocks: Tensor) -> Tensor:
    """A copy with the first four axes (batch, phases, blocks) as one; never a view of the caller's memory."""
    return blocks.clone(memory_format=torch.contiguous_format).flatten(0, 3)


def _slanted(band: Tensor, displacements: int) -> Tensor:
    """What is in reach of each place: entry (n, place, dy, dx) of the view is band[n, place, dy, place + dx]."""
    entries, places, rows, _ = band.shape
    by_entry, by_place, by_row, by_column = band.stride()
    return band.as_strided((entries, places, rows, displacements), (by_entry, by_place + by_column, by_row, by_column))


def _seen_from_second(gradient: Tensor, radius: int, stride: int) -> Tensor:
    """The same numbers, told by places of `second`: at displacement d and place p what stood at -d and p + d."""
    displacements, reach = 2 * radius + 1, radius * stride
    batch, _, height, width = gradient.shape
    padded = torch.unflatten(F.pad(gradient, (reach, reach, reach, reach)), 1, (displacements, displacements))
    by_batch, by_dy, by_dx, by_row, by_column = padded.stride()
    size = (batch, displacements, displacements, height, width)
    # Going to the next displacement goes `stride` places back.
    strides = (by_batch, by_dy - stride * by_row, by_dx - stride * by_column, by_row, by_column)
    start = 2 * reach * (by_row + by_column)
    return padded.as_strided(size, strides, start).flip(1, 2).flatten(1, 2)
