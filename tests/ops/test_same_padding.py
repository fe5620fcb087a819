"""The padding keeps sizes, agrees with torch's "same" and says on which side the odd pixel lies."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.same_padding import same_padding


# torch says that it pads by a copy there, which is what is compared with.
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize(("kernel", "dilation"), list(itertools.product([1, 2, 3, 4, (3, 2), 7], [1, 2, 3, (2, 1)])))
def test_equals_torch_and_keeps_the_size(kernel: int | tuple[int, int], dilation: int | tuple[int, int]) -> None:
    maps = torch.randn(1, 1, 11, 10, dtype=torch.float64)
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    weight = torch.randn(1, 1, *sides, dtype=torch.float64)
    (above, below), (left, right) = same_padding(kernel, dilation)
    padded = F.pad(maps, (left, right, above, below))
    output = F.conv2d(padded, weight, dilation=dilation)
    assert output.shape == maps.shape
    assert_close(output, F.conv2d(maps, weight, padding="same", dilation=dilation))
    for stride in (2, 3):
        # A strided output is the plain one at every stride-th pixel, from pixel 0 on.
        assert_close(F.conv2d(padded, weight, dilation=dilation, stride=stride), output[..., ::stride, ::stride])


def test_the_odd_pixel_goes_below_and_right() -> None:
    assert same_padding(2) == ((0, 1), (0, 1))
    assert same_padding(4, 3) == ((4, 5), (4, 5))
    assert same_padding((2, 3), (2, 5)) == ((1, 1), (5, 5))


def test_numbers_below_one_are_named() -> None:
    with pytest.raises(InputError, match="kernel_size as one whole number or two, of at least 1, got kernel_size=0"):
        same_padding(0)
    with pytest.raises(InputError, match=r"dilation as one whole number or two, of at least 1, got dilation=\(1, 0\)"):
        same_padding(3, (1, 0))
