"""What deform_conv2d says when its arguments do not fit each other."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pixelwise.errors import InputError
from pixelwise.ops.deform_conv import deform_conv2d

UNEQUAL: dict[str, Any] = {"stride": (2, 1), "padding": (1, 0), "dilation": (2, 1)}


def fitting() -> list[Tensor]:
    """Input, offset, weight, bias and mask for a kernel of (3, 2), two weight groups and three offset groups."""
    shapes = [(2, 6, 5, 4), (2, 36, 2, 3), (2, 3, 3, 2), (2,), (2, 18, 2, 3)]
    return [torch.zeros(shape, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize(
    ("change", "wanted", "got"),
    [
        ({1: (2, 35, 2, 3)}, "the shape of the offset to be (2, 24, 2, 3), or a multiple of 12", "(2, 35, 2, 3)"),
        ({1: (2, 36, 3, 3)}, "the shape of the offset", "(2, 36, 3, 3)"),
        ({1: (1, 36, 2, 3)}, "the shape of the offset", "(1, 36, 2, 3)"),
        ({1: (2, 6, 2, 3)}, "the shape of the offset", "(2, 6, 2, 3)"),
        ({1: (2, 48, 2, 3)}, "offset groups that divides the input's channels", "4 groups and 6 channels"),
        ({4: (2, 17, 2, 3)}, "the shape of the mask to be (2, 18, 2, 3)", "(2, 17, 2, 3)"),
        ({4: (2, 18, 2, 2)}, "the shape of the mask", "(2, 18, 2, 2)"),
        ({2: (2, 4, 3, 2)}, "second side divides the input's channels", "a weight of shape (2, 4, 3, 2)"),
        ({2: (3, 3, 3, 2)}, "groups that divide its first", "a weight of shape (3, 3, 3, 2)"),
        ({2: (0, 3, 3, 2), 3: (0,)}, "all sides >= 1", "a weight of shape (0, 3, 3, 2)"),
        ({0: (2, 0, 5, 4)}, "second side divides the input's channels", "an input of shape (2, 0, 5, 4)"),
        ({3: (1,)}, "a bias of shape (2,)", "shape (1,)"),
        ({0: (2, 6, 2, 4)}, "at least as large as the dilated kernel", "an image of 2x4, whose output would be 0x3"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change: dict[int, tuple[int, ...]], wanted: str, got: str) -> None:
    tensors = fitting()
    for index, shape in change.items():
        tensors[index] = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(InputError) as caught:
        deform_conv2d(*tensors[:4], mask=tensors[4], **UNEQUAL)
    assert wanted in caught.value.wanted
    assert got in caught.value.got


def test_kinds_that_do_not_fit_are_named() -> None:
    input, offset, weight, bias, mask = fitting()
    with pytest.raises(InputError, match=r"float tensors on one device, got input of torch.int64 on cpu"):
        deform_conv2d(input.long(), offset, weight, bias, **UNEQUAL)
    with pytest.raises(InputError, match=r"offset of torch.int64"):
        deform_conv2d(input, offset.long(), weight, bias, **UNEQUAL)
    with pytest.raises(InputError, match=r"mask of torch.float64 on meta"):
        deform_conv2d(input, offset, weight, bias, mask=mask.to("meta"), **UNEQUAL)
    with pytest.raises(InputError, match=r"an input of torch.float32, a weight of torch.float64, a bias of"):
        deform_conv2d(input.float(), offset, weight, bias, **UNEQUAL)
    with pytest.raises(InputError, match=r"stride as one whole number or two, of at least 1, got stride=0"):
        deform_conv2d(input, offset, weight, bias, stride=0)
    with pytest.raises(InputError, match=r"padding as one whole number or two"):
        deform_conv2d(input, offset, weight, bias, padding=(1, -1))
