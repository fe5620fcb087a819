"""FlowNet's correlation against its definition, its adjoint, its meaning, its memory and its refusals."""

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from pixelwise.errors import InputError
from pixelwise.ops.correlation import BLOCK, correlation
from references.correlation import correlate_by_hand
from references.separate_processes import run_python


def two_maps(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(*shape, dtype=dtype), torch.randn(*shape, dtype=dtype)


@pytest.mark.parametrize("size", [(5, 7), (6, 1), (1, 4)])
@pytest.mark.parametrize(
    ("max_displacement", "stride", "kernel_size", "position_stride"),
    [
        (0, 1, 1, 1),
        (1, 1, 1, 1),
        (4, 2, 1, 1),
        (5, 2, 1, 1),  # odd: the last pixel is out of reach
        (7, 3, 1, 1),
        (2, 5, 1, 1),  # no whole stride in reach: only displacement 0
        (2, 1, 3, 1),
        (2, 2, 5, 1),
        (3, 1, 1, 2),
        (4, 2, 1, 2),
        (4, 4, 1, 6),  # a divisor in common
        (4, 2, 3, 2),
        (1, 1, 3, 3),
    ],
)
def test_the_result_equals_the_definition(
    size: tuple[int, int], max_displacement: int, stride: int, kernel_size: int, position_stride: int
) -> None:
    first, second = two_maps(2, 3, *size)
    settings = (max_displacement, stride, kernel_size, position_stride)
    mean = correlation(first, second, *settings)
    assert_close(mean, correlate_by_hand(first, second, *settings))
    assert_close(correlation(first, second, *settings, reduction="sum"), mean * 3 * kernel_size**2)


@pytest.mark.parametrize("width", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_blocks_meet_without_a_seam(width: int) -> None:
    first, second = two_maps(1, 2, 2, width)
    assert_close(correlation(first, second, 3, 1), correlate_by_hand(first, second, 3, 1))


def test_the_defaults_are_those_of_flownet_c() -> None:
    first, second = two_maps(1, 4, 12, 16)
    result = correlation(first, second)
    assert result.shape == (1, 441, 12, 16)
    assert_close(result[0, 220], (first * second).mean(1)[0])  # displacement 0 in the middle
    assert_close(result[0, 221, :, :-2], (first[..., :-2] * second[..., 2:]).mean(1)[0])  # dx is the fast index
    assert_close(result[0, 241, :-2], (first[..., :-2, :] * second[..., 2:, :]).mean(1)[0])


def test_the_best_match_is_the_true_displacement() -> None:
    first = torch.randn(1, 64, 20, 24)
    second = first.roll((4, -2), dims=(2, 3))  # moved 4 pixels down and 2 to the left
    best = correlation(first, second, max_displacement=6, stride=2).argmax(1)[0, 6:-6, 6:-6]
    assert ((best // 7 - 3) * 2 == 4).all()
    assert ((best % 7 - 3) * 2 == -2).all()


@pytest.mark.parametrize("settings", [(4, 2, 1, 1), (3, 1, 3, 2), (2, 3, 1, 1), (2, 2, 3, 1), (6, 2, 1, 4)])
def test_the_gradients_are_exact(settings: tuple[int, int, int, int]) -> None:
    first, second = (maps.requires_grad_() for maps in two_maps(2, 2, 3, 4))
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, *settings), (first, second), fast_mode=True)


@pytest.mark.parametrize("settings", [(20, 2), (5, 1), (7, 3)])
def test_the_gradients_are_the_adjoint(settings: tuple[int, int]) -> None:
    # <corr(a, b), g> = <a, gradient to a> = <b, gradient to b>, because the result is linear in each.
    first, second = (maps.requires_grad_() for maps in two_maps(2, 8, 23, 37))
    result = correlation(first, second, *settings)
    weights = torch.randn_like(result)
    to_first, to_second = torch.autograd.grad(result, (first, second), weights)
    inner = (result * weights).sum()
    assert_close((first * to_first).sum(), inner)
    assert_close((second * to_second).sum(), inner)


def test_swapping_the_maps_turns_displacements_around() -> None:
    first, second = two_maps(1, 3, 9, 9)
    there, back = correlation(first, second, 2, 1), correlation(second, first, 2, 1)
    # What `first` at (3, 4) finds at dy = 1, dx = 2, `second` at (4, 6) finds at dy = -1, dx = -2.
    assert there[0, 3 * 5 + 4, 3, 4] == pytest.approx(back[0, 1 * 5 + 0, 4, 6].item())


def test_only_the_wanted_gradient_is_computed() -> None:
    first, second = two_maps(1, 2, 4, 4)
    second.requires_grad_()
    correlation(first, second, 1, 1).sum().backward()
    assert first.grad is None
    assert second.grad is not None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype: torch.dtype) -> None:
    first, second = two_maps(1, 300, 4, 5, dtype=dtype)
    result = correlation(first, second, 2, 1)
    assert result.dtype == dtype
    assert torch.equal(result, correlation(first.float(), second.float(), 2, 1).to(dtype))


def test_sums_beyond_half_precision_have_a_mean() -> None:
    maps = torch.full((1, 512, 3, 3), 16.0, dtype=torch.float16)  # the sum of products, 131072, is no half
    assert (correlation(maps, maps, 0, 1) == 256).all()


def test_any_layout_gives_the_same_and_the_maps_stay_as_they_are() -> None:
    first, second = two_maps(2, 6, 7, 9, dtype=torch.float32)
    before = first.clone(), second.clone()
    result = correlation(first, second, 3, 1)
    assert torch.equal(first, before[0])
    assert torch.equal(second, before[1])
    last = correlation(*(maps.to(memory_format=torch.channels_last) for maps in before), 3, 1)
    strided = correlation(*(maps.repeat(1, 1, 1, 2)[..., :9] for maps in before), 3, 1)
    assert torch.equal(result, last)
    assert torch.equal(result, strided)
    # One place and one channel: the copies inside must be copies even where the layout fits already.
    one = torch.full((1, 1, 1, 9), 2.0)
    correlation(one, one, 0, 1, kernel_size=3)
    assert (one == 2).all()


def test_repeated_runs_agree_bit_for_bit() -> None:
    first, second = (maps.requires_grad_() for maps in two_maps(2, 16, 20, 30, dtype=torch.float32))
    runs = []
    for _ in range(2):
        result = correlation(first, second)
        runs.append((result, *torch.autograd.grad(result.square().sum(), (first, second))))
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


def test_a_broken_number_stays_where_it_is() -> None:
    first, second = two_maps(1, 2, 6, 40)
    second[0, 0, 3, 20] = float("nan")
    broken = correlation(first, second, 2, 1).isnan().any(1)[0]
    assert broken.sum() == 25
    assert broken[1:6, 18:23].all()


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5)])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_no_images_or_no_channels(shape: tuple[int, ...], kernel_size: int) -> None:
    first, second = (maps.requires_grad_() for maps in two_maps(*shape))
    result = correlation(first, second, 2, 1, kernel_size)
    assert torch.equal(result, torch.zeros(shape[0], 25, 4, 5, dtype=torch.float64))
    result.sum().backward()
    assert first.grad is not None
    assert first.grad.shape == shape


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a peak since a moment")
def test_flownet_c_needs_little_memory() -> None:
    # 256x48x64 are the features of a picture of 384x512. The gradients, 6 MiB, count as well.
    program = """
import torch
from pathlib import Path
from pixelwise.ops.correlation import correlation
torch.set_num_threads(1)
def resident(line):
    return int(Path("/proc/self/status").read_text().split(line)[1].split()[0])
first, second = (torch.ones(1, 256, 48, 64, requires_grad=True) for _ in range(2))
correlation(*torch.ones(2, 1, 1, 4, 4, requires_grad=True).unbind()).sum().backward()
Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
start = resident("VmRSS:")
result = correlation(first, second)
forward = resident("VmHWM:")
result.sum().backward()
print(forward - start, resident("VmHWM:") - start)
"""
    answer = run_python(program)
    assert answer.returncode == 0, answer.stderr
    forward, both = (int(kib) / 1024 for kib in answer.stdout.split())
    assert 5 <= forward <= 64  # the result alone takes 5 MiB
    assert forward <= both <= 128


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second": torch.zeros(1, 2, 4, 5).half()}, r"got \(1, 2, 4, 5\) torch.float32 on cpu and .*float16 on cpu"),
        ({"second": torch.zeros(1, 2, 4, 5, device="meta")}, "torch.float32 on meta\nhint: compute both with the same"),
        ({"max_displacement": -1}, "wanted max_displacement of at least 0, .*, got -1, 2 and 1\nhint: .*FlowNetC"),
        ({"stride": 0}, "wanted max_displacement of at least 0, .*, got 20, 0 and 1"),
        ({"position_stride": 0}, "wanted max_displacement of at least 0, .*, got 20, 2 and 0"),
        ({"kernel_size": 2}, "wanted an odd kernel_size of at least 1, got 2\nhint: an even window has no centre"),
        ({"kernel_size": -1}, "wanted an odd kernel_size of at least 1, got -1"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"first": torch.zeros(1, 2, 4, 5), "second": torch.zeros(1, 2, 4, 5), **change}
    with pytest.raises(InputError, match=message):
        correlation(**arguments)  # type: ignore[arg-type]


@pytest.mark.compile
def test_what_the_shape_checker_refuses_is_refused_without_it() -> None:
    integers, maps = torch.zeros(1, 2, 4, 5, dtype=torch.int64), torch.zeros(1, 2, 4, 5)
    with pytest.raises(InputError, match=r"wanted float feature maps, got torch.int64\nhint: convert both"):
        correlation(integers, integers)
    with pytest.raises(InputError, match=r"wanted two feature maps B C H W .*, got \(2, 4, 5\)"):
        correlation(maps[0], maps[0])
    with pytest.raises(InputError, match=r"of one shape, .*, got \(1, 2, 4, 5\) .* and \(1, 2, 4, 4\)"):
        correlation(maps, maps[..., :4])
    with pytest.raises(InputError, match="wanted reduction 'mean' or 'sum', got 'max'"):
        correlation(maps, maps, reduction="max")  # type: ignore[arg-type]


def test_maps_without_pixels_are_refused() -> None:
    with pytest.raises(InputError, match=r"wanted feature maps with pixels, got shape \(1, 2, 0, 5\)\nhint: leave"):
        correlation(*two_maps(1, 2, 0, 5))


@pytest.mark.compile
def test_the_registration_is_complete() -> None:
    first, second = (maps.requires_grad_() for maps in two_maps(1, 2, 5, 6))
    torch.library.opcheck(torch.ops.pixelwise.correlation.default, (first, second, 2, 1, 0.5))
    weights = torch.randn(1, 25, 5, 6, dtype=torch.float64)
    torch.library.opcheck(torch.ops.pixelwise.correlation_backward.default, (weights, first.detach(), 2, 1, 0.5))


@pytest.mark.compile
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_compile_and_export_pass_through(kernel_size: int) -> None:
    class Correlation(torch.nn.Module):
        def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            return correlation(first, second, 4, 2, kernel_size) * 2

    first, second = (maps.requires_grad_() for maps in two_maps(1, 3, 9, 11))
    expected = correlation(first, second, 4, 2, kernel_size) * 2
    compiled = torch.compile(Correlation(), fullgraph=True, backend="aot_eager")(first, second)
    assert_close(compiled, expected)
    gradients = [torch.autograd.grad(result.square().sum(), first)[0] for result in (compiled, expected)]
    assert_close(*gradients)
    sizes = {2: torch.export.Dim("height", min=2), 3: torch.export.Dim("width", min=2)}
    program = torch.export.export(Correlation(), (first, second), dynamic_shapes=(sizes, sizes))
    other = two_maps(1, 3, 6, 20)
    assert_close(program.module()(*other), correlation(*other, 4, 2, kernel_size) * 2)
