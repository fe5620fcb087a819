"""3x3 convolutions of stride 1 with a quarter of the multiplications, for networks whose weights stay as they are.

Winograd's minimal filtering as Lavin and Gray 2016 ("Fast Algorithms for Convolutional Neural Networks"), section 4,
use it, F(4x4, 3x3): a tile of 6x6 inputs becomes 36 numbers per channel, which meet the channels of the kernels in 36
matrix products; 4x4 outputs come of it. 36 multiplications stand where 144 were.
"""

import math
from functools import cache
from typing import TypeGuard, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import InputError

OUTPUTS, TAPS = 4, 3
"""Outputs of a tile and kernel positions, along each axis."""

INPUTS = OUTPUTS + TAPS - 1

AT_ONCE = 1 << 22
"""Numbers that tiles become at once, 16 MB of float32: far larger ones are fetched from the system anew at each call,
which takes longer than computing them. Half as many make the matrix products of wide layers thin: 2048 channels to 512
took 0.65 s, with these 0.46, directly 0.94 (65x65 cells, one core of an AMD EPYC)."""

POINTS = (0.0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
"""Where the polynomials behind the algorithm are evaluated, besides infinity. Rounding depends on them: Barabasz et al.
2020 ("Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks") find values near 1
and their reciprocals good. With these, 512 channels in float32 are off by 1.6e-6 of the largest output (direct
convolution: 1e-6), with the usual 0, 1, -1, 2, -2 by 8e-6."""


@cache
def matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Of one axis, in float64: from 6 inputs to 6 numbers, from 3 taps to 6, from 6 products to 4 outputs.

    Toom and Cook's construction, transposed: outputs = last @ ((taps' @ kernel) * (inputs' @ pixels)).
    """
    pixels, taps, outputs = (torch.zeros(INPUTS, count, dtype=torch.float64) for count in (INPUTS, TAPS, OUTPUTS))
    for row, point in enumerate(POINTS):
        others = [other for other in POINTS if other != point]
        scale = math.prod(point - other for other in others)
        taps[row] = torch.tensor([point**power / scale for power in range(TAPS)], dtype=torch.float64)
        outputs[row] = torch.tensor([point**power for power in range(OUTPUTS)], dtype=torch.float64)
        pixels[row, : INPUTS - 1] = _polynomial(others)
    taps[-1, -1] = outputs[-1, -1] = 1  # the point at infinity
    pixels[-1] = _polynomial(list(POINTS))
    return pixels, taps, outputs.T


def _polynomial(roots: list[float]) -> Tensor:
    """Coefficients, constant first, of the polynomial with these roots and leading coefficient 1."""
    found = torch.ones(1, dtype=torch.float64)
    for root in roots:
        found = F.pad(found, (1, 0)) - root * F.pad(found, (0, 1))
    return found


def winograd_kernels(weight: Float[Tensor, "O C 3 3"]) -> Float[Tensor, "36 C O"]:
    """The kernels of `conv2d` as `winograd_conv2d` wants them; computed in float64, four times as large."""
    _, taps, _ = matrices()
    taps = taps.to(weight.device)
    spread = torch.einsum("ai,bj,ocij->abco", taps, taps, weight.double())
    return spread.flatten(0, 1).to(weight.dtype).contiguous()


def winograd_conv2d(
    input: Float[Tensor, "B C H W"],
    kernels: Float[Tensor, "36 C O"],
    bias: Float[Tensor, " O"] | None = None,
    padding: int = 0,
    dilation: int = 1,
) -> Float[Tensor, "B O h w"]:
    """What `conv2d` gives with a 3x3 kernel and stride 1, up to rounding; channels last.

    Faster from about a hundred channels on, for inference on a CPU. Memory for a while: a padded copy of the input, one
    of the output, and some 60 MB for a part of the tiles. A value that is not finite spoils the outputs of its whole
    tile, not only those that see it. Differentiable.

    Args:
        input: features, in either memory format.
        kernels: from `winograd_kernels`.
        bias: one value per output channel.
        padding: zeros on each side.
        dilation: pixels between kernel positions.

    Raises:
        InputError: the padded input is smaller than the spread kernel.
    """
    height, width = (side + 2 * padding - 2 * dilation for side in input.shape[-2:])
    if min(height, width) < 1:
        side = 2 * dilation + 1
        raise InputError(
            f"features of at least {side}x{side}, padding counted",
            f"{input.shape[-2]}x{input.shape[-1]} with a padding of {padding}",
            "pass larger images",
        )
    rows, columns = (-(-side // (OUTPUTS * dilation)) for side in (height, width))
    padded, length = _whole_tiles(input, padding, dilation, (rows, columns)), OUTPUTS * dilation
    row = INPUTS**2 * columns * dilation**2 * max(kernels.shape[1:])
    high = max(1, AT_ONCE // row)
    stacks = []
    for images in torch.split(padded, max(1, AT_ONCE // (row * rows))):
        parts = [images[:, start * length : (start + high) * length + 2 * dilation] for start in range(0, rows, high)]
        stacks.append(torch.cat([_part(part, kernels, bias, dilation) for part in parts], dim=1)[:, :height, :width])
    # One stack is not copied, unless its last tiles reached over the border.
    whole = torch.cat(stacks) if len(stacks) > 1 else stacks[0].contiguous()
    return whole.permute(0, 3, 1, 2)


def _whole_tiles(input: Tensor, padding: int, dilation: int, tiles: tuple[int, int]) -> Tensor:
    """The input (B, H, W, C), padded as asked and further until so many rows and columns of tiles fit."""
    (height, width), length = input.shape[-2:], OUTPUTS * dilation
    below, right = (
        count * length + 2 * dilation - side - padding for count, side in zip(tiles, (height, width), strict=True)
    )
    return F.pad(input.permute(0, 2, 3, 1), (0, 0, padding, right, padding, below))


def _part(padded: Tensor, kernels: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """The outputs (B, h, w, O) of whole rows of tiles."""
    batch, height, width, channels = padded.shape
    # Each phase of the dilated grid has its own tiles: (B, row, phase, column, phase, C).
    phases = padded.view(batch, height // dilation, dilation, width // dilation, dilation, channels)
    windows = phases.unfold(1, INPUTS, OUTPUTS).unfold(3, INPUTS, OUTPUTS)
    rows, columns = windows.shape[1], windows.shape[3]
    pixels, _, outputs = (each.to(padded) for each in matrices())
    # Both axes at once: one matrix product with the Kronecker product of each axis' matrix.
    tiles = windows.permute(6, 7, 0, 1, 2, 3, 4, 5).reshape(INPUTS**2, -1)
    spread = (torch.kron(pixels, pixels) @ tiles).view(INPUTS**2, -1, channels)
    products = torch.bmm(spread, kernels).view(INPUTS**2, -1)
    # Sizes in full: without images nothing could be inferred.
    size = (batch, rows * OUTPUTS * dilation, columns * OUTPUTS * dilation, kernels.shape[2])
    found = (torch.kron(outputs, outputs) @ products).view(
        OUTPUTS, OUTPUTS, batch, rows, dilation, columns, dilation, size[-1]
    )
    if bias is not None:
        found = found + bias
    # (y, x, B, row, y's phase, column, x's phase, O): a tile's outputs lie `dilation` pixels apart.
    return found.permute(2, 3, 0, 4, 5, 1, 6, 7).reshape(size)


class WinogradConv2d(nn.Conv2d):
    """A convolution with the weights of another one that takes Winograd's way for float32 on the CPU, without autocast.

    Elsewhere and for other dtypes it is `nn.Conv2d`, so that measurements in float64 (of what a network sees, of
    rounding) find the plain convolution. The kernels are made once: later changes of `weight` do not reach them.
    """

    def __init__(self, source: nn.Conv2d) -> None:
        """Takes a convolution's weights.

        Args:
            source: for which `suits` is true.
        """
        super().__init__(
            source.in_channels,
            source.out_channels,
            TAPS,
            padding=cast(tuple[int, int], source.padding),
            dilation=cast(tuple[int, int], source.dilation),
            device="meta",
        )
        self.weight, self.bias = source.weight, source.bias
        self.kernels: Tensor
        self.register_buffer("kernels", winograd_kernels(source.weight.detach()), persistent=False)

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O h w"]:
        """The convolution."""
        # "meta" is where the memory of a network is predicted.
        on_cpu = input.device.type in ("cpu", "meta")
        if not on_cpu or input.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        padding, dilation = cast(int, self.padding[0]), self.dilation[0]
        return winograd_conv2d(input, self.kernels, self.bias, padding, dilation)

    @staticmethod
    def suits(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
        """Whether a layer is a plain 3x3 convolution of stride 1, padded with zeros alike on all sides."""
        return (
            type(layer) is nn.Conv2d
            and layer.kernel_size == (TAPS, TAPS)
            and layer.stride == (1, 1)
            and layer.groups == 1
            and layer.padding_mode == "zeros"
            and isinstance(layer.padding, tuple)
            and layer.padding[0] == layer.padding[1]
            and layer.dilation[0] == layer.dilation[1]
        )
