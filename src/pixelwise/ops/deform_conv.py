"""Deformable convolution: a kernel that reads at positions learned for every pixel.

Dai et al. 2017 (Deformable Convolutional Networks); with a mask, Zhu et al. 2019 (Deformable ConvNets v2).
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from pixelwise.errors import InputError
from pixelwise.ops.deform_op import deform_conv2d_op
from pixelwise.ops.deform_samples import Lattice
from pixelwise.ops.pairs import Pair, pair_of


def deform_conv2d(
    input: Shaped[Tensor, "B C H W"],
    offset: Shaped[Tensor, "_ twoGK h w"],
    weight: Shaped[Tensor, "O D kh kw"],
    bias: Shaped[Tensor, " _"] | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    mask: Shaped[Tensor, "_ GK _ _"] | None = None,
) -> Float[Tensor, "B O h w"]:
    """A convolution whose kernel position k reads at its place plus `offset`, times `mask`.

    Arguments, channel orders and values are those of torchvision's `deform_conv2d`. The sample at (y, x), in pixels
    from the centre of the first pixel, blends the four pixels around it; what lies off the image is 0, so that a
    sample fades out within one pixel of the border. Weight groups (C / D) and offset groups (G) follow from the
    shapes; each offset group of C / G channels has offsets of its own.

    The result has the input's dtype and is channels-last where the input is. Half precision is sampled in float32 and
    multiplied as `conv2d` does. Under autocast input, weight and bias are cast as for `conv2d`; offsets and mask keep
    their precision. Differentiable once in every tensor, not twice; repeated calls agree bit for bit.

    Differs from torchvision: an offset that is not finite reads nothing (its sample is 0 and passes no gradient; there
    the result is undefined). Memory beyond the result is two copies of an image and a few times 16 MB (or an eighth of
    the image where that is more), not kh * kw copies of the batch.

    Args:
        input: images or features.
        offset: 2 * G * kh * kw channels: per offset group and kernel position, row by row, (dy, dx) in pixels. Its
            dtype may differ from the input's.
        weight: D = C / weight groups.
        bias: one value per output channel.
        stride: step between outputs.
        padding: zeros around the image, as they shift the outputs; samples may leave them.
        dilation: step between kernel positions.
        mask: G * kh * kw channels, or None for 1 everywhere.

    Raises:
        InputError: shapes, dtypes or devices do not fit each other, or the kernel does not fit the image.
    """
    steps = [pair_of(stride, "stride", 1), pair_of(padding, "padding", 0), pair_of(dilation, "dilation", 1)]
    _check_kinds(input, {"offset": offset, "weight": weight, "bias": bias, "mask": mask})
    lattice = Lattice(weight.shape[2:], *steps)
    _check_weight(input, weight, bias)
    _check_fit(input, lattice)
    _check_offset(input, offset, lattice)
    if mask is not None:
        _check_mask(mask, offset)
    if _autocasts(input):
        dtype = torch.get_autocast_dtype(input.device.type)
        input, weight = input.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    output: Tensor = deform_conv2d_op(input, offset, weight, bias, mask, *steps)
    return output


class DeformConv2d(nn.Module):
    """A deformable convolution that finds its own offsets, by a plain convolution of the same kernel.

    That convolution starts at zero, and the mask is 2 * sigmoid(its output): the layer starts exactly as the plain
    convolution with the same weights, so that it can replace one in a trained network. Zhu et al. 2019 use
    sigmoid without the factor, which halves the first outputs; halve `weight` to load weights trained so.
    Both papers train the offsets with a tenth of the learning rate: `offset.parameters()`.

    Differs from torchvision's `DeformConv2d`, whose forward takes offsets and mask made elsewhere: here forward takes
    the input only. For offsets of your own call `deform_conv2d`.
    """

    def __init__(  # noqa: PLR0913  nn.Conv2d's arguments in its order, and what deforms
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        offset_groups: int = 1,
        modulated: bool = True,
    ) -> None:
        """Builds the layer; weights as `nn.Conv2d` initialises them.

        Args:
            in_channels: channels of the input.
            out_channels: channels of the output.
            kernel_size: of the kernel and of the convolution that finds the offsets.
            stride: step between outputs.
            padding: as in `deform_conv2d`; kernel_size // 2 keeps the size.
            dilation: step between kernel positions.
            groups: weight groups.
            bias: whether a value per output channel is added.
            offset_groups: groups of channels with offsets of their own.
            modulated: whether every sample has a mask (version 2) or not (version 1).

        Raises:
            InputError: the channels are not divisible by the groups, or a number is too small.
        """
        super().__init__()
        if (
            min(in_channels, groups, offset_groups) < 1
            or any(in_channels % number for number in (groups, offset_groups))
            or out_channels % groups
        ):
            raise InputError(
                "channels that both kinds of groups divide",
                f"{in_channels} to {out_channels} channels, groups={groups}, offset_groups={offset_groups}",
                hint="choose groups that divide in_channels and out_channels",
            )
        kernel = pair_of(kernel_size, "kernel_size", 1)
        self.stride, self.padding = pair_of(stride, "stride", 1), pair_of(padding, "padding", 0)
        self.dilation = pair_of(dilation, "dilation", 1)
        plain = nn.Conv2d(in_channels, out_channels, kernel, groups=groups, bias=bias)
        self.weight, self.bias = plain.weight, plain.bias
        self.modulated = modulated
        self.offset_channels = 2 * offset_groups * kernel[0] * kernel[1]
        channels = self.offset_channels * 3 // 2 if modulated else self.offset_channels
        self.offset = nn.Conv2d(in_channels, channels, kernel, self.stride, self.padding, self.dilation)
        for parameter in self.offset.parameters():
            nn.init.zeros_(parameter)

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O h w"]:
        """The features at the positions found; the size is `nn.Conv2d`'s.

        Raises:
            InputError: the input has other channels than announced, or the kernel does not fit it.
        """
        _check_weight(input, self.weight, self.bias)
        _check_fit(input, Lattice(self.weight.shape[2:], self.stride, self.padding, self.dilation))
        found = self.offset(input)
        offset, strength = found[:, : self.offset_channels], found[:, self.offset_channels :]
        mask = 2 * strength.sigmoid() if self.modulated else None
        return deform_conv2d(input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)


def _check_kinds(input: Tensor, others: dict[str, Tensor | None]) -> None:
    for name, tensor in others.items():
        if tensor is not None and not (
            tensor.device == input.device and tensor.is_floating_point() and input.is_floating_point()
        ):
            raise InputError(
                "float tensors on one device",
                f"input of {input.dtype} on {input.device} and {name} of {tensor.dtype} on {tensor.device}",
                hint=f"convert with {name}.to(input)",
            )


def _check_weight(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if input.ndim != 4 or weight.ndim != 4 or min(weight.shape) < 1:
        raise InputError(
            "an input of shape (B, C, H, W) and a weight of shape (outputs, C / groups, height, width), all sides >= 1",
            f"an input of shape {tuple(input.shape)} and a weight of shape {tuple(weight.shape)}",
            hint="add a batch dimension with input[None]",
        )
    channels, part = input.shape[1], weight.shape[1]
    if channels < 1 or channels % part or weight.shape[0] % (channels // part):
        raise InputError(
            "a weight whose second side divides the input's channels, into groups that divide its first",
            f"an input of shape {tuple(input.shape)} and a weight of shape {tuple(weight.shape)}",
            hint="the weight is (outputs, input channels / groups, height, width)",
        )
    alike = weight.dtype == input.dtype and (bias is None or bias.dtype == input.dtype)
    if not alike and not _autocasts(input):
        raise InputError(
            "weight and bias of the input's dtype",
            f"an input of {input.dtype}, a weight of {weight.dtype}"
            + (f", a bias of {bias.dtype}" if bias is not None else ""),
            hint="convert with weight.to(input.dtype), or run under torch.autocast",
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise InputError(
            f"a bias of shape ({weight.shape[0]},), one value per output channel",
            f"shape {tuple(bias.shape)}",
            hint="pass bias=None for no bias",
        )


def _autocasts(input: Tensor) -> bool:
    """Whether autocast is on for the input's device; tensors without values ("meta") have none."""
    device = input.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _check_fit(input: Tensor, lattice: Lattice) -> None:
    height, width = lattice.output(0, input.shape[2]), lattice.output(1, input.shape[3])
    if height < 1 or width < 1:
        raise InputError(
            "a padded image at least as large as the dilated kernel",
            f"an image of {input.shape[2]}x{input.shape[3]}, whose output would be {height}x{width}",
            hint="raise the padding, or lower the dilation",
        )


def _check_offset(input: Tensor, offset: Tensor, lattice: Lattice) -> None:
    height, width = lattice.output(0, input.shape[2]), lattice.output(1, input.shape[3])
    per_group = 2 * lattice.kernel[0] * lattice.kernel[1]
    groups = offset.shape[1] // per_group if offset.ndim == 4 else 0
    wanted = (input.shape[0], per_group * max(groups, 1), height, width)
    if tuple(offset.shape) != wanted:
        raise InputError(
            f"the shape of the offset to be {wanted}, or a multiple of {per_group} channels",
            str(tuple(offset.shape)),
            hint="per offset group and kernel position the offset has two channels, dy and dx, at the output's size",
        )
    if input.shape[1] % groups:
        raise InputError(
            "a number of offset groups that divides the input's channels",
            f"{groups} groups and {input.shape[1]} channels",
            hint=f"an offset of {per_group} channels serves all channels alike",
        )


def _check_mask(mask: Tensor, offset: Tensor) -> None:
    wanted = (offset.shape[0], offset.shape[1] // 2, *offset.shape[2:])
    if tuple(mask.shape) != wanted:
        raise InputError(
            f"the shape of the mask to be {wanted}",
            str(tuple(mask.shape)),
            hint="the mask has one channel for every two of the offset",
        )
