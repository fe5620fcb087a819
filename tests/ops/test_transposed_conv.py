"""Sizes against torch's own, shifts against where an impulse lands, kernels against interpolation."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.transposed_conv import bilinear_kernel, transposed_output_size, transposed_shift


def test_sizes_are_those_of_torch() -> None:
    numbers = itertools.product((1, 2, 3, 4), (1, 2, 3), (0, 1), (0, 1), (1, 2))
    compared = 0
    for kernel, stride, padding, extra, dilation in numbers:
        arguments = (stride, padding, extra, 1, dilation)
        try:
            expected = F.conv_transpose2d(torch.ones(1, 1, 5, 7), torch.ones(1, 1, kernel, kernel), None, *arguments)
        except RuntimeError:
            with pytest.raises(InputError):
                transposed_output_size((5, 7), kernel, stride, padding, extra, dilation)
            continue
        assert transposed_output_size((5, 7), kernel, stride, padding, extra, dilation) == expected.shape[2:]
        compared += 1
    assert compared > 60


def test_sizes_undo_those_of_a_convolution() -> None:
    for height in range(8, 14):
        maps = torch.ones(1, 1, height, 9)
        coarse = F.conv2d(maps, torch.ones(1, 1, 5, 3), stride=(3, 2), padding=(2, 1)).shape[2:]
        sizes = [transposed_output_size(tuple(coarse), (5, 3), (3, 2), (2, 1), (extra, 0)) for extra in range(3)]
        assert (height, 9) in sizes


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        (4, 2, 1, 1),
        (3, 2, 1, 1),
        (2, 2, 0, 1),
        (64, 32, 0, 1),
        (5, 3, 1, 1),
        (3, 2, 0, 3),
        ((4, 3), (2, 1), (0, 1), (1, 2)),
    ],
)
def test_the_shift_is_where_an_impulse_lands(
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    dilation: int | tuple[int, int],
) -> None:
    maps = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    maps[0, 0, 2, 3] = 1
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    steps = (stride, stride) if isinstance(stride, int) else stride
    weight = torch.ones(1, 1, *sides, dtype=torch.float64)
    output = F.conv_transpose2d(maps, weight, stride=stride, padding=padding, dilation=dilation)[0, 0]
    # An input pixel covers `step` output pixels; their middle, against the middle of what it became.
    found = [
        float((output.sum(1 - axis) * torch.arange(output.shape[axis])).sum() / output.sum())
        - (pixel * steps[axis] + (steps[axis] - 1) / 2)
        for axis, pixel in ((0, 2), (1, 3))
    ]
    assert_close(torch.tensor(transposed_shift(kernel, stride, padding, dilation)), torch.tensor(found))


def test_the_kernel_of_fcn() -> None:
    # Long et al. 2015: upsample_filt(4) and upsample_filt(3), for strides 2 and 2 of other parity.
    assert_close(bilinear_kernel(2)[0, 0], torch.outer(*[torch.tensor([0.25, 0.75, 0.75, 0.25])] * 2))
    assert_close(bilinear_kernel(3)[0, 0, 2], torch.tensor([1, 2, 3, 2, 1]) / 3)
    assert bilinear_kernel(32, 21).shape == (21, 1, 64, 64)
    assert bilinear_kernel(1).tolist() == [[[[1]]]]


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8, (2, 3)])
def test_the_kernel_interpolates_bilinearly_inside(stride: int | tuple[int, int]) -> None:
    maps = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    down, right = (stride, stride) if isinstance(stride, int) else stride
    padding = (down // 2, right // 2)
    weight = bilinear_kernel(stride, 3, torch.float64)
    output = F.conv_transpose2d(maps, weight, stride=stride, padding=padding, groups=3)
    expected = F.interpolate(maps, scale_factor=(down, right), mode="bilinear", align_corners=False)
    assert output.shape == expected.shape
    assert transposed_output_size((7, 6), tuple(weight.shape[2:]), stride, padding) == expected.shape[2:]
    assert transposed_shift(tuple(weight.shape[2:]), stride, padding) == (0, 0)
    inside = (..., slice(padding[0], 7 * down - padding[0]), slice(padding[1], 6 * right - padding[1]))
    assert_close(output[inside], expected[inside])
    # One kernel per channel equals the published full matrix of kernels with zeros between different channels.
    full = torch.eye(3, dtype=torch.float64)[:, :, None, None] * weight[0, 0]
    assert_close(F.conv_transpose2d(maps, full, stride=stride, padding=padding), output)


def test_precision_and_device_are_chosen() -> None:
    assert bilinear_kernel(2).dtype == torch.get_default_dtype()
    assert bilinear_kernel(2, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert bilinear_kernel(2, device="meta").device.type == "meta"


def test_numbers_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match="output_padding below the stride or the dilation, got output_padding=2"):
        transposed_output_size((4, 4), 3, 2, 1, 2)
    with pytest.raises(InputError, match="a map of 1x4 that becomes 0x6"):
        transposed_output_size((1, 4), 2, 2, 1)
    with pytest.raises(InputError, match="a map of 0x4"):
        transposed_output_size((0, 4), 3, 2)
    with pytest.raises(InputError, match="stride as one whole number or two, of at least 1, got stride=0"):
        transposed_shift(3, 0)
    with pytest.raises(InputError, match="at least one channel, got channels=0"):
        bilinear_kernel(2, 0)


@pytest.mark.compile
def test_kernels_compile_and_export() -> None:
    class Network(torch.nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return F.conv_transpose2d(maps, bilinear_kernel(2, 3), stride=2, padding=1, groups=3)

    maps = torch.randn(1, 3, 5, 5)
    assert_close(torch.compile(Network(), fullgraph=True, backend="aot_eager")(maps), Network()(maps))
    assert_close(torch.export.export(Network(), (maps,)).module()(maps), Network()(maps))
