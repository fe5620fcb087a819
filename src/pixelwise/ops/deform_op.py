"""Deformable convolution as one named node, torch.ops.pixelwise.deform_conv2d, with its shapes and its gradient.

Per chunk of output rows: the blended pixels of every output, then a convolution over them; backward, matrix products.
Chunks bound the memory and keep the blends in the cache. The backward pass computes the blends again instead of keeping
them: that costs a tenth of its matrix products and saves one input's memory for every kernel position.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pixelwise.ops.deform_gradient import add_to_pixels, sample_gradients
from pixelwise.ops.deform_samples import Lattice, Samples, bordered_table, find_samples, without_border
from pixelwise.ops.taps import blend_rows

CHUNK = 2**22
"""Values in the blends of a chunk on a CPU: 16 MB of float32, within the last cache and below the 32 MB from which the
allocator takes fresh pages each time (38 MB at once took four times as long)."""

BACKWARD_PARTS = 4
"""The backward pass keeps the blends and their gradient at once, and what the forward pass left; its products are as
fast with a quarter of the chunk, and its peak is no higher than torchvision's."""

CHUNK_ELSEWHERE = 2**23
"""The same on other devices, where few large launches are better: 32 MB of float32."""

LEAST_CHANNELS = 32
"""What a sample's place, weights and sorting take in the backward pass, as channels of its blend: 128 bytes."""

IMAGE_SHARE = 8
"""Chunks hold at least this part of an image's values, so that even positions that point anywhere cost the backward
pass only a few passes over the image per kernel position."""


@torch.library.custom_op("pixelwise::deform_conv2d", mutates_args=())
def deform_conv2d_op(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Tensor:
    """The output of the convolution; `pixelwise.ops.deform_conv.deform_conv2d` describes and checks the arguments."""
    output = _empty_output(input, offset, weight)
    lattice = Lattice(weight.shape[2:], stride, padding, dilation)
    weight_groups = input.shape[1] // weight.shape[1]
    for images, bands in _chunks(input, offset, lattice, parts=1):
        table = bordered_table(input[images], _working_dtype(input))
        for rows in bands:
            samples = _samples_in(offset, mask, table, lattice, (images, rows), as_image=True)
            blends = _blended(samples, table).to(weight.dtype)
            blocks = blends.view(len(table), -1, offset.shape[3] * weight.shape[3], input.shape[1]).permute(0, 3, 1, 2)
            # Every output has a block as large as the kernel: a convolution over the blocks, which is up to a fifth
            # faster than the matrix product that it is.
            output[images, :, rows] = F.conv2d(blocks, weight, bias, stride=lattice.kernel, groups=weight_groups)
    return output


@torch.library.custom_op("pixelwise::deform_conv2d_backward", mutates_args=())
def deform_conv2d_backward_op(
    grad: Tensor,
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    mask: Tensor | None,
    geometry: Sequence[int],
    needed: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of input, offset, weight and mask, in their dtypes; an empty tensor where one is not needed.

    Sums run in a fixed order: repeated calls agree bit for bit. `geometry` is stride, padding and dilation, two
    numbers each.
    """
    dtype = _working_dtype(input)
    lattice = Lattice(weight.shape[2:], geometry[:2], geometry[2:4], geometry[4:])
    grads = _empty_gradients(input, offset, weight, mask, needed)
    matrices = _as_matrices(weight, input.shape[1])
    grad_matrices = torch.zeros_like(matrices, dtype=dtype)
    for images, bands in _chunks(input, offset, lattice, parts=BACKWARD_PARTS):
        table = bordered_table(input[images], dtype)
        grad_table = torch.zeros_like(table)
        for rows in bands:
            samples = _samples_in(offset, mask, table, lattice, (images, rows))
            grad_rows = _grouped(grad[images, :, rows].permute(0, 2, 3, 1), len(matrices))
            if needed[2]:
                columns = _columns(samples, table, lattice, len(matrices)).to(weight.dtype)
                grad_matrices += torch.bmm(columns.transpose(1, 2), grad_rows)
            grad_blends = _ungrouped(torch.bmm(grad_rows, matrices.transpose(1, 2)), samples, lattice).to(dtype)
            if needed[0]:
                add_to_pixels(grad_table, samples, grad_blends)
            if needed[1] or needed[3]:
                _write_sample_gradients(grads, (images, rows), sample_gradients(samples, table, grad_blends), lattice)
        if needed[0]:
            grads[0][images] = without_border(grad_table).permute(0, 3, 1, 2)
    if needed[2]:
        grads[2].copy_(_as_weight(grad_matrices, weight.shape))
    return grads


@deform_conv2d_op.register_fake
def _(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Tensor:
    return _empty_output(input, offset, weight)


@deform_conv2d_backward_op.register_fake
def _(
    grad: Tensor,
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    mask: Tensor | None,
    geometry: Sequence[int],
    needed: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _empty_gradients(input, offset, weight, mask, needed)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input, offset, weight, _, mask, *geometry = inputs
    ctx.save_for_backward(input, offset, weight, mask)
    ctx.geometry = [number for pair in geometry for number in pair]


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    for_input, for_offset, for_weight, for_bias, for_mask = ctx.needs_input_grad[:5]
    needed = [for_input, for_offset, for_weight, for_mask]
    found: list[Tensor | None] = [None] * 4
    if any(needed):
        gradients = deform_conv2d_backward_op(grad, *ctx.saved_tensors, ctx.geometry, needed)
        found = [gradient if wanted else None for gradient, wanted in zip(gradients, needed, strict=True)]
    grad_bias = grad.sum((0, 2, 3)) if for_bias else None
    return found[0], found[1], found[2], grad_bias, found[3], None, None, None


deform_conv2d_op.register_autograd(_differentiate, setup_context=_remember)


def _working_dtype(input: Tensor) -> torch.dtype:
    # Positions and blends need float32: half precision has gaps of a pixel from 2048 on. Products may stay in half.
    return torch.promote_types(input.dtype, torch.float32)


def _empty_output(input: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    channels_last = not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    shape = (input.shape[0], weight.shape[0], offset.shape[2], offset.shape[3])
    return torch.empty(shape, dtype=input.dtype, device=input.device, memory_format=layout)


def _empty_gradients(
    input: Tensor, offset: Tensor, weight: Tensor, mask: Tensor | None, needed: Sequence[bool]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    like = (input, offset, weight, input if mask is None else mask)
    first, second, third, fourth = (
        torch.empty_like(tensor) if wanted else tensor.new_empty(0) for tensor, wanted in zip(like, needed, strict=True)
    )
    return first, second, third, fourth


def _chunks(input: Tensor, offset: Tensor, lattice: Lattice, parts: int) -> Iterator[tuple[slice, list[slice]]]:
    """Images whose table is made at once, and the bands of output rows computed at once; at least one row.

    `parts` divides the chunks.
    """
    batch, channels, height, width = input.shape
    rows, columns = offset.shape[2:]
    chunk = CHUNK if input.device.type == "cpu" else CHUNK_ELSEWHERE
    limit = max(chunk // parts, channels * height * width // IMAGE_SHARE)
    samples = offset.shape[1] // 2 * columns
    step = max(1, limit // max(channels * lattice.positions * columns, LEAST_CHANNELS * samples))
    together = max(1, step // rows)
    bands = [slice(first, min(first + step, rows)) for first in range(0, rows, step)]
    for first in range(0, batch, together):
        yield slice(first, min(first + together, batch)), bands


def _samples_in(
    offset: Tensor,
    mask: Tensor | None,
    table: Tensor,
    lattice: Lattice,
    chunk: tuple[slice, slice],
    as_image: bool = False,
) -> Samples:
    images, rows = chunk
    mask = None if mask is None else mask[images, :, rows]
    return find_samples(offset[images, :, rows], mask, table, lattice, rows.start, as_image)


def _blended(samples: Samples, table: Tensor) -> Tensor:
    """The value of every sample, of the channels of its offset group."""
    return blend_rows(table.view(-1, table.shape[3] // samples.groups), samples.places, samples.weights())


def _columns(samples: Samples, table: Tensor, lattice: Lattice, weight_groups: int) -> Tensor:
    """The blends of every output side by side: (weight groups, outputs, kernel positions x channels of the group)."""
    blends = _blended(samples, table)
    # With one weight group all of this is a view.
    split = blends.view(-1, lattice.positions, weight_groups, table.shape[3] // weight_groups)
    return split.permute(2, 0, 1, 3).reshape(weight_groups, len(split), -1)


def _ungrouped(grad_columns: Tensor, samples: Samples, lattice: Lattice) -> Tensor:
    """The gradients of the blends from those of the columns: `_columns` undone."""
    groups, outputs, _ = grad_columns.shape
    split = grad_columns.view(groups, outputs, lattice.positions, -1).permute(1, 2, 0, 3)
    return split.reshape(len(samples.places), -1)


def _grouped(values: Tensor, weight_groups: int) -> Tensor:
    """Output channels, last, split by weight group: (weight groups, outputs, channels of the group)."""
    return values.reshape(-1, weight_groups, values.shape[-1] // weight_groups).transpose(0, 1)


def _as_matrices(weight: Tensor, channels: int) -> Tensor:
    """The weights as (weight groups, kernel positions x input channels, output channels)."""
    groups = channels // weight.shape[1]
    split = weight.reshape(groups, -1, weight.shape[1], weight.shape[2] * weight.shape[3])
    return split.permute(0, 3, 2, 1).reshape(groups, -1, split.shape[1])


def _as_weight(matrices: Tensor, shape: torch.Size) -> Tensor:
    """`_as_matrices` undone."""
    groups, _, outputs = matrices.shape
    return matrices.view(groups, -1, shape[1], outputs).permute(0, 3, 2, 1).reshape(shape)


def _write_sample_gradients(
    grads: Sequence[Tensor], chunk: tuple[slice, slice], found: tuple[Tensor, Tensor, Tensor], lattice: Lattice
) -> None:
    """Writes the gradients of a chunk's offsets and masks, ordered as the samples, into channels first."""
    images, rows = chunk
    positions = lattice.positions
    down, right, strength = found
    _, grad_offset, _, grad_mask = grads
    if grad_offset.ndim == 4:
        target = torch.unflatten(grad_offset[images, :, rows], 1, (-1, positions, 2))
        order = (target.shape[0], *target.shape[4:], positions, target.shape[1], 2)
        target.copy_(torch.stack([down, right], dim=-1).view(order).permute(0, 4, 3, 5, 1, 2))
    if grad_mask.ndim == 4:
        mask_target = torch.unflatten(grad_mask[images, :, rows], 1, (-1, positions))
        order = (mask_target.shape[0], *mask_target.shape[3:], positions, mask_target.shape[1])
        mask_target.copy_(strength.view(order).permute(0, 4, 3, 1, 2))
