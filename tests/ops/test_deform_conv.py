"""Deformable convolution against its definition, published values, what offsets mean, and gradients."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from pixelwise.ops import deform_op
from pixelwise.ops.deform_conv import deform_conv2d
from references.deform_conv import deform_conv_by_hand

# As torchvision's own test: everything differs between the axes. (channels, outputs, weight groups, offset groups)
UNEQUAL: dict[str, Any] = {"stride": (2, 1), "padding": (1, 0), "dilation": (2, 1)}
GROUPS = [(6, 2, 2, 3), (6, 4, 1, 1), (4, 8, 4, 2), (4, 2, 1, 4)]


def sample(
    batch: int, groups: tuple[int, int, int, int] = (6, 2, 2, 3), size: tuple[int, int] = (5, 4), spread: float = 2
) -> list[Tensor]:
    """Input, offset, weight, bias and mask in float64 for a kernel of (3, 2) and the unequal numbers."""
    channels, outputs, weight_groups, offset_groups = groups
    rows, columns = (size[0] + 2 - 5) // 2 + 1, size[1] - 1
    return [
        torch.rand(batch, channels, *size).double(),
        torch.randn(batch, 2 * 6 * offset_groups, rows, columns).double() * spread,
        torch.randn(outputs, channels // weight_groups, 3, 2).double(),
        torch.randn(outputs).double(),
        torch.rand(batch, 6 * offset_groups, rows, columns).double(),
    ]


def run(tensors: list[Tensor], masked: bool = True) -> Tensor:
    input, offset, weight, bias, mask = tensors
    return deform_conv2d(input, offset, weight, bias, mask=mask if masked else None, **UNEQUAL)


def gradients(tensors: list[Tensor]) -> list[Tensor]:
    leaves = [tensor.detach().clone(memory_format=torch.preserve_format).requires_grad_() for tensor in tensors]
    output = run(leaves)
    torch.manual_seed(1)
    return list(torch.autograd.grad(output, leaves, torch.randn(output.shape, dtype=torch.float64).to(output.dtype)))


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(("batch", "groups"), [(33, GROUPS[0]), (0, GROUPS[0]), *((2, group) for group in GROUPS[1:])])
def test_values_equal_the_definition(batch: int, groups: tuple[int, int, int, int], masked: bool) -> None:
    tensors = sample(batch, groups)
    input, offset, weight, bias, mask = (tensor.numpy() for tensor in tensors)
    expected = deform_conv_by_hand(input, offset, weight, bias, mask if masked else None, **UNEQUAL)
    assert_close(run(tensors, masked), torch.from_numpy(expected))


def test_published_values() -> None:
    # detectron2's tests/layers/test_deformable.py: ones as weights, every tap half a pixel down and right.
    images = torch.arange(25.0).view(1, 1, 5, 5)
    offset, weight = torch.full((1, 18, 5, 5), 0.5), torch.ones(1, 1, 3, 3)
    expected = torch.tensor(
        [
            [30, 41.25, 48.75, 45, 28.75],
            [62.25, 81, 90, 80.25, 50.25],
            [99.75, 126, 135, 117.75, 72.75],
            [105, 131.25, 138.75, 120, 73.75],
            [71.75, 89.25, 93.75, 80.75, 49.5],
        ]
    )
    output = deform_conv2d(images, offset, weight, padding=1)
    assert_close(output[0, 0], expected)
    masked = deform_conv2d(images, offset, weight, padding=1, mask=torch.full((1, 9, 5, 5), 0.5))
    assert_close(masked[0, 0], expected / 2)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_without_offsets_it_is_a_convolution(groups: int) -> None:
    images, weight, bias = torch.randn(3, 8, 11, 9), torch.randn(16, 8 // groups, 3, 3), torch.randn(16)
    settings: dict[str, Any] = {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 1)}
    expected = F.conv2d(images, weight, bias, groups=groups, **settings)
    offset = torch.zeros(3, 18, *expected.shape[2:])
    assert_close(deform_conv2d(images, offset, weight, bias, **settings), expected, atol=1e-5, rtol=1e-5)


def test_one_kernel_position_leaves_its_arguments_alone() -> None:
    tensors = [torch.rand(1, 3, 5, 6), torch.randn(1, 2, 5, 6), torch.randn(2, 3, 1, 1), torch.rand(1, 1, 5, 6)]
    copies = [tensor.clone().requires_grad_() for tensor in tensors]
    input, offset, weight, mask = copies
    output = deform_conv2d(input, offset, weight, mask=mask)
    numbers = [tensor.double().numpy() for tensor in tensors]
    expected = deform_conv_by_hand(numbers[0], numbers[1], numbers[2], None, numbers[3], (1, 1), (0, 0), (1, 1))
    assert_close(output.double(), torch.from_numpy(expected), atol=1e-5, rtol=1e-5)
    output.sum().backward()
    for tensor, copy in zip(tensors, copies, strict=True):
        assert torch.equal(tensor, copy)


def test_offsets_are_down_then_right_for_each_group() -> None:
    images = torch.randn(1, 4, 9, 9)
    offset = torch.tensor([2.0, -1.0, 0.0, 3.0]).view(1, 4, 1, 1).expand(1, 4, 9, 9)
    output = deform_conv2d(images, offset, torch.eye(4)[:, :, None, None])
    assert_close(output[:, :2, :7, 1:], images[:, :2, 2:, :8])
    assert_close(output[:, 2:, :, :6], images[:, 2:, :, 3:])
    assert (output[:, :2, 7:] == 0).all()
    assert (output[:, 2:, :, 6:] == 0).all()


@pytest.mark.parametrize(
    ("y", "value"), [(-5, 0), (-1, 0), (-0.75, 0.25), (0, 1), (3, 4), (3.25, 3), (3.75, 1), (4, 0), (1e30, 0)]
)
def test_samples_fade_out_within_a_pixel_of_the_border(y: float, value: float) -> None:
    column = torch.tensor([1.0, 2, 3, 4]).view(1, 1, 4, 1)
    offset = torch.zeros(1, 2, 4, 1)
    offset[0, 0, 0] = y
    assert deform_conv2d(column, offset, torch.ones(1, 1, 1, 1))[0, 0, 0, 0].item() == value


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 3e38, -3e38])
@pytest.mark.parametrize("part", [0, 1])
def test_offsets_to_nowhere_read_nothing(bad: float, part: int) -> None:
    tensors = sample(2)
    kernel_position = 4
    tensors[1][1, 2 * kernel_position + part, 0, 1] = bad
    off_the_image = [tensor.clone() for tensor in tensors]
    off_the_image[1][1, 2 * kernel_position + part, 0, 1] = 100
    assert_close(run(tensors), run(off_the_image), atol=0, rtol=0)
    for found, expected in zip(gradients(tensors), gradients(off_the_image), strict=True):
        assert_close(found, expected, atol=0, rtol=0)
    assert gradients(tensors)[1][1, 2 * kernel_position + part, 0, 1] == 0


def test_pixels_that_are_not_finite_stay_local() -> None:
    images = torch.ones(1, 1, 6, 6)
    images[0, 0, 0, 0] = float("nan")
    images[0, 0, 5, 5] = float("inf")
    offset = torch.zeros(1, 2, 6, 6)
    offset[0, :, 3] = 50  # off the image, where a held position must not read a corner
    output = deform_conv2d(images, offset, torch.ones(1, 1, 1, 1))[0, 0]
    assert output[3].eq(0).all()
    # Infinity times a weight of 0 is NaN beside it, above and to the left, as everywhere in torch.
    assert output[:4].isfinite().sum() == 4 * 6 - 1
    assert not output[5, 5].isfinite()


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("masked", [True, False])
def test_gradients(groups: tuple[int, int, int, int], masked: bool) -> None:
    # Offsets away from whole numbers, where the slope jumps and finite differences mean nothing.
    tensors = sample(2, groups, spread=1)
    tensors[1] = tensors[1].floor() + 0.1 + 0.8 * torch.rand_like(tensors[1])
    leaves = [tensor.requires_grad_() for tensor in tensors]
    if masked:
        assert torch.autograd.gradcheck(lambda *leaves: run(list(leaves)), leaves, fast_mode=True)
    else:
        assert torch.autograd.gradcheck(lambda *some: run([*some, leaves[4]], masked=False), leaves[:4], fast_mode=True)


@pytest.mark.parametrize("wanted", range(5))
def test_each_gradient_alone_is_the_same(wanted: int) -> None:
    tensors = sample(2)
    together = gradients(tensors)
    tensors[wanted].requires_grad_()
    output = run(tensors)
    torch.manual_seed(1)
    (alone,) = torch.autograd.grad(output, tensors[wanted], torch.randn_like(output))
    assert_close(alone, together[wanted], atol=0, rtol=0)


def test_second_derivatives_are_refused() -> None:
    tensors = [tensor.requires_grad_() for tensor in sample(1)]
    (grad,) = torch.autograd.grad(run(tensors).square().sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        torch.autograd.grad(grad.sum(), tensors[0])


def test_runs_agree_bit_for_bit() -> None:
    tensors = [tensor.float() for tensor in sample(3, size=(40, 40), spread=20)]
    assert torch.equal(run(tensors), run(tensors))
    for first, second in zip(gradients(tensors), gradients(tensors), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("values", [1, 6 * 6 * 15, 6 * 6 * 15 * 8, 6 * 6 * 15 * 8 * 2])
def test_chunks_change_nothing(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # From one row at a time over pieces of an image to two images at once; 8 rows of 15 outputs each.
    tensors = sample(3, size=(17, 16), spread=5)
    expected, expected_gradients = run(tensors), gradients(tensors)
    monkeypatch.setattr(deform_op, "CHUNK", values)
    monkeypatch.setattr(deform_op, "IMAGE_SHARE", 10**9)
    monkeypatch.setattr(deform_op, "LEAST_CHANNELS", 0)
    assert_close(run(tensors), expected)
    for found, wanted in zip(gradients(tensors), expected_gradients, strict=True):
        assert_close(found, wanted)


def test_many_images_equal_single_ones() -> None:
    # The narrow shape of torchvision's issue 2598, where gradients went wrong; a quarter of its height.
    images, weight = torch.randn(2, 9, 250, 110), torch.randn(9, 9, 3, 3)
    offset, mask = torch.rand(2, 18, 250, 110), torch.rand(2, 9, 250, 110)

    def gradient(which: slice) -> tuple[Tensor, ...]:
        leaves = [tensor[which].requires_grad_() for tensor in (images, offset, mask)] + [weight.requires_grad_()]
        output = deform_conv2d(leaves[0], leaves[1], weight, padding=1, mask=leaves[2])
        return torch.autograd.grad(output.sum(), leaves)

    both, first, second = gradient(slice(0, 2)), gradient(slice(0, 1)), gradient(slice(1, 2))
    for index in range(3):
        assert_close(both[index], torch.cat([first[index], second[index]]))
    assert_close(both[3], first[3] + second[3], rtol=1e-4, atol=1e-2)


def test_any_layout() -> None:
    tensors = sample(2)
    expected, expected_gradients = run(tensors), gradients(tensors)
    assert expected.is_contiguous()
    strided = [tensor.transpose(0, -1).contiguous().transpose(0, -1) for tensor in tensors]
    assert not strided[0].is_contiguous()
    assert_close(run(strided), expected)
    last = [*(t.contiguous(memory_format=torch.channels_last) for t in tensors[:3]), *tensors[3:]]
    assert_close(run(last), expected)
    assert run(last).is_contiguous(memory_format=torch.channels_last)
    for found, wanted in zip(gradients(last), expected_gradients, strict=True):
        assert_close(found, wanted)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 4e-3), (torch.bfloat16, 4e-2)])
def test_precisions(dtype: torch.dtype, tolerance: float) -> None:
    rounded = [tensor.to(dtype) for tensor in sample(2)]
    exact = [tensor.double() for tensor in rounded]
    output = run(rounded)
    assert output.dtype == dtype
    assert_close(output.double(), run(exact), atol=tolerance, rtol=tolerance)
    for found, wanted in zip(gradients(rounded), gradients(exact), strict=True):
        assert found.dtype == dtype
        assert (found.double() - wanted).abs().max() <= tolerance * (1 + wanted.abs().max())


def test_half_precision_reads_at_exact_places() -> None:
    # Beyond 2048, half precision has only every second whole number.
    images = torch.arange(2500).remainder(7).half().view(1, 1, 1, -1)
    offset = torch.zeros(1, 2, 1, 2500)
    assert torch.equal(deform_conv2d(images, offset, torch.ones(1, 1, 1, 1).half()), images)


def test_autocast_multiplies_in_half_as_convolutions_do() -> None:
    tensors = [tensor.float() for tensor in sample(2)]
    with torch.autocast("cpu", torch.bfloat16):
        output = run(tensors)
    assert output.dtype == torch.bfloat16
    assert_close(output.float(), run(tensors), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("masked", [True, False])
def test_agrees_with_torchvision(groups: tuple[int, int, int, int], masked: bool) -> None:
    torchvision = pytest.importorskip("torchvision")
    ours = [tensor.float().requires_grad_() for tensor in sample(3, groups, size=(21, 18))]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    output = run(ours, masked)
    input, offset, weight, bias, mask = theirs
    expected = torchvision.ops.deform_conv2d(input, offset, weight, bias, mask=mask if masked else None, **UNEQUAL)
    assert_close(output, expected, atol=1e-5, rtol=1e-5)
    output.square().sum().backward()
    expected.square().sum().backward()
    for own, other in zip(ours[: 4 + masked], theirs, strict=False):
        assert_close(own.grad, other.grad, atol=1e-3, rtol=1e-4)


@pytest.mark.compile
@pytest.mark.parametrize("masked", [True, False])
def test_registration_is_complete(masked: bool) -> None:
    input, offset, weight, bias, mask = (tensor.requires_grad_() for tensor in sample(2))
    arguments = (input, offset, weight, bias, mask if masked else None, [2, 1], [1, 0], [2, 1])
    torch.library.opcheck(deform_op.deform_conv2d_op, arguments)
    last = input.detach().contiguous(memory_format=torch.channels_last)
    torch.library.opcheck(deform_op.deform_conv2d_op, (last, *arguments[1:]))


@pytest.mark.compile
def test_compiles_and_exports_as_one_node() -> None:
    tensors = [tensor.requires_grad_() for tensor in sample(2)]
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    assert_close(compiled(tensors), run(tensors))
    found = torch.autograd.grad(compiled(tensors).sum(), tensors)
    for one, other in zip(found, torch.autograd.grad(run(tensors).sum(), tensors), strict=True):
        assert_close(one, other)

    class Network(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return run(list(tensors))

    program = torch.export.export(Network(), tuple(tensor.detach() for tensor in tensors))
    nodes = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert nodes == [torch.ops.pixelwise.deform_conv2d.default]
    assert_close(program.module()(*tensors), run(tensors))
